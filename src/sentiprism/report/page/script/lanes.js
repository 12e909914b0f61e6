// Lanes of the time line. A lane draws itself into (x, width, height) and returns its value at a time.

const HOP = quantile(DATA.windows.slice(1).map((one, i) => one[0] - DATA.windows[i][0]), 0.5); // from one window to the next

const visible = (list, view) => list.filter((one) => one.e > view.from && one.s < view.to);

function sentimentLane() {
  const height = 180;
  const y = (value) => 12 + (height - 24) * (1 - (clamp(value, LOW, HIGH) - LOW) / (HIGH - LOW));
  return {
    title: "Sentiment", unit: `${signed(LOW, 0)} to ${signed(HIGH, 0)}`, height,
    key: [["band", "interval"], ["line", "utterance"], ...(UTTERANCES.some((one) => weak(one.estimate)) ? [["line weak", "weak estimate"]] : []), ...(DATA.windows.length ? [["window", "sliding window"]] : [])],
    draw(x, width, view) {
      const { below, above } = sentimentMarks(SCALE, visible(shown(), view), x, y, width);
      const around = DATA.windows.filter(([a, b]) => b > view.from && a < view.to);
      const corner = ([a, b, estimate]) => `${x((a + b) / 2).toFixed(1)} ${y(estimate.v).toFixed(1)}`;
      // A piece of the line for each window and the one before it, if they are adjacent.
      const line = (pale) => around.map((one, i) => {
        const before = i && one[0] - around[i - 1][0] <= 1.5 * HOP ? around[i - 1] : null;
        return weak(one[2]) !== pale ? "" : before ? `M${corner(before)}L${corner(one)}` : `M${corner(one)}h0.01`;
      }).join("");
      return [
        ...below,
        svg("path", { class: "window", d: line(false) }),
        svg("path", { class: "window weak", d: line(true) }),
        ...above,
      ];
    },
    read(time) {
      const near = DATA.windows[clamp(first(DATA.windows, time, (w) => (w[0] + w[1]) / 2), 0, DATA.windows.length - 1)];
      const window = near && near[0] <= time && time <= near[1] ? near : null;
      const said = at(time).map((one) => `${weak(one.estimate) ? "weak " : ""}${amount(one.estimate)}${one.estimate.lo === undefined ? "" : ` (${signed(one.estimate.lo, 1)} … ${signed(one.estimate.hi, 1)})`}`);
      return [said.join(" · "), window && `${weak(window[2]) ? "weak " : ""}window ${signed(window[2].v)}`].filter(Boolean).join("   ");
    },
  };
}

function classLane() {
  return {
    title: "Probability of each class", unit: "0 to 100 %, the stronger the colour the likelier", height: CLASSES.length * ROW + 4, key: [],
    draw: (x, width, view) => classMarks(SCALE, visible(shown(), view), x, width),
    read: (time) => at(time).map((one) => `${mood(one.estimate)} ${amount(one.estimate)}`).join(" · "),
  };
}

function contributionLane() {
  const height = 110;
  const reach = reachOf(UTTERANCES);
  const y = (value) => height / 2 - (value / reach) * (height / 2 - 8);
  return {
    title: "Contributions", unit: CLASSES.length ? "logits of the most probable class" : `added to ${signed(BASE)}, the baseline prediction`, height,
    key: DATA.modalities.map((name) => [`fill ${name}`, name]),
    draw: (x, width, view) => contributionMarks(visible(shown(), view), DATA.modalities, x, y, width, reach),
    read: (time) => at(time).map((one) => DATA.modalities.filter((name) => one.present.includes(name)).map((name) => `${name} ${signed(one.parts[name] ?? 0)}`).join("   ")).join(" · "),
  };
}

// A row for each face: the stronger the colour, the more certainly it speaks.
function speakingLane() {
  const row = 20;
  const width = (width) => Math.max(width - GUTTER - EDGE, 0);
  return {
    title: "Who speaks", unit: "the face whose lips move with the sound", height: FACES.length * row + 4, key: [["fill vision", "sure"], ["fill vision weak", "unsure"]],
    draw: (x, whole, view) => FACES.flatMap((number, i) => [
      svg("rect", { class: "track", x: GUTTER, width: width(whole), y: 2 + i * row, height: row - 3 }),
      ...visible(UTTERANCES, view).filter((one) => one.face === number).map((one) => svg("path", { class: "fill vision", opacity: (one.speaking ?? 1) >= SURE ? "1" : "0.3", d: block(x, one.s, one.e, 2 + i * row, row - 1 + i * row) })),
      svg("text", { class: "name", x: GUTTER + 5, y: i * row + 15 }, `face ${number}`),
    ]),
    read: (time) => at(time).filter((one) => one.face !== null).map((one) => [`face ${one.face}`, speaks(one)].filter(Boolean).join(" ")).join(" · "),
  };
}

function curveLane(curve) {
  const height = 46;
  const times = DATA.times[curve.times];
  const known = curve.values.filter((value) => value !== null);
  const [bottom, top] = curve.scale ?? (known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : [0, 1]);
  const y = (value) => height - 7 - ((value - bottom) / (top - bottom || 1)) * (height - 14);
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  const longest = 3 * (gaps[gaps.length >> 1] ?? 1); // a longer step is a gap: no face was visible there
  const unit = curve.unit === "1" ? "" : curve.unit;
  const symbol = unit && !unit.includes(" ") ? ` ${unit}` : ""; // a longer one is read in the lane's title
  return {
    title: curve.title + (curve.face !== null && new Set(DATA.curves.map((one) => one.face)).size > 2 ? ` · face ${curve.face}` : ""),
    height, modality: curve.modality, face: curve.face, unit, key: [],
    draw(x, width, view) {
      const [a, b] = [Math.max(first(times, view.from) - 1, 0), first(times, view.to) + 1];
      return [...scaleLine(y(top), plain(top), width), ...scaleLine(y(bottom), plain(bottom), width), svg("path", { class: `curve ${curve.modality}`, d: outline(curve.values, times, a, Math.min(b, times.length), x, y, longest) })];
    },
    read(time) {
      const i = first(times, time);
      const near = i > 0 && (i === times.length || time - times[i - 1] < times[i] - time) ? i - 1 : i;
      const value = Math.abs(times[near] - time) <= longest ? curve.values[near] : null;
      return value === null || value === undefined ? "–" : plain(value) + symbol;
    },
  };
}

// A path through the values; where several fall on one pixel, its lowest and highest stand for them.
function outline(values, times, a, b, x, y, longest) {
  let path = "";
  let pen = false;
  for (let i = a; i < b; ) {
    if (values[i] === null) {
      pen = false;
      i++;
      continue;
    }
    if (i > a && times[i] - times[i - 1] > longest) pen = false;
    const pixel = Math.floor(x(times[i]));
    let [low, high] = [values[i], values[i]];
    let next = i + 1;
    while (next < b && values[next] !== null && Math.floor(x(times[next])) === pixel) {
      low = Math.min(low, values[next]);
      high = Math.max(high, values[next]);
      next++;
    }
    path += `${pen ? "L" : "M"}${x(times[i]).toFixed(1)} ${y(low).toFixed(1)}${high > low ? `L${x(times[next - 1]).toFixed(1)} ${y(high).toFixed(1)}` : ""}`;
    if (!pen && (next >= b || values[next] === null)) path += "h0.01"; // a lone value is a dot
    pen = true;
    i = next;
  }
  return path;
}
