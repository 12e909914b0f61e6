// Runs in the audio thread: sound of the microphone as 16-bit samples at 16 kHz, mono, in pieces of 100 ms.
const RATE = 16000;
const PIECE = RATE / 10;
const CROSSINGS = 32; // of the filter on each side: what is above 8 kHz would be heard as something else

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE; // samples of the microphone for each of ours
    this.cut = 0.95 * Math.min(1, 1 / this.step);
    this.half = Math.ceil(CROSSINGS / this.cut);
    this.filters = new Map(); // by the fraction of a sample
    this.heard = new Float32Array(this.half); // silence before the first sample
    this.at = this.half; // where our next sample is in what was heard
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.port.onmessage = () => { // the end: what is left of a piece
      this.port.postMessage({ samples: this.piece.slice(0, this.filled), last: true });
      this.ended = true;
    };
  }

  filter(fraction) {
    const key = Math.round(fraction * 1e6);
    let made = this.filters.get(key);
    if (!made) {
      made = new Float32Array(2 * this.half);
      for (let i = 0; i < made.length; i++) {
        const t = i - this.half + 1 - fraction;
        const x = Math.PI * this.cut * t;
        const window = 0.5 + 0.5 * Math.cos((Math.PI * t) / (this.half + 1));
        made[i] = this.cut * (Math.abs(x) < 1e-9 ? 1 : Math.sin(x) / x) * window;
      }
      this.filters.set(key, made);
    }
    return made;
  }

  process([channels]) {
    if (this.ended) return false;
    if (!channels.length) return true;
    const block = channels[0].slice();
    for (const other of channels.slice(1)) other.forEach((value, i) => { block[i] += value; });
    const heard = new Float32Array(this.heard.length + block.length);
    heard.set(this.heard);
    heard.set(block.map((value) => value / channels.length), this.heard.length);
    for (; Math.floor(this.at) + this.half < heard.length; this.at += this.step) {
      const first = Math.floor(this.at);
      const filter = this.filter(this.at - first);
      let sum = 0;
      for (let i = 0; i < filter.length; i++) sum += filter[i] * heard[first - this.half + 1 + i];
      this.put(sum);
    }
    const kept = Math.max(Math.floor(this.at) - this.half, 0);
    this.heard = heard.slice(kept);
    this.at -= kept;
    return true;
  }

  put(value) {
    this.piece[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(32768 * value)));
    if (this.filled < PIECE) return;
    this.port.postMessage({ samples: this.piece }, [this.piece.buffer]);
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
  }
}

registerProcessor("capture", Capture);
