// The card window's half of a card request (docs/spec/card-request.md).
//
// It believes nothing of the calling page but what the browser itself vouches for: event.source and event.origin.
// Everything checked here is checked again by the server, which makes the text that the card signs.

const settings = JSON.parse(document.getElementById("window-settings").textContent);
const texts = settings.texts;
const caller = window.opener;
const element = (id) => document.getElementById(id);
const states = [...document.querySelectorAll("[data-state]")];
const form = element("pin-form");
const input = element("pin");
const submitButton = element("submit-pin");

const DOCUMENT_LIMIT = 32 * 1024;
const DECEIVING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
const KINDS = {
  authenticate: { members: ["nonce", "operation", "purpose", "relying_party", "version"], secret: "pin", needs: "authentication" },
  sign_document: { members: ["document", "operation", "origin", "relying_party", "version"], secret: "password", needs: "signature" },
  read_attributes: { members: ["operation", "relying_party", "version"], secret: "pin", needs: null },
};
const SECRETS = { pin: /^[0-9]{4}$/, password: /^[A-Z0-9]{6,16}$/ };

let call = null;
let refusal = "card.cancelled";
let finished = false;

function show(name) {
  for (const state of states) state.hidden = state.dataset.state !== name;
  const heading = document.querySelector(`[data-state="${name}"] h1`);
  if (heading) heading.focus();
}

function send(message) {
  if (finished) return;
  finished = true;
  // Only to the page that asked: if another document has taken its place, the browser drops the message.
  if (call !== null && caller) caller.postMessage(message, call.origin);
  window.setTimeout(() => window.close(), 800);
}

function refuse() {
  send({ musubi: "refusal", code: refusal });
  if (call === null) window.close();
}

// ---- The request

const isText = (value) => typeof value === "string";
const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const hasMembers = (value, names) => isRecord(value) && Object.keys(value).sort().join() === names.join();

function isName(value) {
  return isText(value) && value.trim() !== "" && [...value].length <= 100 && !value.includes("\n") && !DECEIVING.test(value);
}

function isRelyingParty(value) {
  return hasMembers(value, ["id", "name"]) && isText(value.id) && /^rp_[A-Za-z0-9_-]{1,64}$/.test(value.id)
    && hasMembers(value.name, ["en", "ja"]) && isName(value.name.ja) && isName(value.name.en);
}

function faultOf(request, origin) {
  const kind = isRecord(request) && Object.hasOwn(KINDS, request.operation) ? KINDS[request.operation] : null;
  if (kind === null || !hasMembers(request, kind.members) || request.version !== 1 || !isRelyingParty(request.relying_party)) {
    return "request.malformed";
  }
  if (request.operation === "authenticate") {
    const right = isText(request.nonce) && /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(request.nonce)
      && isText(request.purpose) && /^[a-z0-9_]{1,64}$/.test(request.purpose);
    return right ? null : "request.malformed";
  }
  if (request.operation === "sign_document") {
    const text = request.document;
    if (!isText(text) || !isText(request.origin) || text === "" || DECEIVING.test(text)
      || new TextEncoder().encode(text).length > DOCUMENT_LIMIT) {
      return "request.malformed";
    }
    const origins = text.split("\n").filter((line) => line.startsWith("origin: "));
    const own = (line) => line === `origin: ${origin}`;
    return request.origin === origin && origins.length > 0 && origins.every(own) ? null : "card.origin_mismatch";
  }
  return null;
}

function receive(event) {
  // The first request stands: a page cannot put another one under a PIN that is being typed.
  if (call !== null || event.source !== caller || event.origin === "null") return;
  if (!isRecord(event.data) || event.data.musubi !== "request") return;
  const request = event.data.request;
  call = { origin: event.origin, request };
  const fault = faultOf(request, event.origin);
  if (fault !== null) {
    stopAt("refused", fault);
    element("refused-what").textContent = fault === "request.malformed" ? texts.malformed : texts.origin_mismatch;
    element("refused-origin").textContent = event.origin;
    return;
  }
  present();
}

function stopAt(state, code) {
  refusal = code;
  show(state);
}

