// What estimates are called and how they are drawn; an estimate is {v, lo, hi, p, caution} as in the page's data.

const STEPS = ["strongly negative", "negative", "slightly negative", "neutral", "slightly positive", "positive", "strongly positive"];

// By the scale of a model, or its classes.
function estimatesOf({ low, high, classes }) {
  const middle = (low + high) / 2;
  const neutral = (high - low) / 12; // half a step of seven, as in the summary
  const step = (value) => clamp(Math.round((6 * (value - low)) / (high - low)), 0, 6);
  const className = (number) => (["negative", "neutral", "positive"].includes(classes[number].toLowerCase()) ? classes[number].toLowerCase() : `class-${number % 8}`);
  // What an estimate is called, and the class of the style sheet that colours it.
  const mood = (estimate) => (classes.length ? classes[estimate.v] : STEPS[step(estimate.v)]);
  const tone = (estimate) => (classes.length ? className(estimate.v) : `step-${step(estimate.v)}`);
  const weak = (estimate) => Boolean(estimate.caution); // shown pale, with its reasons
  const amount = (estimate) => (classes.length ? percent(estimate.p?.[estimate.v] ?? 1) : signed(estimate.v));

  function interval({ v, lo, hi, caution }) {
    const place = (value) => `${((100 * (clamp(value, low, high) - low)) / (high - low)).toFixed(2)}%`;
    const band = lo === undefined ? [] : [svg("rect", { class: "band", x: place(lo), width: `${((100 * (clamp(hi, low, high) - clamp(lo, low, high))) / (high - low)).toFixed(2)}%`, y: 5, height: 8, rx: 4 })];
    return svg("svg", { class: "interval", height: 18, "aria-hidden": "true" }, svg("line", { class: "grid", x1: 0, x2: "100%", y1: 9, y2: 9 }), svg("line", { class: "zero", x1: "50%", x2: "50%", y1: 3, y2: 15 }), band, svg("circle", { class: `fill ${tone({ v })}${caution ? " weak" : ""}`, cx: place(v), cy: 9, r: 5 }));
  }

  function probabilities(estimate) {
    return html("ul", { class: "probabilities" }, classes.map((name, number) => [name, estimate.p?.[number] ?? Number(estimate.v === number), number]).sort((a, b) => b[1] - a[1]).slice(0, 3).map(([name, share, number]) => html("li", {}, html("span", {}, name), svg("svg", { height: 8, "aria-hidden": "true" }, svg("rect", { class: "track", width: "100%", height: 8, rx: 2 }), svg("rect", { class: `fill ${className(number)}`, width: percent(share).replace(" ", ""), height: 8, rx: 2 })), html("b", {}, percent(share)))));
  }

  function verdict(one) {
    const { estimate } = one;
    const range = estimate.lo === undefined ? "" : `${signed(estimate.lo, 1)} to ${signed(estimate.hi, 1)}`;
    const head = html("p", {}, html("b", { class: "value" }, amount(estimate)), html("span", { class: "mood" }, mood(estimate)));
    const why = weak(estimate) ? html("p", { class: "caution" }, `weak: ${estimate.caution.join(", ")}`) : null;
    return html("div", { class: weak(estimate) ? "verdict-cell weak" : "verdict-cell" }, head, why, classes.length ? probabilities(estimate) : [interval(estimate), html("span", { class: "range" }, range)]);
  }

  return { low, high, middle, neutral, classes, step, className, mood, tone, weak, amount, interval, probabilities, verdict };
}

function colour(element, share) {
  element.className = `word ${share < 0 ? "lowers" : "raises"}`;
  element.style.setProperty("--share", `${(100 * Math.min(Math.abs(share), 1)).toFixed(0)}%`);
}

function word([text, start, , contribution], strongest) {
  const element = html("span", { "data-time": start }, text);
  if (contribution !== null) {
    element.title = `${signed(contribution)} at ${clock(start, true)}`;
    colour(element, contribution / strongest);
  }
  return element;
}

function sentence(one, strongest) {
  if (!one.words.length) return [one.text ?? html("i", {}, `no words: predicted from the ${one.present.map((name) => ({ audio: "voice", vision: "face" })[name] ?? name).join(" and the ")}`)];
  return one.words.flatMap((item) => [word(item, strongest), " "]);
}

