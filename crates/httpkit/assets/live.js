// Keeps a part of a page up to date. An element with an id and
//   data-live-url       a JSON endpoint that answers {"version": text}
//   data-live-version   the version that the page shows
//   data-live-seconds   how often to ask (default 2)
//   data-live-announce  what to say when the part has changed
//   data-live-whole     reload the whole page instead (its title and buttons change too)
// is replaced by the same element of the freshly loaded page when the version changes. The change is announced
// in #live-announcer (aria-live); focus stays where it is. Hidden tabs do not ask.

const announcer = document.getElementById("live-announcer");

async function refresh(id, version) {
  const page = await fetch(window.location.href, { headers: { accept: "text/html" } });
  if (!page.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html").getElementById(id);
  const shown = document.getElementById(id);
  if (fresh === null || shown === null) return;
  // Someone may be using a control inside: wait for the next round then.
  if (shown.contains(document.activeElement) && document.activeElement !== document.body) return;
  shown.replaceChildren(...fresh.childNodes);
  shown.setAttribute("data-live-version", fresh.getAttribute("data-live-version") ?? version);
  if (announcer) announcer.textContent = shown.getAttribute("data-live-announce") ?? "";
}

function watch(element) {
  const id = element.id;
  const url = element.getAttribute("data-live-url");
  const pause = 1000 * (Number(element.getAttribute("data-live-seconds")) || 2);
  let asking = false;
  const ask = async () => {
    if (document.hidden || asking) return;
    asking = true;
    try {
      const response = await fetch(url, { headers: { accept: "application/json" } });
      if (response.ok) {
        const { version } = await response.json();
        const shown = document.getElementById(id).getAttribute("data-live-version");
        if (typeof version === "string" && version !== shown) {
          if (element.hasAttribute("data-live-whole")) window.location.reload();
          else await refresh(id, version);
        }
      } else if (response.status === 401) {
        // The session has ended: what is still shown must not stay.
        window.location.reload();
      }
    } catch {
      // The server is away for a moment: the next round asks again.
    } finally {
      asking = false;
    }
  };
  window.setInterval(ask, pause);
  document.addEventListener("visibilitychange", ask);
}

for (const element of document.querySelectorAll("[data-live-url][id]")) watch(element);
