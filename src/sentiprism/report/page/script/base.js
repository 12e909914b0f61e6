// The document, and what its estimates are called.

const DATA = JSON.parse(document.getElementById("analysis").textContent);
const SCALE = estimatesOf(DATA.target);
const { low: LOW, high: HIGH, middle: MIDDLE, neutral: NEUTRAL, classes: CLASSES, step, className, mood, tone, weak, amount, interval, probabilities, verdict } = SCALE;
const UTTERANCES = [...DATA.utterances].sort((a, b) => a.s - b.s || a.n - b.n);
const LONGEST = Math.max(...UTTERANCES.map((one) => one.e - one.s), 0);
const FACES = [...new Set(UTTERANCES.map((one) => one.face).filter((face) => face !== null))].sort((a, b) => a - b);
const SPEAKING = UTTERANCES.some((one) => one.speaking !== undefined);
const SURE = 0.35; // certainty from which a face is treated as the speaker's
const speaks = (one) => (one.speaking === undefined ? "" : one.speaking >= SURE ? `speaks, ${percent(one.speaking)} sure` : `unsure whether it speaks, ${percent(one.speaking)}`);
const EVERY = UTTERANCES.some((one, i) => i && one.s === UTTERANCES[i - 1].s); // an estimate with each face
const BASE = UTTERANCES[0]?.base ?? 0; // one for all, of an intensity: nothing is nothing
const STRONGEST_PART = Math.max(...UTTERANCES.flatMap((one) => Object.values(one.parts).map(Math.abs)), 1e-9);
// A single outlier among the words would leave all others pale.
const STRONGEST_WORD = Math.max(quantile(UTTERANCES.flatMap((one) => one.words.map((word) => word[3] ?? 0)), 0.98), 1e-9);

// First index of a sorted list whose key is not below the value.
function first(list, value, key = (item) => item) {
  let [a, b] = [0, list.length];
  while (a < b) {
    const middle = (a + b) >> 1;
    if (key(list[middle]) < value) a = middle + 1;
    else b = middle;
  }
  return a;
}
