// The card window's half of a card request (docs/spec/card-request.md).
//
// It believes nothing of the calling page but what the browser itself vouches for: event.source and event.origin.
// Everything checked here is checked again by the server, which makes the text that the card signs.

import { CODE_OF, CONDITION_OF, FORMS, KINDS, faultOf, isRecord, isText, textOf } from "/assets/card-request.js";

const settings = JSON.parse(document.getElementById("window-settings").textContent);
const texts = settings.texts;
const caller = window.opener;
const element = (id) => document.getElementById(id);
const states = [...document.querySelectorAll("[data-state]")];
const origins = [...document.querySelectorAll("[data-origin]")];
const form = element("pin-form");
const submitButton = element("submit-pin");

// What no look again mends: the request itself is wrong.
const REFUSALS = ["request.malformed", "request.too_large", "card.origin_mismatch"];
const LOOK_AGAIN_MS = 1000;
// A click that was meant for the page behind must not fall on a button that has just appeared.
const UNARMED_MS = 500;
const PAIRING_KEY = "musubi-pairing";

const IN_SIGHT = 0.9; // So much of the address's box counts as all of it.
let call = null;
let refusal = "card.cancelled";
let finished = false;
let shown = "";
let sighted = false;
let holder = null;
let tries = {};
// What became of the last attempt, to be said beside the next one.
let unfinished = "";
let lookAgain = 0;

const fields = {
  main: { input: element("pin"), box: element("pin-field"), error: element("pin-error"), tries: element("tries-left") },
  text: { input: element("text-pin"), box: element("text-pin-field"), error: element("text-pin-error"), tries: element("text-pin-tries") },
};
let active = fields.main;

function show(name, detail = "") {
  if (shown === name + detail) return;
  shown = name + detail;
  sighted = false;
  for (const state of states) state.hidden = state.dataset.state !== name;
  for (const place of origins) sights.unobserve(place);
  for (const place of origins) sights.observe(place);
  arm();
  const heading = document.querySelector(`[data-state="${name}"] h1`);
  if (heading) heading.focus();
}

// Where a PIN is asked for, the PIN is the holder's word, and its button is always armed. Where a click alone is the word,
// the asking site's address has stood in sight before: the page that opens this window chooses its size.
function arm() {
  const byClick = call !== null && isRecord(call.request) && call.request.operation === "prove_presence";
  for (const button of byClick ? [element("approve"), submitButton] : [element("approve")]) {
    button.disabled = true;
    window.clearTimeout(button.armTimer);
    if (sighted) button.armTimer = window.setTimeout(() => { button.disabled = working; }, UNARMED_MS);
  }
}

const sights = new IntersectionObserver((entries) => {
  if (sighted || !entries.some((entry) => entry.intersectionRatio >= IN_SIGHT)) return;
  sighted = true;
  arm();
}, { threshold: IN_SIGHT });

function send(message) {
  if (finished) return;
  finished = true;
  window.clearTimeout(lookAgain);
  // Only to the page that asked: if another document has taken its place, the browser drops the message.
  if (call !== null && caller) caller.postMessage(message, call.origin);
  window.setTimeout(() => window.close(), 800);
}

function refuse() {
  send({ musubi: "refusal", code: refusal });
  if (call === null) window.close();
}

function stopAt(state, code) {
  refusal = code;
  show(state);
}

// ---- The request

function receive(event) {
  // The first request stands: a page cannot put another one under a PIN that is being typed.
  if (call !== null || event.source !== caller || event.origin === "null") return;
  if (!isRecord(event.data) || event.data.musubi !== "request") return;
  const request = event.data.request;
  call = { origin: event.origin, request };
  for (const place of origins) place.textContent = call.origin;
  const fault = faultOf(request, event.origin);
  if (fault !== null) {
    refuseRequest(fault);
    return;
  }
  const name = request.relying_party.name[document.documentElement.lang === "en" ? "en" : "ja"];
  for (const place of document.querySelectorAll("[data-party]")) place.textContent = name;
  show("looking");
  look();
}

function refuseRequest(code) {
  element("refused-what").textContent = code === "card.origin_mismatch" ? texts.origin_mismatch : texts.malformed;
  stopAt("refused", code);
}

// ---- The window's own requests

// Kept in memory where the browser keeps nothing for this site.
let pairing = null;

