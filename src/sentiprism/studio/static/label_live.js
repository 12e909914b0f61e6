// Keeps raters' progress and agreement up to date, and shows a task when its recordings are cut.
const EVERY = 4000;

async function refresh() {
  const old = document.querySelector("#live[data-src]");
  if (!old) return;
  if (!document.hidden && !old.contains(document.activeElement)) {
    const answer = await fetch(old.dataset.src).catch(() => null);
    if (answer?.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
      if (!fresh) return;
      if (!fresh.dataset.src) return location.reload(); // it was closed meanwhile
      if (fresh.innerHTML !== old.innerHTML) old.replaceWith(fresh);
    }
  }
  setTimeout(refresh, EVERY);
}
setTimeout(refresh, EVERY);
