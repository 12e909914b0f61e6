// The lanes on one axis, the playhead that follows and the pointer and keys that steer.

const root = byId("lanes");
const view = { from: 0, to: duration() };
let lanes = [];
let width = 0;
let hover = null;

const x = (time) => GUTTER + ((time - view.from) / (view.to - view.from)) * (width - GUTTER - EDGE);
const timeAt = (pixel) => clamp(view.from + ((pixel - GUTTER) / Math.max(width - GUTTER - EDGE, 1)) * (view.to - view.from), 0, duration());

function ticks() {
  const room = Math.max((width - GUTTER) / 84, 2);
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const gap = steps.find((one) => (view.to - view.from) / one <= room) ?? 7200;
  const found = [];
  for (let n = Math.ceil(view.from / gap); n * gap <= view.to; n++) found.push(n * gap);
  return [found, gap < 1];
}

const axis = {
  title: null, height: 20,
  draw() {
    const [found, tenths] = ticks();
    return found.flatMap((time) => [svg("line", { class: "tick", x1: x(time), x2: x(time), y1: 0, y2: 5 }), svg("text", { class: "tick", x: Math.min(x(time), width - (time >= 3600 ? 24 : 18)), y: 17 }, clock(time, tenths))]);
  },
  read: () => "",
};

function build() {
  const curves = DATA.curves.filter((curve) => face === null || curve.face === null || curve.face === face);
  const parts = UTTERANCES.length ? [CLASSES.length ? classLane() : sentimentLane(), ...(DATA.modalities.length ? [contributionLane()] : [])] : [];
  if (SPEAKING) parts.push(speakingLane());
  lanes = [...parts, axis, ...curves.map(curveLane), ...(curves.length > 3 ? [axis] : [])].map((lane) => ({ ...lane }));
  root.replaceChildren();
  for (const lane of lanes) {
    lane.value = html("span", { class: "read" });
    lane.picture = svg("svg", { height: lane.height, "aria-hidden": "true" });
    const keys = (lane.key ?? []).map(([style, label]) => html("span", { class: "key-item" }, html("span", { class: `key ${style}` }), label));
    const dot = lane.modality ? [html("span", { class: `key fill ${lane.modality}`, title: lane.modality })] : [];
    const head = lane.title ? html("div", { class: "lane-head" }, html("h3", {}, dot, lane.title, ...(lane.unit ? [" ", html("span", { class: "unit" }, lane.unit)] : [])), html("span", { class: "lane-key" }, keys), lane.value) : null;
    root.append(html("div", { class: lane.modality ? "lane small" : "lane" }, head, lane.picture));
  }
  root.append(hairline, playhead, tip);
  draw();
}

function draw() {
  width = root.clientWidth;
  if (!width) return;
  for (const lane of lanes) {
    lane.picture.setAttribute("width", width);
    const inside = lane.draw(x, width, view);
    const clip = svg("svg", { x: 0, y: 0, width, height: lane.height, viewBox: `0 0 ${width} ${lane.height}` }, inside);
    lane.picture.replaceChildren(clip);
  }
  ribbon();
  mark(now());
}

const playhead = html("div", { class: "playhead", "aria-hidden": "true" });
const hairline = html("div", { class: "hairline", "aria-hidden": "true", hidden: "" });
const tip = html("div", { class: "tip", "aria-hidden": "true", hidden: "" });

function place(line, time) {
  line.hidden = time < view.from || time > view.to;
  line.style.transform = `translateX(${x(time)}px)`;
}

function mark(time) {
  if (playing() && (time > view.to || time < view.from)) return turn(time);
  place(playhead, time);
  const read = hover ?? time;
  for (const lane of lanes) {
    const text = lane.read(read);
    if (lane.value.textContent !== text) lane.value.textContent = text;
  }
  const said = at(time).map((one) => `${weak(one.estimate) ? "weak estimate, " : ""}${mood(one.estimate)} ${amount(one.estimate)}: ${one.text ?? "no words"}`);
  root.setAttribute("aria-valuenow", time.toFixed(1));
  root.setAttribute("aria-valuetext", [clock(time), ...said].join(", "));
  byId("clock").textContent = `${clock(time)} / ${clock(duration())}`;
  byId("ribbon-head")?.setAttribute("x", `${(100 * clamp(time / duration(), 0, 1)).toFixed(3)}%`);
  const button = byId("play");
  if (button) {
    button.classList.toggle("on", playing());
    button.setAttribute("aria-label", playing() ? "Pause" : "Play");
  }
}

