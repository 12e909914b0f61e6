// Boundaries of utterances on a wave form: dragged, split, merged; every change can be undone until it is saved.
const box = document.querySelector("[data-cutter]"), media = box.querySelector("video, audio");
const wave = box.querySelector("[data-wave]"), marks = box.querySelector("[data-marks]"), cursor = box.querySelector("[data-cursor]");
const scroll = box.querySelector("[data-scroll]"), time = box.querySelector("[data-time]"), zoom = box.querySelector("[data-zoom]");
const form = document.querySelector("[data-cuts]"), rows = document.querySelector("[data-rows]"), field = form.elements.cuts;
const duration = Number(box.dataset.duration), shortest = Number(box.dataset.shortest);
const STEP = 0.05, FAST = 0.5, MOST_ZOOM = 400; // pixels of a second at most
const stored = JSON.parse(box.dataset.stored), known = new Map(stored.map((one) => [one.id, one]));
let cuts = JSON.parse(field.value).map((one) => (typeof one === "string" ? { ...known.get(one) } : one)), now = 0, at = cuts[0]?.start ?? 0, until = null;
const past = [];
const round = (value) => Math.round(value * 1000) / 1000;
const clock = (value) => `${Math.floor(value / 60)}:${(value % 60).toFixed(2).padStart(5, "0")}`;
const same = () => JSON.stringify(cuts) === box.dataset.kept;
box.dataset.kept = JSON.stringify(stored);

function remember() { past.push(JSON.stringify(cuts)); if (past.length > 200) past.shift(); }
function bounds(n) { return [cuts[n - 1]?.end ?? 0, cuts[n + 1]?.start ?? duration]; }

function move(n, side, value) {
  const one = cuts[n], [low, high] = bounds(n);
  if (side === "start") one.start = round(Math.min(Math.max(value, low), one.end - shortest));
  else one.end = round(Math.max(Math.min(value, high), one.start + shortest));
}

function edge(n, side) {
  const made = document.createElement("div");
  made.className = "edge";
  made.tabIndex = 0;
  made.dataset.edge = `${n} ${side}`;
  made.setAttribute("role", "slider");
  made.setAttribute("aria-label", `${side === "start" ? "Start" : "End"} of utterance ${n + 1}`);
  made.setAttribute("aria-valuemin", "0");
  made.setAttribute("aria-valuemax", String(duration));
  made.addEventListener("focus", () => select(n, false));
  made.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    remember();
    move(n, side, cuts[n][side] + step * (event.shiftKey ? FAST : STEP));
    place();
  });
  made.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    made.setPointerCapture(event.pointerId);
    made.focus();
    remember();
    const drag = (moved) => { move(n, side, timeAt(moved)); place(); };
    made.addEventListener("pointermove", drag);
    const end = () => made.removeEventListener("pointermove", drag);
    made.addEventListener("pointerup", end, { once: true });
    made.addEventListener("pointercancel", end, { once: true });
  });
  return made;
}

const timeAt = (event) => {
  const shown = wave.getBoundingClientRect();
  return Math.min(Math.max(((event.clientX - shown.left) / shown.width) * duration, 0), duration);
};

function input(n, name, label) {
  const made = document.createElement("input");
  made.setAttribute("aria-label", `${label} of utterance ${n + 1}`);
  made.dataset.input = `${n} ${name}`;
  if (name === "text") { made.className = "said-words"; made.dir = "auto"; made.maxLength = 2000; }
  else made.inputMode = "decimal";
  made.addEventListener("focus", () => select(n, false));
  made.addEventListener("change", () => {
    remember();
    const value = Number(made.value.replace(",", "."));
    if (name === "text") cuts[n].text = made.value.trim() || null;
    else if (Number.isFinite(value)) move(n, name, value);
    place();
  });
  return made;
}