function pairingSecret() {
  try {
    return window.localStorage.getItem(PAIRING_KEY) ?? pairing;
  } catch {
    return pairing;
  }
}

function keepPairing(secret) {
  pairing = secret;
  try {
    window.localStorage.setItem(PAIRING_KEY, secret);
  } catch {
    // The holder will be asked again when the window opens next.
  }
}

async function ask(path, body) {
  const headers = { "content-type": "application/json" };
  const secret = pairingSecret();
  if (secret !== null) headers["musubi-pairing"] = secret;
  try {
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return { ok: response.ok, body: await response.json() };
  } catch {
    return null;
  }
}

async function look() {
  window.clearTimeout(lookAgain);
  const outcome = await ask("/window/state", { origin: call.origin, request: call.request });
  if (finished) return;
  if (outcome === null) return wait("unreachable");
  if (!outcome.ok) return REFUSALS.includes(outcome.body.code) ? refuseRequest(outcome.body.code) : wait("failed");
  const state = outcome.body;
  if (state.permission !== "granted") return askLeave(state.permission);
  if (state.condition !== "ready") return wait(state.condition);
  present(state);
}

function wait(name) {
  const condition = texts.conditions[name] ?? texts.conditions.failed;
  // Written once, so that a screen reader says it once.
  if (shown !== `condition${name}`) {
    element("condition-title").textContent = condition.title;
    element("condition-what").textContent = condition.what;
    element("condition-next").textContent = condition.next;
  }
  const choices = document.getElementById("card-choices");
  if (choices) choices.hidden = name !== "no_card";
  refusal = CODE_OF[name] ?? "card.cancelled";
  show("condition", name);
  lookAgain = window.setTimeout(look, LOOK_AGAIN_MS);
}

function askLeave(permission) {
  refusal = "card.cancelled";
  show(permission === "pairing_needed" ? "pairing" : "approval");
}

function problemText(outcome) {
  const seconds = outcome?.body.wait_seconds;
  if (Number.isInteger(seconds)) return texts.pairing_wait.replace("{seconds}", String(seconds));
  const told = outcome === null ? null : outcome.body.detail?.[document.documentElement.lang === "en" ? "en" : "ja"];
  const text = told ?? texts.conditions.unreachable;
  return `${text.what} ${text.next}`;
}

async function pair(event) {
  event.preventDefault();
  const button = element("submit-pairing");
  if (button.disabled) return;
  const code = typed(element("pairing-code")).replace(/[\s-]/g, "");
  if (!/^[A-Z0-9]{8}$/.test(code)) {
    element("pairing-error").textContent = texts.pairing;
    element("pairing-code").focus();
    return;
  }
  button.disabled = true;
  element("pairing-error").textContent = "";
  const outcome = await ask("/pair", { code });
  button.disabled = false;
  if (finished) return;
  if (outcome !== null && outcome.ok && isText(outcome.body.secret)) {
    keepPairing(outcome.body.secret);
    show("looking");
    look();
    return;
  }
  element("pairing-code").value = "";
  element("pairing-error").textContent = problemText(outcome);
  element("pairing-code").focus();
}

async function approve() {
  element("approval-error").textContent = "";
  const outcome = await ask("/window/approve", { origin: call.origin });
  if (finished) return;
  if (outcome === null || !outcome.ok) {
    element("approval-error").textContent = problemText(outcome);
  } else if (outcome.body.permission === "granted") {
    show("looking");
    look();
  } else {
    askLeave(outcome.body.permission);
  }
}

// ---- The card is there

let working = false;

const enrols = () => call.request.operation === "authenticate" && call.request.enrol_presence === true;

// The fields of this request, each with the PIN that it takes.
function asked() {
  const { pin } = KINDS[call.request.operation];
  const list = pin === null ? [] : [{ field: fields.main, pin }];
  return enrols() ? [...list, { field: fields.text, pin: "text_attributes" }] : list;
}

