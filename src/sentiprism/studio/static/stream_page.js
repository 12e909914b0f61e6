// The page Live: choices, the notice, start and stop, what is told.
import { Capture, DeviceError, RATE, check } from "/static/stream_capture.js";
import { byId, clock } from "/static/drawing.js";
import { LiveStream } from "/static/stream_socket.js";
import { View } from "/static/stream_view.js";

const TOLD = 4000; // milliseconds between two utterances that are read aloud
const form = byId("choices");
const [agree, decline, start, stop] = ["agree", "decline", "start", "stop"].map(byId);
const preview = byId("preview");
let run = null; // of the stream that is open

function say(state, text, remedy = "") {
  byId("state").className = `pill ${{ live: "running", lost: "failed", failed: "failed" }[state] ?? ""}`;
  byId("state").textContent = { idle: "off", loading: "loading", live: "live", lost: "connection lost", ending: "ending", failed: "off" }[state];
  byId("told").className = state === "failed" ? "notes" : "quiet";
  byId("told").textContent = [text, remedy].filter(Boolean).join(" ");
}

function confirmNotice(confirmed) {
  agree.setAttribute("aria-pressed", confirmed);
  agree.textContent = confirmed ? "✓ Everybody knows, and nobody objects" : "Everybody knows, and nobody objects";
  start.disabled = !confirmed;
}

function show(running) {
  form.disabled = running;
  for (const one of document.querySelectorAll("[data-before]")) one.hidden = running;
  byId("stage").hidden = !running && !byId("lanes").childElementCount;
  stop.hidden = !running;
  byId("now").hidden = !running;
}

// When the sound at a second was captured, by the clock of this page.
function capturedAt(second) {
  const piece = run.pieces.find(([end]) => end >= second);
  return piece ? piece[1] - 1000 * (piece[0] - second) : null;
}

function measureDelay(end) {
  const at = capturedAt(end);
  if (at === null) return;
  run.delays.push((performance.now() - at) / 1000);
  const sorted = [...run.delays].sort((a, b) => a - b);
  byId("delay").textContent = `${run.delays.at(-1).toFixed(1)} s`;
  byId("delay").dataset.seconds = run.delays.at(-1);
  byId("delays").textContent = `median of ${sorted.length}: ${sorted[sorted.length >> 1].toFixed(1)} s`;
}

// At most one utterance in some seconds is read aloud: the newest.
function tell(text, own = run) {
  own.untold = text;
  if (own.telling) return;
  const next = () => {
    own.telling = own.untold ? setTimeout(next, TOLD) : null;
    if (own.untold) byId("status").textContent = own.untold;
    own.untold = null;
  };
  next();
}

function take({ event }) {
  if (!run?.view) return;
  const { view } = run;
  if (event.type === "utterance.start") view.begin(event);
  if (event.type === "measurement" && !event.final) view.measure(event);
  if (event.type !== "utterance.end") return;
  measureDelay(event.end);
  const text = view.end(event);
  if (text) tell(text);
  byId("notes").textContent = event.notes.join(" ");
}

function hear(samples) {
  if (!run) return;
  let peak = 0;
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  byId("level").value = peak ? Math.max(0, 1 + Math.log10(peak / 32768) / 3) : 0;
  run.stream.sound(samples);
  run.pieces.push([run.stream.sent / RATE, performance.now()]);
  if (run.pieces.length > 900) run.pieces.shift();
  byId("elapsed").textContent = clock(run.stream.sent / RATE);
}

async function openDevices(message) {
  const { camera } = run;
  run.view = new View(message.target, message.modalities);
  run.capture = new Capture({ sound: hear, picture: (jpeg, second) => run?.stream.picture(jpeg, second), ended: () => end("The microphone or the camera was switched off.") });
  say("loading", `Allow the browser to open the microphone${camera ? " and the camera" : ""}.`);
  const opened = run;
  try {
    await run.capture.open(camera, preview);
  } catch (error) {
    if (opened.stopped || run !== opened) return null;
    return fail(error instanceof DeviceError ? error : new DeviceError(`The microphone cannot be used (${error.name}).`, "Load the page again."));
  }
  if (run !== opened || run.stopped) return null; // stopped while the browser asked
  byId("picture").hidden = !camera;
  say("live", "Nothing is stored. Speak; an utterance ends with a pause of 0.7 s.");
  run.timer = setInterval(() => run.view.tick(run.stream.sent / RATE), 250);
  return null;
}

function close() {
  if (!run) return;
  clearInterval(run.timer);
  run.capture?.close();
  run.view?.tick(run.stream ? run.stream.sent / RATE : 0, true);
  run = null;
  byId("picture").hidden = true;
  byId("level").value = 0;
  confirmNotice(false); // others may be there the next time
  show(false);
}

function fail(error) {
  run?.stream?.leave();
  close();
  say("failed", error.message, error.remedy);
  byId("told").focus();
}

async function begin() {
  byId("status").textContent = "";
  run = { camera: byId("camera").checked, pieces: [], delays: [] };
  show(true);
  stop.focus();
  say("loading", "Loading the model; the first time, the speech recognition is fetched, too.");
  const opened = run;
  try {
    await check(run.camera);
  } catch (error) {
    return fail(error);
  }
  if (run !== opened) return null;
  const address = new URL("/live/stream", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ form_token: document.querySelector('meta[name="form-token"]').content, model: byId("model").value, informed: "yes" });
  const options = { language: byId("language").value || null, recognition: byId("recognition").checked };
  run.stream = new LiveStream(address, options, {
    ready: (message) => run.stopped || openDevices(message),
    event: take,
    lost: () => say("lost", "The connection to the studio was lost. It is resumed as soon as possible; what is said now is kept for half a minute."),
    resumed: () => (run.stopped ? say("ending", "Waiting for the last utterance.") : say("live", "The connection is back, and nothing is missing.")),
    finished: (message) => {
      const { broken } = message.pictures;
      close();
      say("idle", `Stopped after ${clock(message.seconds)}. Nothing was stored.`, broken ? `${broken} pictures could not be read.` : "");
      byId("told").focus();
    },
    failed: (cause, remedy) => fail(new DeviceError(cause.endsWith(".") ? cause : `${cause}.`, remedy)),
  });
  return null;
}

// Ends the stream; the devices are closed at once, and the last utterance is waited for.
async function end(reason = "") {
  if (!run || run.stopped) return;
  run.stopped = true;
  say("ending", reason || "Microphone and camera are closed. Waiting for the last utterance.");
  const { capture, stream } = run;
  await capture?.close();
  stream?.finish();
  if (!stream) {
    close();
    say("idle", "Stopped. Nothing was opened.");
  }
}

agree.addEventListener("click", () => {
  confirmNotice(agree.getAttribute("aria-pressed") !== "true");
  if (!start.disabled) say("idle", "Nothing is open yet. Press Start.");
});
decline.addEventListener("click", () => {
  confirmNotice(false);
  say("idle", "Then it does not start. Nothing was opened, and nothing was sent.");
});
start.addEventListener("click", begin);
stop.addEventListener("click", () => end());
window.addEventListener("pagehide", () => { run?.stream?.leave(); run?.capture?.close(); });
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
window.addEventListener("resize", () => run?.view?.draw());
confirmNotice(false);
say("idle", "Nothing is open, and nothing is sent.");
document.body.dataset.ready = "yes";