function build() {
  marks.replaceChildren();
  rows.replaceChildren();
  cuts.forEach((_, n) => {
    const mark = document.createElement("div"), number = document.createElement("span"), row = document.createElement("tr");
    mark.className = "mark";
    number.textContent = String(n + 1);
    mark.append(number);
    marks.append(mark, edge(n, "start"), edge(n, "end"));
    const cells = [number.cloneNode(true), input(n, "start", "Start"), input(n, "end", "End"), input(n, "text", "Words"), document.createElement("button")];
    cells[4].type = "button";
    cells[4].className = "small";
    cells[4].textContent = "Play";
    cells[4].setAttribute("aria-label", `Play utterance ${n + 1}`);
    cells[4].addEventListener("click", () => { select(n); play(); });
    for (const [k, cell] of cells.entries()) {
      const td = document.createElement("td");
      if (!k) td.className = "figure";
      td.append(cell);
      row.append(td);
    }
    rows.append(row);
  });
  now = Math.min(Math.max(now, 0), Math.max(cuts.length - 1, 0));
  place();
}

// Styles are set on elements by script, which the page's policy allows; in markup it would not.
function place() {
  const share = (value) => `${(100 * value) / duration}%`;
  const drawn = [...marks.querySelectorAll(".mark")], edges = [...marks.querySelectorAll(".edge")];
  cuts.forEach((one, n) => {
    drawn[n].style.left = share(one.start);
    drawn[n].style.width = share(one.end - one.start);
    drawn[n].classList.toggle("on", n === now);
    edges[2 * n].style.left = share(one.start);
    edges[2 * n + 1].style.left = share(one.end);
    for (const [k, side] of ["start", "end"].entries()) {
      edges[2 * n + k].setAttribute("aria-valuenow", one[side].toFixed(3));
      edges[2 * n + k].setAttribute("aria-valuetext", clock(one[side]));
    }
    const row = rows.children[n];
    row.toggleAttribute("aria-current", n === now);
    for (const name of ["start", "end", "text"]) {
      const cell = row.querySelector(`[data-input="${n} ${name}"]`);
      const value = name === "text" ? one.text ?? "" : one[name].toFixed(2);
      if (document.activeElement !== cell || name !== "text") cell.value = value;
    }
  });
  cursor.style.left = share(at);
  time.textContent = clock(at);
  field.value = JSON.stringify(cuts.map((one) => (JSON.stringify(one) === JSON.stringify(known.get(one.id)) ? one.id : one)));
  document.querySelector("[data-count]").textContent = String(cuts.length);
  document.querySelector("[data-changed]").textContent = same() ? "Nothing is changed." : "Changed, not saved yet.";
  box.querySelector("[data-act=undo]").disabled = !past.length;
}

function select(n, seek = true) {
  if (!cuts[n]) return;
  now = n;
  if (seek) go(cuts[n].start);
  place();
}

function go(value, follow = true) {
  at = round(value);
  if (media && Math.abs(media.currentTime - at) > 0.02) media.currentTime = at;
  if (!follow) return;
  const x = (at / duration) * wave.clientWidth;
  if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = x - scroll.clientWidth / 3;
}

function play() {
  if (!media) return;
  if (!media.paused) return media.pause();
  const one = cuts[now];
  if (one && (at < one.start || at >= one.end - 0.02)) go(one.start);
  until = one && at >= one.start && at < one.end ? one.end : null;
  media.currentTime = at;
  media.play().catch(() => {});
}

