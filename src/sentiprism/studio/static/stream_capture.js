// Microphone and camera: opened, measured out on the clock of the sound, and closed.
export const RATE = 16000;
const FRAMES = 15; // pictures a second; the analysis takes what its features need
const WIDTH = 640;
const QUALITY = 0.9;

const WORDS = {
  NotAllowedError: ["The browser was not allowed to open the microphone or the camera.", "Allow both for this page (the sign beside the address), then start again."],
  NotFoundError: ["A microphone or camera was not found.", "Connect it, or leave the camera out, then start again."],
  NotReadableError: ["The microphone or the camera is used by another program.", "Close that program, then start again."],
};
WORDS.SecurityError = WORDS.NotAllowedError;
WORDS.OverconstrainedError = WORDS.NotFoundError;
WORDS.AbortError = WORDS.NotReadableError;

export class DeviceError extends Error {
  constructor(cause, remedy) {
    super(cause);
    this.remedy = remedy;
  }
}

// What is known without opening anything: a browser that forbids it, or a machine without a microphone.
export async function check(camera) {
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
    throw new DeviceError("This browser cannot open a microphone for a page.", "Use a recent Firefox, Chrome, Edge or Safari, at the address that the terminal shows.");
  }
  for (const name of camera ? ["microphone", "camera"] : ["microphone"]) {
    const known = await navigator.permissions?.query({ name }).catch(() => null); // not every browser tells
    if (known?.state === "denied") throw new DeviceError(...WORDS.NotAllowedError);
  }
  const kinds = (await navigator.mediaDevices.enumerateDevices()).map((one) => one.kind);
  if (!kinds.includes("audioinput")) throw new DeviceError("A microphone was not found.", "Connect one, then start again.");
  if (camera && !kinds.includes("videoinput")) throw new DeviceError("A camera was not found.", "Connect one, or leave the camera out, then start again.");
}

export class Capture {
  // on: { sound(samples, second of their end), picture(JPEG, second), ended() }
  constructor(on) {
    this.on = on;
    this.samples = 0;
    this.arrived = performance.now();
  }

  async open(camera, preview) {
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false }; // as the model learned voices
    const video = camera && { width: { ideal: WIDTH }, height: { ideal: 480 }, frameRate: { ideal: FRAMES } };
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/static/stream_sound.js");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio, video });
    } catch (error) {
      await this.context.close();
      throw new DeviceError(...(WORDS[error.name] ?? [`The microphone or the camera cannot be opened (${error.name}).`, "Try another one."]));
    }
    if (this.closed) return this.close(); // while the browser asked
    for (const track of this.stream.getTracks()) track.addEventListener("ended", () => this.on.ended());
    const source = this.context.createMediaStreamSource(new MediaStream(this.stream.getAudioTracks()));
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.take(data);
    source.connect(this.node);
    await this.context.resume();
    if (camera) {
      preview.srcObject = new MediaStream(this.stream.getVideoTracks());
      await preview.play();
      this.preview = preview;
      this.timer = setInterval(() => this.look(), 1000 / FRAMES);
    }
    return null;
  }

  // The second of the sound that is heard at this moment.
  get now() {
    return this.samples / RATE + (performance.now() - this.arrived) / 1000;
  }

  take({ samples, last }) {
    this.samples += samples.length;
    this.arrived = performance.now();
    if (samples.length) this.on.sound(samples);
    if (last) this.flushed?.();
  }

  look() {
    const video = this.preview;
    if (this.looking || video.readyState < 2 || !video.videoWidth) return;
    this.canvas ??= document.createElement("canvas");
    const { canvas } = this;
    canvas.width = Math.min(video.videoWidth, WIDTH);
    canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    const second = this.now;
    this.looking = true;
    canvas.toBlob(async (blob) => {
      if (blob) this.on.picture(await blob.arrayBuffer(), second);
      this.looking = false;
    }, "image/jpeg", QUALITY);
  }

  // Close the devices; the last samples are handed on before it returns.
  async close() {
    this.closed = true;
    clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.preview) this.preview.srcObject = null;
    if (this.node && this.context.state === "running" && !this.flushed) {
      await Promise.race([new Promise((done) => { this.flushed = done; this.node.port.postMessage("end"); }), new Promise((done) => setTimeout(done, 500))]);
    }
    if (this.context && this.context.state !== "closed") await this.context.close();
  }
}
