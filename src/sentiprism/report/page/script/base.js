// The document, numbers as people read them, and elements made without ever reading text as HTML.

const DATA = JSON.parse(document.getElementById("analysis").textContent);
const { low: LOW, high: HIGH, classes: CLASSES } = DATA.target;
const MIDDLE = (LOW + HIGH) / 2;
const NEUTRAL = (HIGH - LOW) / 12; // half a step of seven, as in the summary
const STEPS = ["strongly negative", "negative", "slightly negative", "neutral", "slightly positive", "positive", "strongly positive"];

const byId = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const last = (list) => list[list.length - 1];

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function clock(seconds, tenths = false) {
  const whole = Math.floor(seconds + 1e-6);
  const pair = (number) => String(number).padStart(2, "0");
  const rest = pair(whole % 60) + (tenths ? `.${Math.floor((seconds + 1e-6 - whole) * 10)}` : "");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${pair(minutes % 60)}:${rest}`;
}

function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

function plain(value) {
  const size = Math.abs(value);
  const text = size >= 100 ? String(Math.round(size)) : size.toFixed(size >= 10 ? 1 : 2);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const step = (value) => clamp(Math.round((6 * (value - LOW)) / (HIGH - LOW)), 0, 6);
const className = (number) => (["negative", "neutral", "positive"].includes(CLASSES[number].toLowerCase()) ? CLASSES[number].toLowerCase() : `class-${number % 8}`);

// What an estimate is called, and the class of the style sheet that colours it.
const mood = (estimate) => (CLASSES.length ? CLASSES[estimate.v] : STEPS[step(estimate.v)]);
const tone = (estimate) => (CLASSES.length ? className(estimate.v) : `step-${step(estimate.v)}`);
const weak = (estimate) => Boolean(estimate.caution); // shown pale, with its reasons
const amount = (estimate) => (CLASSES.length ? percent(estimate.p?.[estimate.v] ?? 1) : signed(estimate.v));

function quantile(values, share) {
  const sorted = values.map(Math.abs).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(share * (sorted.length - 1))] : 0;
}

const UTTERANCES = [...DATA.utterances].sort((a, b) => a.s - b.s || a.n - b.n);
const LONGEST = Math.max(...UTTERANCES.map((one) => one.e - one.s), 0);
const FACES = [...new Set(UTTERANCES.map((one) => one.face).filter((face) => face !== null))].sort((a, b) => a - b);
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
