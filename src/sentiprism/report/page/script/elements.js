// Numbers as people read them, and elements made without ever reading text as HTML.

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

function quantile(values, share) {
  const sorted = values.map(Math.abs).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(share * (sorted.length - 1))] : 0;
}
