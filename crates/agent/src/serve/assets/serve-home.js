// The connector's own page: pairs this browser, shows the card and the approved sites.
//
// The pairing secret is kept in localStorage: cookies are shared by all ports of a host, localStorage is not.
"use strict";

(() => {
  const KEY = "musubi-pairing";
  const { texts } = JSON.parse(document.getElementById("home-settings").textContent);
  const by = (id) => document.getElementById(id);
  const lang = document.documentElement.lang;

  const say = (text) => {
    by("home-status").textContent = text;
    by("home-status").className = text ? "card-status" : "";
  };

  const secret = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };

  // The answer, or the problem document as { problem }.
  const post = async (path, body) => {
    const headers = { "Content-Type": "application/json" };
    const known = secret();
    if (known) headers["Musubi-Pairing"] = known;
    try {
      const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
      const answer = await response.json();
      return response.ok ? answer : { problem: answer };
    } catch {
      return { problem: {} };
    }
  };

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

  const problemText = (problem) => {
    if (problem.code === "pairing.wait") return fill(texts.wait, { seconds: problem.wait_seconds });
    const detail = problem.detail?.[lang];
    return detail ? detail.what + detail.next : texts.failed;
  };

  const showCondition = (kind, what, next) => {
    by("card-condition").className = `notice notice-${kind}`;
    by("card-what").textContent = what;
    by("card-next").textContent = next;
    by("card-next").hidden = !next;
  };

  const tries = (there, left) => {
    if (!there) return texts.no_certificate;
    return left === 0 ? texts.blocked : fill(texts.tries, { n: left });
  };

  const showCard = (card, readers) => {
    const ready = card.condition === "ready";
    by("card-facts").hidden = !ready;
    if (ready) {
      by("card-pin").textContent = tries(card.has_authentication, card.authentication_tries);
      by("card-password").textContent = tries(card.has_signature, card.signature_tries);
      showCondition("success", texts.ready, "");
    } else {
      showCondition("warning", card.what, card.next);
    }
    const rows = readers.map((reader) => {
      const row = document.createElement("li");
      row.textContent = fill(reader.has_card ? texts.reader_with_card : texts.reader_empty, { name: reader.name });
      return row;
    });
    by("readers").replaceChildren(...rows);
    by("readers-title").hidden = rows.length === 0;
  };

  const siteRow = (site) => {
    const row = document.createElement("tr");
    const origin = document.createElement("th");
    origin.scope = "row";
    origin.textContent = site.origin;
    const date = document.createElement("td");
    date.className = "nowrap";
    date.dataset.label = by("sites-rows").dataset.labelDate;
    date.textContent = new Date(site.approved_at * 1000).toLocaleDateString(lang, { dateStyle: "long" });
    const change = document.createElement("td");
    const forget = document.createElement("button");
    forget.type = "button";
    forget.className = "button button-outline nowrap";
    forget.textContent = texts.forget;
    forget.setAttribute("aria-label", fill(texts.forget_site, { origin: site.origin }));
    forget.addEventListener("click", async () => {
      forget.disabled = true;
      const answer = await post("/manage/forget-site", { origin: site.origin });
      await show();
      say(answer.problem ? problemText(answer.problem) : fill(texts.forgotten, { origin: site.origin }));
      by("sites-title").focus();
    });
    change.append(forget);
    row.append(origin, date, change);
    return row;
  };

  const showSites = (sites) => {
    by("sites").hidden = sites.length === 0;
    by("sites-none").hidden = sites.length > 0;
    by("sites-rows").replaceChildren(...sites.map(siteRow));
  };

  const show = async () => {
    if (secret()) showCondition("info", texts.checking, "");
    const state = await post("/manage/state", {});
    if (state.problem) {
      say(problemText(state.problem));
      return;
    }
    by("unpaired").hidden = state.paired;
    by("paired").hidden = !state.paired;
    if (state.paired) {
      showCard(state.card, state.readers);
      showSites(state.sites);
    }
  };

  const pairError = (text) => {
    by("pair-field").classList.toggle("field-error", Boolean(text));
    by("pair-error-place").hidden = !text;
    by("pair-error").textContent = text;
    by("pair-code").setAttribute("aria-invalid", String(Boolean(text)));
    if (text) by("pair-code").focus();
  };

  by("pair-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const code = by("pair-code").value;
    if (code.replace(/[\s-]/g, "").length !== 8) {
      pairError(texts.code_form);
      return;
    }
    by("pair-submit").disabled = true;
    const answer = await post("/pair", { code });
    by("pair-submit").disabled = false;
    if (answer.problem) {
      pairError(problemText(answer.problem));
      return;
    }
    pairError("");
    by("pair-code").value = "";
    try {
      localStorage.setItem(KEY, answer.secret);
    } catch {
      pairError(texts.failed);
      return;
    }
    await show();
    say(texts.paired);
    by("card-title").focus();
  });

  by("look-again").addEventListener("click", async () => {
    by("look-again").disabled = true;
    await show();
    by("look-again").disabled = false;
    by("look-again").focus();
  });

  by("forget-browser").addEventListener("click", async () => {
    const answer = await post("/manage/forget-browser", {});
    if (answer.problem && answer.problem.code !== "pairing.needed") {
      say(problemText(answer.problem));
      return;
    }
    localStorage.removeItem(KEY);
    await show();
    say(texts.unpaired);
    by("pair-title").focus();
  });

  show();
})();