// The whole recording as one strip, whatever part of it the lanes show.
function ribbon() {
  const whole = duration();
  const share = (time) => `${((100 * time) / whole).toFixed(3)}%`;
  const pieces = shown().map((one) => svg("rect", { class: `fill ${tone(one.estimate)}${weak(one.estimate) ? " weak" : ""}`, x: share(one.s), width: share(Math.max(one.e - one.s, whole / 2000)), y: weak(one.estimate) ? 9 : 4, height: weak(one.estimate) ? 6 : 16, rx: 1 }));
  const zoomed = view.to - view.from < whole - 1e-6;
  const frame = zoomed ? [svg("rect", { class: "frame", x: share(view.from), width: share(view.to - view.from), y: 1, height: 22, rx: 3 })] : [];
  byId("ribbon").replaceChildren(svg("svg", { height: 24, "aria-hidden": "true" }, svg("rect", { class: "track", width: "100%", y: 4, height: 16, rx: 3 }), pieces, frame, svg("rect", { id: "ribbon-head", width: 2, y: 0, height: 24 })));
}

function show(from, to) {
  const span = clamp(to - from, Math.min(2, duration()), duration());
  view.from = clamp(from, 0, duration() - span);
  view.to = view.from + span;
  draw();
}

function turn(time) {
  show(time, time + view.to - view.from);
}

function zoom(factor, around = now()) {
  const centre = around < view.from || around > view.to ? (view.from + view.to) / 2 : around;
  show(centre - (centre - view.from) * factor, centre + (view.to - centre) * factor);
}

function point(event) {
  const time = timeAt(event.clientX - root.getBoundingClientRect().left);
  hover = event.pointerType === "touch" ? null : time;
  place(hairline, time);
  hairline.hidden = hover === null;
  tip.hidden = hover === null;
  const said = at(time).map((one) => html("span", { dir: "auto" }, one.text ?? "(no words)"));
  tip.replaceChildren(html("b", {}, clock(time, view.to - view.from < 120)), ...said);
  const wide = Math.min(260, width);
  tip.style.transform = `translateX(${clamp(x(time) - wide / 2, 0, width - wide)}px)`;
  mark(now());
  return time;
}

function leave() {
  hover = null;
  hairline.hidden = tip.hidden = true;
  mark(now());
}

const KEYS = {
  ArrowLeft: (event) => seek(now() - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => seek(now() + (event.shiftKey ? 10 : 1)),
  ArrowUp: () => seek(neighbour(-1)),
  ArrowDown: () => seek(neighbour(1)),
  PageUp: () => seek(now() - (view.to - view.from) / 10),
  PageDown: () => seek(now() + (view.to - view.from) / 10),
  Home: () => seek(0),
  End: () => seek(duration()),
  " ": toggle,
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  0: () => show(0, duration()),
};

// Whose utterances are shown; those of several faces lie over each other.
function choose(one) {
  face = one;
  byId("face").value = one ?? "";
  build();
  arrange();
  tell();
}

function steer() {
  root.addEventListener("pointermove", (event) => {
    const time = point(event);
    if (event.buttons & 1 && root.hasPointerCapture(event.pointerId)) seek(time);
  });
  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    root.setPointerCapture(event.pointerId);
    seek(point(event));
  });
  root.addEventListener("pointerleave", leave);
  root.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
    if (now() < view.from || now() > view.to) turn(now() - (view.to - view.from) / 2);
  });
  root.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.clientX - root.getBoundingClientRect().left));
    else if (sideways && view.to - view.from < duration() - 1e-6) show(view.from + (sideways / width) * (view.to - view.from), view.to + (sideways / width) * (view.to - view.from));
    else return;
    event.preventDefault();
  }, { passive: false });
  byId("ribbon").addEventListener("click", (event) => {
    const box = byId("ribbon").getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * duration());
    if (now() < view.from || now() > view.to) turn(now() - (view.to - view.from) / 2);
  });
  byId("zoom-in").addEventListener("click", () => zoom(0.5));
  byId("zoom-out").addEventListener("click", () => zoom(2));
  byId("zoom-all").addEventListener("click", () => show(0, duration()));
  if (FACES.length > 1) {
    byId("face-choice").hidden = false;
    byId("face").append(...FACES.map((one) => new Option(one, one)), new Option("all", ""));
    byId("face").value = face ?? "";
    byId("face").addEventListener("change", (event) => choose(event.target.value ? Number(event.target.value) : null));
  }
}

if (root) {
  byId("time-line").hidden = byId("transport").hidden = false;
  root.setAttribute("aria-valuemin", 0);
  root.setAttribute("aria-valuemax", duration().toFixed(1));
  build();
  steer();
  followers.push(mark);
  new ResizeObserver(() => root.clientWidth !== width && draw()).observe(root);
}