function present(state) {
  const { request } = call;
  const kind = KINDS[request.operation];
  const { overview } = state;
  holder = state.holder;
  tries = { authentication: overview.authentication_tries, signature: overview.signature_tries, text_attributes: overview.text_tries };
  if (kind.needs !== null && !overview[`has_${kind.needs}`]) return stopAbsent(kind.needs);
  const blocked = asked().find(({ pin }) => tries[pin] === 0);
  if (blocked) return stopBlocked(blocked.pin);

  refusal = "card.cancelled";
  const operation = texts.operations[request.operation];
  element("request-title").textContent = operation.title;
  element("request-explanation").textContent = operation.explanation;
  element("request-party-id").textContent = request.relying_party.id;
  element("holder-term").hidden = holder === null;
  element("window-card-holder").hidden = holder === null;
  element("window-card-holder").textContent = holder === null ? "" : holder.name;
  if (request.operation === "sign_document") {
    element("request-document").textContent = request.document;
    element("document-part").hidden = false;
  } else if (kind.title) {
    element("request-text").textContent = textOf(call.origin, request, texts.from_card);
    element("text-part").hidden = false;
  }
  element("validity-notice").hidden = state.validity === null;
  if (state.validity !== null) {
    const told = texts.validity[state.validity.state];
    element("validity-what").textContent = told.what.replace("{date}", state.validity.until);
    element("validity-next").textContent = told.next;
  }
  presentFields(kind);
  submitButton.textContent = operation.submit;
  show("request");
}

function presentFields(kind) {
  const isPassword = kind.pin === "signature";
  element("pin-field").hidden = kind.pin === null;
  element("secret-part").hidden = kind.pin === null;
  element("enrol-part").hidden = !enrols();
  if (kind.pin !== null) {
    element("pin-label").textContent = texts.pins[kind.pin].label;
    element("pin-support").textContent = texts.pins[kind.pin].support;
    fields.main.input.maxLength = isPassword ? 16 : 4;
    fields.main.input.inputMode = isPassword ? "text" : "numeric";
  }
  element("keypad-pin").hidden = isPassword;
  element("keypad-password").hidden = !isPassword;
  active = fields.main;
  clear();
  tell();
  element("form-error").textContent = unfinished;
  unfinished = "";
}

function stopAbsent(certificate) {
  element("absent-next").textContent = texts.absent[certificate] ?? texts.absent.signature;
  stopAt("absent", "card.certificate_absent");
}

function stopBlocked(pin) {
  element("blocked-what").textContent = texts.pins[pin].blocked;
  const kiosk = document.getElementById("blocked-kiosk");
  if (kiosk) kiosk.hidden = pin === "text_attributes";
  element("blocked-counter-line").hidden = holder === null;
  if (holder !== null) element("blocked-town").href = holder.counter;
  stopAt("blocked", "pin.blocked");
}

// ---- The PINs

function tell() {
  for (const { field, pin } of asked()) {
    const left = tries[pin];
    field.tries.textContent = Number.isInteger(left) ? texts.tries.replace("{n}", String(left)) : "";
  }
  element("last-try-part").hidden = !asked().some(({ pin }) => tries[pin] === 1);
  element("last-try").checked = false;
}

function complain(field, text) {
  field.error.textContent = text;
  field.box.classList.toggle("field-error", text !== "");
  if (text === "") field.input.removeAttribute("aria-invalid");
  else field.input.setAttribute("aria-invalid", "true");
}

function quiet() {
  element("form-error").textContent = "";
  for (const field of Object.values(fields)) complain(field, "");
}

function clear() {
  quiet();
  for (const field of Object.values(fields)) field.input.value = "";
  element("pin-progress").textContent = "";
}

function progress() {
  element("pin-progress").textContent = texts.progress.replace("{n}", String(active.input.value.length));
}

function press(key) {
  quiet();
  const { input } = active;
  if (key === "delete") input.value = input.value.slice(0, -1);
  else if (key === "clear") input.value = "";
  else if (input.value.length < input.maxLength) input.value += key;
  // Four digits are complete: the keypad goes on to the second PIN.
  if (enrols() && active === fields.main && input.value.length === 4 && fields.text.input.value === "") active = fields.text;
  progress();
}

function object(field, text) {
  complain(field, text);
  active = field;
  field.input.focus();
}

// As it is meant: a Japanese keyboard may write full-width letters and digits, which are none for the card.
function typed(input) {
  return input.value.normalize("NFKC").trim().toUpperCase();
}