const ACTS = {
  play,
  undo() { if (past.length) { cuts = JSON.parse(past.pop()); build(); } },
  split() {
    const n = cuts.findIndex((one) => one.start + shortest <= at && at <= one.end - shortest);
    if (n < 0) return say("Put the cursor into an utterance, then split it.");
    remember();
    const one = cuts[n], words = (one.text ?? "").split(/\s+/).filter(Boolean);
    const before = Math.round((words.length * (at - one.start)) / (one.end - one.start)); // the words' times are not known here
    const second = { id: null, start: at, end: one.end, text: words.slice(before).join(" ") || null };
    cuts.splice(n, 1, { ...one, end: at, text: words.slice(0, before).join(" ") || null }, second);
    now = n + 1;
    build();
  },
  merge() {
    const one = cuts[now], next = cuts[now + 1];
    if (!next) return say("This is the last utterance.");
    remember();
    const text = [one.text, next.text].filter(Boolean).join(" ") || null;
    cuts.splice(now, 2, { id: one.id, start: one.start, end: next.end, text });
    build();
  },
  remove() { if (cuts.length) { remember(); cuts.splice(now, 1); build(); } },
  add() {
    const n = cuts.findIndex((one) => one.start > at), before = cuts[(n < 0 ? cuts.length : n) - 1];
    const low = Math.max(at, before?.end ?? 0), high = Math.min(low + 2, n < 0 ? duration : cuts[n].start);
    if (high - low < shortest || (before && at < before.end)) return say("The cursor is inside an utterance, or too close to the next one.");
    remember();
    now = n < 0 ? cuts.length : n;
    cuts.splice(now, 0, { id: null, start: round(low), end: round(high), text: null });
    build();
  },
};
const say = (text) => { document.querySelector("[data-changed]").textContent = text; };
for (const button of box.querySelectorAll("[data-act]")) button.addEventListener("click", () => ACTS[button.dataset.act]());

wave.addEventListener("pointerdown", (event) => {
  if (event.target.closest(".edge")) return;
  go(timeAt(event), false);
  const n = cuts.findIndex((one) => one.start <= at && at < one.end);
  if (n >= 0) now = n;
  place();
});
media?.addEventListener("timeupdate", watch);
media?.addEventListener("play", () => { box.querySelector("[data-act=play]").textContent = "Pause"; watch(); });
media?.addEventListener("pause", () => { box.querySelector("[data-act=play]").textContent = "Play"; });
function watch() {
  if (media.paused) return;
  if (until !== null && media.currentTime >= until) { media.pause(); media.currentTime = until; }
  go(media.currentTime);
  cursor.style.left = `${(100 * at) / duration}%`;
  time.textContent = clock(at);
  requestAnimationFrame(watch);
}

window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.activeElement.matches("input, textarea, button, a, summary")) return;
  const key = event.key.toLowerCase();
  const act = { " ": "play", s: "split", m: "merge", delete: "remove", n: "add", z: "undo" }[key];
  if (act) ACTS[act]();
  else if (key === "j" || key === "k") select(now + (key === "j" ? 1 : -1));
  else if (key === "arrowleft" || key === "arrowright") { go(Math.min(Math.max(at + (key === "arrowleft" ? -1 : 1) * (event.shiftKey ? FAST : STEP), 0), duration)); place(); }
  else return;
  event.preventDefault();
});

function stretch() {
  const least = scroll.clientWidth / duration;
  wave.style.width = `${Math.max(least * (Math.max(MOST_ZOOM, least) / least) ** (zoom.value / 100) * duration, scroll.clientWidth)}px`;
}
zoom.addEventListener("input", () => { stretch(); go(at); });
window.addEventListener("resize", stretch);
let sending = false;
form.addEventListener("submit", () => { sending = true; });
window.addEventListener("beforeunload", (event) => { if (!sending && !same()) event.preventDefault(); });

build();
zoom.value = String(Math.min(Math.round((100 * Math.log(Math.max(duration / 20, 1))) / Math.log(Math.max(MOST_ZOOM * duration / scroll.clientWidth, 2))), 100));
stretch();
fetch(box.dataset.peaks).then((answer) => answer.json()).then(({ peaks }) => {
  const svg = box.querySelector("[data-svg]");
  if (!peaks.length) return;
  svg.setAttribute("viewBox", `0 0 ${peaks.length} 512`);
  const above = peaks.map((peak, n) => `L${n + 0.5} ${255 - peak}`).join(""), below = peaks.map((peak, n) => `L${n + 0.5} ${257 + peak}`).reverse().join("");
  svg.querySelector("path").setAttribute("d", `M0 256${above}L${peaks.length} 256${below}Z`);
}).catch(() => say("The wave form cannot be loaded."));
