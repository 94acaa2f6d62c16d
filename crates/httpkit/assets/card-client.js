// The page's half of a card request. The card window is another origin: nothing but messages passes between.
//
// A page has <script type="application/json" id="card-request">, a button [data-card-origin], a form
// [data-card-form], and #card-status, whose data attributes hold the texts in the page's language. With
// data-card-fill on the button the answer only fills the fields; otherwise the form is sent.

const button = document.querySelector("[data-card-origin]");
const form = document.querySelector("[data-card-form]");
const line = document.getElementById("card-status");
const ANSWER_FIELDS = ["certificate", "signature", "origin", "name", "address", "date_of_birth", "sex"];
const SILENCE_MS = 15000;

let running = null;

function say(key, tone) {
  const text = line.getAttribute("data-" + key);
  line.textContent = text === null ? line.getAttribute("data-refusal") : text;
  line.className = "card-status" + (tone ? " card-status-" + tone : "");
}

function stop() {
  if (running === null) return;
  window.removeEventListener("message", running.listener);
  window.clearInterval(running.watch);
  window.clearTimeout(running.silence);
  running = null;
  button.disabled = false;
}

function fill(values) {
  for (const name of ANSWER_FIELDS) {
    const value = values[name];
    if (typeof value !== "string") continue;
    for (const field of form.querySelectorAll(`[name="${name}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
}

function complete(values, popup) {
  stop();
  popup.close();
  fill(values);
  if (button.hasAttribute("data-card-fill")) {
    say("filled", "success");
    button.focus();
    return;
  }
  say("sending");
  button.disabled = true;
  form.requestSubmit();
}

function answer(data, popup) {
  if (data.musubi === "refusal") {
    const code = typeof data.code === "string" ? data.code.replace(/[._]/g, "-") : "";
    stop();
    popup.close();
    say("refusal-" + code, "error");
    button.focus();
    return;
  }
  const response = data.response;
  const fields = response && (response.attributes || response);
  const wanted = button.hasAttribute("data-card-fill") ? ["name", "address"] : ["certificate", "signature"];
  if (fields && wanted.every((name) => typeof fields[name] === "string")) {
    complete(fields, popup);
  } else {
    stop();
    say("malformed", "error");
  }
}

function start() {
  stop();
  const cardOrigin = button.getAttribute("data-card-origin");
  const request = JSON.parse(document.getElementById("card-request").textContent);
  const language = document.documentElement.lang;
  // Directly in the click: a browser lets a window open only as a person's own act.
  const popup = window.open(`${cardOrigin}/window?lang=${language}`, "musubi-card", "popup,width=420,height=720");
  if (!popup) {
    say("blocked", "error");
    return;
  }
  say("opening");
  button.disabled = true;
  const listener = (event) => {
    // Only that window, and only while it shows the card's origin.
    if (event.source !== popup || event.origin !== cardOrigin) return;
    const data = event.data;
    if (data === null || typeof data !== "object") return;
    if (data.musubi === "ready") {
      window.clearTimeout(running.silence);
      popup.postMessage({ musubi: "request", request }, cardOrigin);
      say("waiting");
    } else if (data.musubi === "response" || data.musubi === "refusal") {
      answer(data, popup);
    }
  };
  window.addEventListener("message", listener);
  running = {
    listener,
    watch: window.setInterval(() => {
      if (!popup.closed) return;
      stop();
      say("closed", "warning");
    }, 400),
    silence: window.setTimeout(() => {
      stop();
      say("silent", "warning");
    }, SILENCE_MS),
  };
}

if (button && form && line) button.addEventListener("click", start);
// A page that comes back from the browser's cache must not stay locked.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && button) button.disabled = false;
});