async function submit(event) {
  event.preventDefault();
  if (submitButton.disabled || working || finished) return;
  const body = { origin: call.origin, request: call.request };
  for (const { field, pin } of asked()) {
    const value = typed(field.input);
    if (!FORMS[pin].test(value)) return object(field, texts.pins[pin].form);
    body[field === fields.main ? "pin" : "text_pin"] = value;
  }
  if (!element("last-try-part").hidden) {
    if (!element("last-try").checked) {
      element("form-error").textContent = texts.last_try;
      element("last-try").focus();
      return;
    }
    body.last_try = true;
  }
  working = true;
  submitButton.disabled = true;
  quiet();
  element("pin-progress").textContent = texts.working;
  const outcome = await ask("/window/answer", body);
  working = false;
  submitButton.disabled = false;
  clear();
  if (finished) return;
  if (outcome !== null && outcome.ok) {
    show("done");
    send({ musubi: "response", response: outcome.body });
    return;
  }
  judge(outcome);
}

function judge(outcome) {
  const problem = outcome === null ? {} : outcome.body;
  const { code, pin } = problem;
  const at = asked().find((each) => each.pin === pin);
  if (at && (code === "pin.wrong" || code === "pin.last_try")) {
    tries[at.pin] = code === "pin.last_try" ? 1 : problem.tries_left;
    if (tries[at.pin] === 0) return stopBlocked(at.pin);
    tell();
    const wrong = `${texts.pins[at.pin].wrong} ${texts.tries.replace("{n}", String(tries[at.pin]))}`;
    object(at.field, code === "pin.wrong" ? wrong : texts.last_try);
  } else if (code === "pin.blocked") {
    stopBlocked(Object.hasOwn(texts.pins, pin) ? pin : KINDS[call.request.operation].pin);
  } else if (Object.hasOwn(CONDITION_OF, code ?? "")) {
    wait(CONDITION_OF[code]);
  } else if (code === "card.certificate_absent") {
    stopAbsent(problem.certificate);
  } else if (code === "window.pairing_needed" || code === "window.approval_needed") {
    askLeave(code.slice("window.".length));
  } else if (REFUSALS.includes(code)) {
    refuseRequest(code);
  } else {
    // Nobody knows what the card has done: the tries are looked at anew before a PIN is asked for again.
    const trouble = outcome === null ? "unreachable" : "failed";
    unfinished = texts.conditions[trouble].what;
    wait(trouble);
  }
}

// ---- The keypads: one tab stop each, arrow keys inside

function arrange(pad) {
  const keys = [...pad.querySelectorAll("button")];
  const columns = Number(pad.dataset.columns);
  const focusOn = (index) => {
    const target = keys[index];
    if (!target) return;
    for (const key of keys) key.tabIndex = key === target ? 0 : -1;
    target.focus();
  };
  keys.forEach((key, index) => {
    key.tabIndex = index === 0 ? 0 : -1;
    key.addEventListener("click", () => press(key.dataset.key));
  });
  pad.addEventListener("keydown", (event) => {
    const at = keys.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (at >= 0 && Object.hasOwn(steps, event.key)) {
      event.preventDefault();
      focusOn(at + steps[event.key]);
    }
  });
}

for (const pad of document.querySelectorAll(".keypad")) arrange(pad);
form.addEventListener("submit", submit);
element("pairing-form").addEventListener("submit", pair);
element("approve").addEventListener("click", approve);
for (const field of Object.values(fields)) {
  field.input.addEventListener("focus", () => { active = field; });
  field.input.addEventListener("input", () => {
    complain(field, "");
    progress();
  });
}
element("show-pin").addEventListener("change", (event) => {
  for (const field of Object.values(fields)) field.input.type = event.target.checked ? "text" : "password";
});
element("same-pin").addEventListener("click", () => {
  complain(fields.text, "");
  fields.text.input.value = fields.main.input.value;
  submitButton.focus();
});
// Only the simulated nation has this button: its PINs are no secret.
document.getElementById("fill-pin")?.addEventListener("click", () => {
  quiet();
  for (const { field, pin } of asked()) field.input.value = pin === "signature" ? settings.demo.password : settings.demo.pin;
  progress();
  submitButton.focus();
});
for (const button of document.querySelectorAll("[data-refuse]")) button.addEventListener("click", refuse);
window.addEventListener("focus", arm);
// The page that opened this window can scroll it by what stands behind the #: only to hide what is asked.
window.addEventListener("hashchange", () => call !== null && !finished && refuseRequest("request.malformed"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") refuse();
});

if (caller) {
  show("waiting");
  window.addEventListener("message", receive);
  // To whoever opened this window: it says nothing that is not known to everyone.
  caller.postMessage({ musubi: "ready" }, "*");
} else {
  show("no-opener");
}
