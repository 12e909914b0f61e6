// The time line of a stream as it grows, and the list of its utterances, as in a report.
import { EDGE, GUTTER, ROW, attributions, byId, clamp, classMarks, clock, contributionMarks, estimatesOf, html, quantile, reachOf, sentence, sentimentMarks, signed, svg } from "/static/drawing.js";

const SPAN = 60; // seconds that are shown while it runs
const SHORTEST = 20;
const MOST = 200; // utterances in the list
const HEIGHTS = { sentiment: 180, contributions: 110, axis: 18 };

const estimateOf = ({ value, low, high, probabilities, caution }) => ({ v: value, lo: low ?? undefined, hi: high ?? undefined, p: probabilities.length ? probabilities : undefined, caution: caution.length ? caution : undefined });

// An utterance of an event as the page's data of a report has it.
function utteranceOf(part, number) {
  const words = (part.words ?? []).map((word) => [word.text, word.start, word.end, word.contribution]);
  return { n: number, s: part.start, e: part.end, text: part.text, words, estimate: estimateOf(part.estimate), parts: part.contributions, weights: part.weights ?? undefined, present: part.present };
}

export class View {
  constructor(target, modalities) {
    Object.assign(this, { scale: estimatesOf(target), modalities, list: [], draft: null, seconds: 0, whole: false });
    byId("list").replaceChildren();
    byId("count").textContent = "";
    byId("modalities").replaceChildren(...modalities.map((name) => html("span", {}, html("span", { class: `key fill ${name}` }), name)));
    this.speak(null);
    this.draw();
  }

  // A measurement of an utterance that has not ended.
  measure(event) {
    this.draft = utteranceOf(event, event.number);
    this.speak(this.draft);
    this.draw();
  }

  // An utterance that has ended; its last words are returned, to be read aloud.
  end(event) {
    this.draft = null;
    this.speak(null);
    const part = event.utterance;
    if (!part) return null;
    const one = utteranceOf(part, event.number);
    this.list.push(one);
    this.strongest = { part: Math.max(...this.list.flatMap((other) => Object.values(other.parts).map(Math.abs)), 1e-9), word: Math.max(quantile(this.list.flatMap((other) => other.words.map((word) => word[3] ?? 0)), 0.98), 1e-9) };
    byId("list").replaceChildren(...this.list.slice(-MOST).reverse().map((other) => this.item(other)));
    byId("count").textContent = this.list.length > MOST ? `the last ${MOST} of ${this.list.length}` : `${this.list.length}`;
    this.draw();
    return `${this.scale.mood(one.estimate)}, ${this.scale.amount(one.estimate)}: ${one.text ?? "no words"}`;
  }

  item(one) {
    const time = html("div", { class: "time-cell" }, html("b", {}, clock(one.s)), html("span", { class: "length" }, `${(one.e - one.s).toFixed(1)} s`));
    const said = html("p", { class: "said", dir: "auto" }, sentence(one, this.strongest.word));
    return html("li", { "data-number": one.n, class: this.scale.tone(one.estimate) }, time, said, this.scale.verdict(one), attributions(one, this.modalities, this.strongest.part));
  }

  // What is said at this moment.
  speak(draft) {
    const place = byId("now");
    if (!draft) return place.replaceChildren(html("p", { class: "quiet" }, this.seconds ? "Nobody speaks." : "Waiting for somebody to speak."));
    const words = draft.text ?? "…";
    return place.replaceChildren(html("p", { class: "now-time" }, `since ${clock(draft.s)}`, html("span", {}, "provisional")), html("p", { class: "said", dir: "auto" }, words), this.scale.verdict(draft));
  }

  begin(event) {
    this.draft = null;
    byId("now").replaceChildren(html("p", { class: "now-time" }, `since ${clock(event.start)}`, html("span", {}, "listening")), html("p", { class: "said" }, "…"));
  }

  // How much sound there is; at the end, all of it is shown.
  tick(seconds, whole = false) {
    Object.assign(this, { seconds, whole });
    this.draw();
  }

  draw() {
    const place = byId("lanes");
    const width = place.clientWidth;
    const from = this.whole ? 0 : Math.max(0, this.seconds - SPAN);
    const to = Math.max(this.seconds, from + (this.whole ? 1 : SHORTEST));
    const x = (time) => GUTTER + ((Math.max(time, from) - from) / (to - from)) * Math.max(width - GUTTER - EDGE, 1);
    const list = this.list.filter((one) => one.e > from);
    const { low, high, classes } = this.scale;
    const main = classes.length ? classes.length * ROW + 4 : HEIGHTS.sentiment;
    const y = (value) => 12 + (main - 24) * (1 - (clamp(value, low, high) - low) / (high - low));
    const marks = classes.length ? { below: classMarks(this.scale, list, x, width), above: [] } : sentimentMarks(this.scale, list, x, y, width);
    const reach = reachOf(list);
    const middle = HEIGHTS.contributions / 2;
    const about = `${this.list.length} utterances in ${clock(this.seconds)}; their numbers are in the list below`;
    place.replaceChildren(
      this.lane("Sentiment", classes.length ? "probability of each class" : `${signed(low, 0)} to ${signed(high, 0)}`, main, [...marks.below, ...this.drafted(x, y, main), ...marks.above], about),
      this.lane("Contributions", classes.length ? "logits of the most probable class" : "of the modalities to the estimate", HEIGHTS.contributions, contributionMarks(list, this.modalities, x, (value) => middle - (value / reach) * (middle - 8), width, reach), about),
      svg("svg", { width: "100%", height: HEIGHTS.axis, "aria-hidden": "true" }, this.ticks(from, to).map((time) => svg("text", { class: "tick", x: x(time).toFixed(1), y: 13 }, clock(time)))),
    );
  }

  lane(title, unit, height, marks, about) {
    return html("div", { class: "lane" }, html("div", { class: "lane-head" }, html("b", {}, title, html("span", { class: "unit" }, unit))), svg("svg", { width: "100%", height, role: "img", "aria-label": `${title}: ${about}` }, marks));
  }

  // The utterance that is being said: a dashed frame up to this moment.
  drafted(x, y, height) {
    const { draft } = this;
    if (!draft) return [];
    const [top, bottom] = this.scale.classes.length || draft.estimate.lo === undefined ? [4, height - 4] : [y(draft.estimate.hi), y(draft.estimate.lo)];
    return [svg("rect", { class: "draft", x: x(draft.s).toFixed(1), y: top.toFixed(1), width: Math.max(x(Math.max(this.seconds, draft.e)) - x(draft.s), 1).toFixed(1), height: Math.max(bottom - top, 1).toFixed(1), rx: 3 })];
  }

  ticks(from, to) {
    const step = [5, 10, 20, 60, 300, 600, 1800].find((one) => (to - from) / one <= 6) ?? 3600;
    const found = [];
    for (let time = Math.ceil(from / step) * step; time <= to - step / 4; time += step) found.push(time);
    return found;
  }
}
