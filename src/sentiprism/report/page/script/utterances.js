// The list of utterances, and the current one next to the player.

const list = byId("list");
const items = new Map(); // utterance -> its element
let current = new Set();
let spoken = null;

function item(one) {
  const time = html("button", { type: "button", class: "time", "aria-label": `Utterance ${one.n}: go to ${clock(one.s)}` }, clock(one.s));
  const about = FACES.length > 1 && one.face !== null ? html("span", { class: "face" }, [`face ${one.face}`, speaks(one)].filter(Boolean).join(" ")) : null;
  const who = one.speaker ? html("span", { class: "speaker", dir: "auto" }, one.speaker) : null;
  const element = html("li", { "data-number": one.n }, html("div", { class: "time-cell" }, time, who, html("span", { class: "length" }, `${(one.e - one.s).toFixed(1)} s`), about), html("p", { class: "said", dir: "auto", lang: DATA.language }, sentence(one, STRONGEST_WORD)), verdict(one), attributions(one, DATA.modalities, STRONGEST_PART));
  element.classList.add(tone(one.estimate));
  element.addEventListener("click", (event) => {
    if (!String(getSelection()) || event.target === time) seek(Number(event.target.dataset.time ?? one.s)); // selecting text is not a click
  });
  return element;
}

const SHOWN = CLASSES.length
  ? [["all", () => true], ...CLASSES.map((name, number) => [name, (one) => one.estimate.v === number])]
  : [["all", () => true], ["positive", (one) => one.estimate.v > MIDDLE + NEUTRAL], ["neutral", (one) => Math.abs(one.estimate.v - MIDDLE) <= NEUTRAL], ["negative", (one) => one.estimate.v < MIDDLE - NEUTRAL]];
if (UTTERANCES.some((one) => weak(one.estimate))) SHOWN.push(["firm", (one) => !weak(one.estimate)], ["weak", (one) => weak(one.estimate)]);
const SPEAKERS = [...new Set(UTTERANCES.map((one) => one.speaker).filter(Boolean))];
if (SPEAKERS.length > 1) SHOWN.push(...SPEAKERS.map((name) => [name, (one) => one.speaker === name]));
const SORTED = [["by time", (a, b) => a.s - b.s], ...(CLASSES.length ? [["surest first", (a, b) => (b.estimate.p?.[b.estimate.v] ?? 0) - (a.estimate.p?.[a.estimate.v] ?? 0)], ["least sure first", (a, b) => (a.estimate.p?.[a.estimate.v] ?? 0) - (b.estimate.p?.[b.estimate.v] ?? 0)]] : [["most positive first", (a, b) => b.estimate.v - a.estimate.v], ["most negative first", (a, b) => a.estimate.v - b.estimate.v]])];

function arrange() {
  if (!list) return;
  const wanted = byId("find").value.trim().toLowerCase();
  const [, fits] = SHOWN[byId("show").selectedIndex];
  const found = shown().filter((one) => fits(one) && (!wanted || (one.text ?? "").toLowerCase().includes(wanted)));
  found.sort(SORTED[byId("sort").selectedIndex][1]);
  list.replaceChildren(...found.map((one) => items.get(one)));
  byId("count").textContent = found.length === UTTERANCES.length ? `${found.length}` : `${found.length} of ${UTTERANCES.length}`;
}

function beside(said) {
  const one = said[0];
  if (!one) return byId("now").replaceChildren(html("p", { class: "quiet" }, "No utterance at this moment."));
  byId("now").replaceChildren(html("p", { class: "now-time" }, `${clock(one.s, true)} – ${clock(one.e, true)}`, html("span", {}, [`${EVERY ? "estimate" : "utterance"} ${one.n} of ${UTTERANCES.length}`, FACES.length > 1 && one.face !== null ? `face ${one.face}` : null, speaks(one)].filter(Boolean).join(" · ")), one.speaker ? html("span", { class: "speaker", dir: "auto" }, one.speaker) : null), html("p", { class: "said", dir: "auto", lang: DATA.language }, sentence(one, STRONGEST_WORD)), verdict(one), attributions(one, DATA.modalities, STRONGEST_PART));
}

function speak(time) {
  const one = [...current][0];
  const found = one ? one.words.findLastIndex((item) => item[1] <= time + 0.02) : -1;
  const element = found >= 0 ? byId("now").querySelectorAll(".said > span")[found] : null;
  if (element === spoken) return;
  spoken?.classList.remove("spoken");
  element?.classList.add("spoken");
  spoken = element;
}

function highlight(time) {
  const said = at(time);
  if (said.length !== current.size || said.some((one) => !current.has(one)) || !byId("now").hasChildNodes()) {
    for (const one of current) items.get(one)?.removeAttribute("aria-current");
    for (const one of said) items.get(one)?.setAttribute("aria-current", "true");
    current = new Set(said);
    beside(said);
    if (playing() && byId("follow")?.checked && said.length) items.get(said[0]).scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
  }
  speak(time);
}

function legend() {
  if (!UTTERANCES.some((one) => one.words.some((item) => item[3] !== null))) return;
  const scale = [-1, -0.5, 0, 0.5, 1].map((share) => {
    const sample = html("span", {}, signed(share * STRONGEST_WORD));
    colour(sample, share);
    return sample;
  });
  byId("legend").append(html("span", {}, CLASSES.length ? "A word speaks against the class" : "A word lowers"), ...scale, html("span", {}, CLASSES.length ? "or for it" : "or raises the estimate"));
}

if (list) {
  byId("utterances").hidden = false;
  for (const one of UTTERANCES) items.set(one, item(one));
  byId("show").append(...SHOWN.map(([name]) => new Option(name)));
  byId("sort").append(...SORTED.map(([name]) => new Option(name)));
  for (const id of ["show", "sort", "find"]) byId(id).addEventListener("input", arrange);
  legend();
  arrange();
}
if (byId("now")) followers.push(highlight);
for (const link of document.querySelectorAll("a.moment")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const one = UTTERANCES.find((other) => other.n === Number(link.dataset.number));
    if (face !== null && one.face !== null && one.face !== face) choose(one.face);
    seek(one.s);
    byId("stage").scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
  });
}
tell();
