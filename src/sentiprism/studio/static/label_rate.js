// Rating by keyboard; a rating counts when the studio has confirmed it, and is kept on the page until then.
import { lock } from "/static/label_player.js";

let player = null;
const KEPT = "sentiprism-play-at-once";
const address = () => location.pathname + location.search;
let shown = address(); // a link within the page, as the one past the navigation, changes what is behind it alone

function wire(first) {
  const box = document.querySelector("[data-player]");
  player = box ? lock(box) : null;
  const auto = document.querySelector("[data-autoplay]");
  if (auto) {
    auto.checked = localStorage.getItem(KEPT) !== "no";
    auto.addEventListener("change", () => localStorage.setItem(KEPT, auto.checked ? "yes" : "no"));
    if (auto.checked && !first) player?.play();
  }
  const form = document.querySelector("form[data-rate]");
  form?.addEventListener("submit", save);
  if (form) form.dataset.ready = "yes"; // keys do something from now on
  const named = document.querySelector("[data-remember]");
  if (named) {
    const key = `sentiprism-${named.dataset.remember}`;
    named.value ||= sessionStorage.getItem(key) ?? "";
    named.form.addEventListener("submit", () => sessionStorage.setItem(key, named.value));
  }
}

function complain(text) {
  const place = document.querySelector("[data-alert]");
  place.className = "notes";
  place.textContent = text;
}

async function save(event) {
  event.preventDefault();
  const form = event.currentTarget;
  if (form.dataset.busy) return;
  const chosen = form.querySelector("input[name=value]:checked");
  if (!chosen) return complain("No rating is chosen: choose a value, or “cannot tell”.");
  form.dataset.busy = "yes";
  form.querySelector("[data-save]").textContent = "Saving …";
  try {
    const sent = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const parsed = new DOMParser().parseFromString(await sent.text(), "text/html");
    const fresh = parsed.querySelector("#rate");
    if (!fresh) {
      const said = parsed.querySelector(".notes")?.textContent.trim() ?? "the studio cannot be reached as you";
      throw new Error(`Not saved. ${said}`);
    }
    document.querySelector("#rate").replaceWith(fresh);
    if (sent.ok) {
      history.pushState(null, "", sent.url);
      shown = address();
      fresh.querySelector("[data-saved]").textContent = "✓ Saved";
      scrollTo(0, 0);
    }
    wire(false);
  } catch (error) {
    const away = error instanceof TypeError;
    complain(away ? "Not saved: the studio does not answer. Your rating is still here; press Enter to try again." : error.message);
    delete form.dataset.busy;
    delete form.dataset.sent;
    form.querySelector("[data-save]").textContent = "Save and next";
  }
}

function choose(step) {
  const all = [...document.querySelectorAll("input[type=radio][name=value]")];
  const values = all.filter((one) => !one.closest(".cannot"));
  if (!values.length) return false;
  const now = values.findIndex((one) => one.checked);
  const next = now < 0 ? (values.length - 1) / 2 + (values.length % 2 ? 0 : step / 2) : now + step;
  pick(values[Math.min(Math.max(Math.round(next), 0), values.length - 1)]);
  return true;
}

function pick(one) {
  one.checked = true;
  one.focus();
}

window.addEventListener("keydown", (event) => {
  const at = document.activeElement, comment = document.querySelector("#comment");
  const form = document.querySelector("form[data-rate]");
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (at.matches("textarea, input:not([type]), input[type=text], select")) {
    if (event.key === "Escape") at.blur();
    if (event.key === "Enter" && at === comment && !event.shiftKey && form) { event.preventDefault(); form.requestSubmit(); }
    return;
  }
  const key = event.key.toLowerCase();
  const number = /^[0-9]$/.test(key) ? Number(key) : -1;
  let done = true;
  if (key === " " && !at.matches("button, a, summary, input[type=checkbox]")) player?.toggle();
  else if (number === 0 && document.querySelector(".cannot input")) pick(document.querySelector(".cannot input"));
  else if (number > 0 && document.querySelectorAll(".value:not(.cannot) input")[number - 1]) pick(document.querySelectorAll(".value:not(.cannot) input")[number - 1]);
  else if ((key === "arrowleft" || key === "arrowdown") && !at.matches("input[type=range]")) done = choose(-1);
  else if ((key === "arrowright" || key === "arrowup") && !at.matches("input[type=range]")) done = choose(1);
  else if (key === "enter" && form && !event.repeat && !at.matches("button, a, summary")) form.requestSubmit();
  else if (key === "b" && document.querySelector("[data-back][href]")) document.querySelector("[data-back]").click();
  else if (key === "c" && comment) comment.focus();
  else done = false;
  if (done) event.preventDefault();
});
// The back button shows an utterance as it is stored now.
window.addEventListener("popstate", async () => {
  if (address() === shown) return;
  shown = address();
  const asked = await fetch(location.href).catch(() => null);
  const fresh = asked?.ok ? new DOMParser().parseFromString(await asked.text(), "text/html").querySelector("#rate") : null;
  if (!fresh) return location.reload();
  document.querySelector("#rate").replaceWith(fresh);
  wire(false);
});
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
wire(true);
if (!document.querySelector("#rate .empty") && navigator.userActivation?.hasBeenActive !== false) player?.play();
