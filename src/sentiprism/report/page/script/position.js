// Where we are in the recording: the player's own time, or a cursor where nothing plays.

const media = byId("media");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const followers = [];
let cursor = 0;
let face = EVERY && FACES.length > 1 ? FACES[0] : null; // the face whose utterances are shown; null = all
let player = media;

const duration = () => Math.max(DATA.duration, 1e-3);
const now = () => (player ? player.currentTime : cursor);
const playing = () => Boolean(player) && !player.paused;
const shown = () => (face === null ? UTTERANCES : UTTERANCES.filter((one) => one.face === face || one.face === null));

function tell() {
  for (const follow of followers) follow(now());
}

function seek(seconds) {
  cursor = clamp(seconds, 0, duration());
  if (player) player.currentTime = cursor;
  tell();
}

// Utterances of a moment: several, if predictions use several faces.
function at(seconds) {
  const found = [];
  const list = shown();
  for (let i = first(list, seconds + 1e-6, (one) => one.s) - 1; i >= 0 && found.length < 8; i--) {
    if (seconds < list[i].e) found.unshift(list[i]);
    else if (list[i].s < seconds - LONGEST) break;
  }
  return found;
}

function neighbour(direction) {
  const starts = [...new Set(shown().map((one) => one.s))];
  const here = now();
  const next = direction > 0 ? starts.find((start) => start > here + 0.05) : starts.findLast((start) => start < here - 0.5);
  return next ?? (direction > 0 ? here : 0);
}

function toggle() {
  if (!player) return;
  if (player.paused) player.play().catch(() => {}); // a refusal shows as the player's own error
  else player.pause();
}

function unplayable(reason) {
  const note = byId("player-note");
  note.textContent = reason;
  note.hidden = false;
}

// Stills in the place of a moving picture that this browser does not show: the last one that is not later.
const picture = byId("picture");

function depict(time) {
  const [, shot] = DATA.stills[Math.max(first(DATA.stills, time + 1e-6, (still) => still[0]) - 1, 0)];
  if (picture.getAttribute("src") !== shot) picture.setAttribute("src", shot);
}

function showStills() {
  if (!picture) return false;
  picture.hidden = false;
  if (!followers.includes(depict)) followers.push(depict);
  depict(now());
  return true;
}

if (picture && media?.tagName !== "VIDEO") showStills();
if (media) {
  for (const event of ["timeupdate", "seeking", "seeked", "play", "pause", "loadedmetadata"]) media.addEventListener(event, tell);
  media.addEventListener("error", () => {
    cursor = 0;
    player = null;
    media.remove();
    byId("play")?.remove();
    const pictures = showStills();
    byId("stage").classList.toggle("still", !pictures);
    unplayable(`This browser cannot play the recording, or it is no longer in the folder of this page. ${pictures ? "Still pictures are shown instead." : "The time line works without it."}`);
    tell();
  });
  media.addEventListener("loadedmetadata", () => {
    if (media.tagName !== "VIDEO" || media.videoWidth > 0) return;
    const pictures = showStills();
    media.classList.toggle("sound", pictures);
    unplayable(`This browser plays the sound, but does not know how the picture is coded.${pictures ? " Still pictures are shown instead." : ""}`);
  });
  const glide = () => {
    tell();
    if (playing() && !calm.matches) requestAnimationFrame(glide);
  };
  media.addEventListener("play", glide);
  byId("play")?.addEventListener("click", toggle);
}

// A frame around the face that an utterance was predicted from, if several are visible.
const WIDER = 1.15; // side of the frame relative to the square root of the face's area
const frame = html("div", { class: "face-frame", "aria-hidden": "true", hidden: "" });

function frameFace(time) {
  const one = at(time).find((found) => found.place);
  const view = picture && !picture.hidden ? picture : media;
  const [across, down] = [view.videoWidth || view.naturalWidth, view.videoHeight || view.naturalHeight];
  frame.hidden = !one || !across;
  if (frame.hidden) return;
  const scale = Math.min(view.offsetWidth / across, view.offsetHeight / down);
  const side = WIDER * Math.sqrt(one.place[2] * across * down) * scale;
  const left = view.offsetLeft + (view.offsetWidth - across * scale) / 2 + one.place[0] * across * scale - side / 2;
  const top = view.offsetTop + (view.offsetHeight - down * scale) / 2 + one.place[1] * down * scale - side / 2;
  Object.assign(frame.style, { left: `${left}px`, top: `${top}px`, width: `${side}px`, height: `${side}px` });
  frame.classList.toggle("weak", one.speaking < SURE);
}

if (SPEAKING && (picture || media)) {
  byId("stage").append(frame);
  followers.push(frameFace);
  for (const view of [picture, media]) for (const event of ["load", "loadedmetadata"]) view?.addEventListener(event, () => frameFace(now()));
  new ResizeObserver(() => frameFace(now())).observe(byId("stage"));
}