function present() {
  const { origin, request } = call;
  const kind = KINDS[request.operation];
  if (settings.card === null) return stopAt("no-card", "card.none");
  if (kind.needs !== null && !settings.card[kind.needs]) return stopAt("absent", "card.certificate_absent");
  if (settings.card[`${kind.secret}_tries`] === 0) return stopAt("blocked", "pin.blocked");

  element("request-title").textContent = texts[request.operation].title;
  element("request-explanation").textContent = texts[request.operation].explanation;
  element("request-origin").textContent = origin;
  element("request-party").textContent = request.relying_party.name[document.documentElement.lang === "en" ? "en" : "ja"];
  element("request-party-id").textContent = request.relying_party.id;
  if (request.operation === "sign_document") {
    element("request-document").textContent = request.document;
    element("document-part").hidden = false;
  } else if (request.operation === "authenticate") {
    element("request-text").textContent = `Musubi user authentication 1\norigin: ${origin}\n`
      + `relying-party: ${request.relying_party.id}\npurpose: ${request.purpose}\nnonce: ${request.nonce}\n`;
    element("text-part").hidden = false;
  }
  element("pin-label").textContent = texts[kind.secret].label;
  element("pin-support").textContent = texts[kind.secret].support;
  input.maxLength = kind.secret === "pin" ? 4 : 16;
  input.inputMode = kind.secret === "pin" ? "numeric" : "text";
  element("keypad-pin").hidden = kind.secret !== "pin";
  element("keypad-password").hidden = kind.secret !== "password";
  submitButton.textContent = texts[request.operation].submit;
  tell(settings.card[`${kind.secret}_tries`]);
  show("request");
}

// ---- The PIN

function tell(triesLeft) {
  element("tries-left").textContent = texts.tries.replace("{n}", String(triesLeft));
}

function complain(text) {
  element("pin-error").textContent = text;
  element("pin-field").classList.toggle("field-error", text !== "");
  if (text === "") input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

function progress() {
  element("pin-progress").textContent = texts.progress.replace("{n}", String(input.value.length));
}

function press(key) {
  complain("");
  if (key === "delete") input.value = input.value.slice(0, -1);
  else if (key === "clear") input.value = "";
  else if (input.value.length < input.maxLength) input.value += key;
  progress();
}

async function submit(event) {
  event.preventDefault();
  if (submitButton.disabled || finished) return;
  const { secret } = KINDS[call.request.operation];
  const pin = input.value.trim().toUpperCase();
  if (!SECRETS[secret].test(pin)) {
    complain(texts[secret].form);
    input.focus();
    return;
  }
  submitButton.disabled = true;
  complain("");
  element("pin-progress").textContent = texts.working;
  let outcome;
  try {
    const response = await fetch("/window/answer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ origin: call.origin, request: call.request, pin }),
    });
    outcome = { ok: response.ok, body: await response.json() };
  } catch {
    outcome = null;
  }
  submitButton.disabled = false;
  input.value = "";
  element("pin-progress").textContent = "";
  if (finished) return;
  if (outcome !== null && outcome.ok) {
    show("done");
    send({ musubi: "response", response: outcome.body });
    return;
  }
  judge(outcome === null ? null : outcome.body);
}

function judge(problem) {
  const code = problem === null ? "" : problem.code;
  if (code === "pin.wrong" && problem.tries_left > 0) {
    tell(problem.tries_left);
    complain(`${texts[KINDS[call.request.operation].secret].wrong} ${texts.tries.replace("{n}", String(problem.tries_left))}`);
    input.focus();
  } else if (code === "pin.wrong" || code === "pin.blocked") {
    stopAt("blocked", "pin.blocked");
  } else if (code === "card.none") {
    stopAt("no-card", code);
  } else if (code === "card.certificate_absent") {
    stopAt("absent", code);
  } else if (code === "request.malformed" || code === "card.origin_mismatch") {
    stopAt("refused", code);
    element("refused-what").textContent = code === "request.malformed" ? texts.malformed : texts.origin_mismatch;
    element("refused-origin").textContent = call.origin;
  } else {
    complain(texts.failed);
    input.focus();
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
input.addEventListener("input", () => {
  complain("");
  progress();
});
element("show-pin").addEventListener("change", (event) => {
  input.type = event.target.checked ? "text" : "password";
});
element("fill-pin").addEventListener("click", () => {
  complain("");
  input.value = settings.demo[KINDS[call.request.operation].secret];
  progress();
  submitButton.focus();
});
for (const button of document.querySelectorAll("[data-refuse]")) button.addEventListener("click", refuse);
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