function attributions(one, modalities, strongest) {
  const rows = modalities.map((name) => {
    const value = one.parts[name] ?? 0;
    const size = (50 * Math.abs(value)) / strongest;
    const there = one.present.includes(name);
    const bar = svg("svg", { height: 12, "aria-hidden": "true" }, there ? svg("rect", { class: `fill ${name}`, x: `${(value < 0 ? 50 - size : 50).toFixed(2)}%`, width: `${size.toFixed(2)}%`, y: 1, height: 10, rx: 2 }) : null, svg("line", { class: "zero", x1: "50%", x2: "50%", y1: 0, y2: 12 }));
    const weight = one.weights?.[name];
    const own = weight === undefined ? null : html("span", { class: "weight", title: `the model's own weight of ${name}` }, percent(weight));
    return html("li", there ? {} : { class: "absent" }, html("span", { class: "which" }, name), bar, html("span", { class: "number" }, there ? signed(value) : name === "text" && one.text !== null ? "not used" : "missing"), own);
  });
  return html("ul", { class: one.weights ? "parts weighed" : "parts" }, html("li", { class: "heads", "aria-hidden": "true" }, html("span", {}, one.weights ? "contribution · model's own weight" : "contribution")), rows);
}

const GUTTER = 40; // left of every lane, for the scale
const EDGE = 8; // right of it

const block = (x, a, b, top, bottom) => `M${x(a).toFixed(1)} ${top.toFixed(1)}H${Math.max(x(b), x(a) + 1).toFixed(1)}V${bottom.toFixed(1)}H${x(a).toFixed(1)}Z`;

function scaleLine(y, label, width, kind = "grid") {
  return [svg("line", { class: kind, x1: GUTTER, x2: width - EDGE, y1: y, y2: y }), svg("text", { class: "scale", x: GUTTER - 7, y: y + 3.5 }, label)];
}

// The marks of utterances on a scale: those below and those above what a page may draw between.
function sentimentMarks(scale, list, x, y, width) {
  const { low, high, middle, weak } = scale;
  const zero = y(middle);
  const bands = list.filter((one) => one.estimate.lo !== undefined);
  const stops = [6, 5, 4, 3, 2, 1, 0].map((s, i) => svg("stop", { class: `step-${s}`, offset: i / 6 }));
  return {
    below: [
      svg("defs", {}, svg("linearGradient", { id: "tones", gradientUnits: "userSpaceOnUse", x1: 0, x2: 0, y1: y(high), y2: y(low) }, stops)),
      ...[high, (high + middle) / 2, middle, (low + middle) / 2, low].flatMap((value, i) => scaleLine(y(value), i % 2 ? "" : signed(value, Number.isInteger(value) ? 0 : 1), width, i === 2 ? "zero" : "grid")),
      svg("path", { class: "band", d: bands.map((one) => block(x, one.s, one.e, y(one.estimate.hi), y(one.estimate.lo))).join("") }),
      svg("path", { class: "area", d: list.filter((one) => !weak(one.estimate)).map((one) => block(x, one.s, one.e, Math.min(y(one.estimate.v), zero), Math.max(y(one.estimate.v), zero))).join("") }),
    ],
    above: [false, true].map((pale) => svg("path", { class: pale ? "level weak" : "level", d: list.filter((one) => weak(one.estimate) === pale).map((one) => block(x, one.s, one.e, y(one.estimate.v) - 1.75, y(one.estimate.v) + 1.75)).join("") })),
  };
}

const ROW = 22; // height of a class

function classMarks({ classes, className }, list, x, width) {
  return classes.flatMap((name, number) => [
    svg("rect", { class: "track", x: GUTTER, width: Math.max(width - GUTTER - EDGE, 0), y: 2 + number * ROW, height: ROW - 3 }),
    ...list.map((one) => svg("path", { class: `fill ${className(number)}`, opacity: (0.04 + 0.96 * (one.estimate.p?.[number] ?? Number(one.estimate.v === number))).toFixed(2), d: block(x, one.s, one.e, 2 + number * ROW, ROW - 1 + number * ROW) })),
    svg("text", { class: "name", x: GUTTER + 5, y: number * ROW + 15 }, name),
  ]);
}

// The scale is that of the stacks as they are drawn: what raises and what lowers pile up apart.
const reachOf = (list) => Math.max(...list.flatMap((one) => [1, -1].map((sign) => Object.values(one.parts).reduce((sum, value) => sum + Math.max(sign * value, 0), 0))), 1e-9);

function contributionMarks(list, modalities, x, y, width, reach) {
  const paths = Object.fromEntries(modalities.map((name) => [name, ""]));
  for (const one of list) {
    let [up, down] = [0, 0];
    for (const name of modalities) {
      const value = one.parts[name] ?? 0;
      const from = value > 0 ? up : down;
      if (value > 0) up += value;
      else down += value;
      if (value) paths[name] += block(x, one.s, one.e, Math.min(y(from), y(from + value)), Math.max(y(from), y(from + value)));
    }
  }
  return [
    ...[reach, 0, -reach].flatMap((value) => scaleLine(y(value), signed(value, 1), width, value ? "grid" : "zero")),
    ...modalities.map((name) => svg("path", { class: `fill ${name}`, d: paths[name] })),
  ];
}
