// The page's half of a card request. The card window is another origin: nothing but messages passes between.
//
// A page has <script type="application/json" id="card-request">, one button [data-card-origin] for each place where
// the card may be, a form [data-card-form], and #card-status, whose data attributes hold the texts in the page's
// language. With data-card-fill on a button the answer only fills the fields; otherwise the form is sent.
// data-card-agent marks the button of the program on this computer: nobody answers there until it is started.

const buttons = [...document.querySelectorAll("[data-card-origin]")];
const form = document.querySelector("[data-card-form]");
const line = document.getElementById("card-status");
const ATTRIBUTES = ["name", "address", "date_of_birth", "sex"];
const SIGNED = ["certificate", "signature", "origin"];
const PRESENCE = ["key_record", "card_certificate", "signature"];
const SILENCE_MS = 15000;
// A program on this computer answers at once or is not there.
const AGENT_SILENCE_MS = 5000;

let running = null;

function say(key, tone) {
  const text = line.getAttribute("data-" + key);
  line.textContent = text === null ? line.getAttribute("data-refusal") : text;
  line.className = "card-status" + (tone ? " card-status-" + tone : "");
}

function lock(locked) {
  for (const button of buttons) button.disabled = locked;
}

function stop() {
  if (running === null) return;
  window.removeEventListener("message", running.listener);
  window.clearInterval(running.watch);
  window.clearTimeout(running.silence);
  running = null;
  lock(false);
}

const isRecord = (value) => value !== null && typeof value === "object";
const hasTexts = (value, names) => isRecord(value) && names.every((name) => typeof value[name] === "string");
const picked = (value, names, prefix) => names.map((name) => [prefix + name, value[name]]);

// What the answer to this request puts into the form, or null. What was not asked for is not taken.
function fieldsOf(request, response) {
  if (!isRecord(response)) return null;
  if (request.operation === "read_attributes") {
    return hasTexts(response.attributes, ["name", "address"]) ? picked(response.attributes, ATTRIBUTES, "") : null;
  }
  if (!hasTexts(response, SIGNED) || response.origin !== window.location.origin) return null;
  const fields = picked(response, SIGNED, "");
  if (request.enrol_presence !== true) return fields;
  return hasTexts(response.presence, PRESENCE) ? fields.concat(picked(response.presence, PRESENCE, "presence_")) : null;
}

function fill(fields) {
  for (const [name, value] of fields) {
    if (typeof value !== "string") continue;
    for (const field of form.querySelectorAll(`[name="${name}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
}

function complete(fields, button) {
  fill(fields);
  if (button.hasAttribute("data-card-fill")) {
    say("filled", "success");
    button.focus();
    return;
  }
  say("sending");
  lock(true);
  form.requestSubmit();
}

function answer(data, request, button, popup) {
  stop();
  if (data.musubi === "refusal") {
    const code = typeof data.code === "string" ? data.code.replace(/[._]/g, "-") : "";
    popup.close();
    say("refusal-" + code, "error");
    button.focus();
    return;
  }
  const fields = fieldsOf(request, data.response);
  if (fields === null) {
    say("malformed", "error");
    return;
  }
  popup.close();
  complete(fields, button);
}

function start(button) {
  stop();
  const cardOrigin = button.getAttribute("data-card-origin");
  const isAgent = button.hasAttribute("data-card-agent");
  const request = JSON.parse(document.getElementById("card-request").textContent);
  const language = document.documentElement.lang;
  // Directly in the click: a browser lets a window open only as a person's own act.
  const popup = window.open(`${cardOrigin}/window?lang=${language}`, "musubi-card", "popup,width=420,height=720");
  if (!popup) {
    say("blocked", "error");
    return;
  }
  say("opening");
  lock(true);
  let answered = false;
  const listener = (event) => {
    // Only that window, and only while it shows the card's origin.
    if (event.source !== popup || event.origin !== cardOrigin) return;
    const data = event.data;
    if (!isRecord(data)) return;
    if (data.musubi === "ready") {
      answered = true;
      window.clearTimeout(running.silence);
      popup.postMessage({ musubi: "request", request }, cardOrigin);
      lock(true);
      say("waiting");
    } else if (data.musubi === "response" || data.musubi === "refusal") {
      answer(data, request, button, popup);
    }
  };
  window.addEventListener("message", listener);
  // Silence does not end it: a program that is started now answers as soon as its window is loaded again.
  const silent = () => {
    lock(false);
    if (isAgent) say("agent-silent", "warning");
    else say("silent", "warning");
  };
  running = {
    listener,
    watch: window.setInterval(() => {
      if (!popup.closed) return;
      stop();
      if (isAgent && !answered) say("agent-silent", "warning");
      else say("closed", "warning");
    }, 400),
    silence: window.setTimeout(silent, isAgent ? AGENT_SILENCE_MS : SILENCE_MS),
  };
}

if (form && line) {
  for (const button of buttons) button.addEventListener("click", () => start(button));
}
// A page that comes back from the browser's cache must not stay locked.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) lock(false);
});
