// The web socket of a stream: sound and pictures out, events in; a lost connection is resumed where it was.
import { RATE } from "/static/stream_capture.js";

const KEPT = 30; // seconds of sound that can be sent again
const AGAIN = 1000; // milliseconds between two attempts to resume
const CROWDED = 1_000_000; // bytes that wait, from which pictures are left out
const [SOUND, PICTURE] = [1, 2];

function pack(kind, second, bytes) {
  const message = new Uint8Array(9 + bytes.byteLength);
  const head = new DataView(message.buffer);
  head.setUint8(0, kind);
  head.setFloat64(1, second, true);
  message.set(new Uint8Array(bytes), 9);
  return message;
}

export class LiveStream {
  // on: { ready(message), event(message), lost(), resumed(), finished(message), failed(cause, remedy) }
  constructor(address, options, on) {
    Object.assign(this, { address, options, on, token: null, last: 0, sent: 0, kept: [], finishing: false, over: false });
    this.connect();
  }

  connect() {
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.live = false;
    socket.onopen = () => socket.send(JSON.stringify(this.token ? { type: "start", resume: this.token, after: this.last } : { type: "start", options: this.options }));
    socket.onmessage = ({ data }) => { if (socket === this.socket) this.read(JSON.parse(data)); };
    socket.onclose = () => { if (socket === this.socket && !this.over) this.lose(); };
  }

  read(message) {
    if (message.type === "ready") return this.begin(message);
    if (message.type === "event") {
      this.last = message.sequence;
      return this.on.event(message);
    }
    if (message.type === "error" && message.status === 409) return null; // the old connection is not known to be lost yet
    this.over = true;
    if (message.type === "finished") return this.on.finished(message);
    if (message.status === 408) return this.on.failed("Nothing came from the microphone for a while.", "See whether another program uses it, then start again.");
    return this.on.failed(message.cause, message.remedy);
  }

  begin(message) {
    const resumed = this.token !== null;
    Object.assign(this, { token: message.token, within: message.resume_within, live: true, since: null });
    if (!resumed) {
      this.on.ready(message);
    } else {
      this.repeat(Math.round(message.received * RATE));
      this.on.resumed();
    }
    if (this.finishing) this.socket.send('{"type": "finish"}');
  }

  // Send the sound again that has not arrived.
  repeat(from) {
    let first = true;
    for (const { start, samples } of this.kept) {
      if (start + samples.length <= from) continue;
      const skip = Math.max(from - start, 0);
      this.socket.send(pack(SOUND, first ? (start + skip) / RATE : NaN, samples.slice(skip).buffer));
      first = false;
    }
  }

  lose() {
    if (!this.token) return this.end("The studio cannot be reached.", "See whether it is still running, and load this page again.");
    this.live = false;
    if (!this.since) {
      this.since = performance.now();
      this.on.lost();
    }
    if (performance.now() - this.since > 1000 * (2 * this.within + 5)) return this.end("The connection was lost.", "What was measured so far is below. Start again.");
    this.timer = setTimeout(() => this.connect(), AGAIN);
    return null;
  }

  end(cause, remedy) {
    this.over = true;
    this.on.failed(cause, remedy);
  }

  sound(samples) {
    const start = this.sent;
    this.sent += samples.length;
    this.kept.push({ start, samples });
    while (this.kept[0].start < this.sent - KEPT * RATE) this.kept.shift();
    if (this.live) this.socket.send(pack(SOUND, NaN, samples.buffer));
  }

  picture(jpeg, second) {
    if (this.live && this.socket.bufferedAmount < CROWDED) this.socket.send(pack(PICTURE, second, jpeg));
  }

  finish() {
    this.finishing = true;
    if (this.live) this.socket.send('{"type": "finish"}');
  }

  // The page is left: the analysis ends, and its results are not waited for.
  leave() {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    if (this.live && !this.finishing) this.socket.send('{"type": "finish"}');
    this.socket.close();
  }
}
