// Keeps what is shown of jobs up to date: the server tells which have changed, and their parts are fetched anew.
const shown = () => [...document.querySelectorAll("[data-job]")];
let source = null;

async function refresh(old) {
  const answer = await fetch(old.dataset.src, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = parsed.querySelector("[data-job]");
  if (!fresh || !old.isConnected) return;
  for (const kept of old.querySelectorAll("details[data-keep][open]")) {
    fresh.querySelector(`details[data-keep="${kept.dataset.keep}"]`)?.setAttribute("open", "");
  }
  const focused = [...old.querySelectorAll("a, button, summary, pre")].indexOf(document.activeElement);
  const ended = fresh.dataset.state !== old.dataset.state;
  old.replaceWith(fresh);
  if (focused >= 0) [...fresh.querySelectorAll("a, button, summary, pre")][focused]?.focus();
  for (const log of fresh.querySelectorAll("pre")) log.scrollTop = log.scrollHeight;
  if (ended) {
    document.querySelector("#status").textContent = `${fresh.dataset.title}: ${fresh.dataset.state}`;
    const busy = document.querySelector("input:checked[type=checkbox], #uploads:not([hidden])");
    if (fresh.closest("[data-reload]") && fresh.dataset.state === "done" && !busy) location.reload();
  }
}

function open() {
  if (source || document.hidden || !shown().length) return;
  source = new EventSource("/events");
  source.onmessage = (event) => {
    const versions = JSON.parse(event.data);
    for (const one of shown()) {
      const version = versions[one.dataset.job];
      if (version && version !== one.dataset.version) refresh(one);
    }
  };
}

// A part that waits for an answer, which comes once, is fetched anew with its page.
async function wait() {
  const old = document.querySelector("[data-wait]");
  if (!old) return;
  const answer = document.hidden ? null : await fetch(location.href).catch(() => null);
  if (answer?.ok) {
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const title = old.getAttribute("aria-labelledby");
    const fresh = parsed.querySelector(`[aria-labelledby="${title}"]`);
    if (fresh && !fresh.hasAttribute("data-wait")) return old.replaceWith(fresh);
  }
  setTimeout(wait, 3000);
}
setTimeout(wait, 3000);

// A hidden page holds no connection: browsers allow six to one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else {
    open();
  }
});
window.addEventListener("pagehide", () => { source?.close(); source = null; });
window.addEventListener("pageshow", open);
open();
