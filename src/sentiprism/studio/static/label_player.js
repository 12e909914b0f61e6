// Plays one utterance and nothing else of its recording.
export function lock(box) {
  const media = box.querySelector("video, audio"), button = box.querySelector("[data-play]");
  const place = box.querySelector("[data-place]"), time = box.querySelector("[data-time]");
  const start = Number(box.dataset.start), end = Number(box.dataset.end);
  const length = Math.max(end - start, 0.01);
  const show = () => {
    const at = Math.min(Math.max(media.currentTime - start, 0), length);
    place.value = String(Math.round((1000 * at) / length));
    place.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${length.toFixed(1)} seconds`);
    time.textContent = `${at.toFixed(1)} of ${length.toFixed(1)} s`;
    button.textContent = media.paused ? "Play" : "Pause";
    button.setAttribute("aria-label", button.textContent);
  };
  const watch = () => {
    if (!box.isConnected) return media.pause();
    if (media.currentTime >= end || media.ended) { media.pause(); media.currentTime = start; }
    show();
    if (!media.paused) requestAnimationFrame(watch);
  };
  media.addEventListener("loadedmetadata", () => { media.currentTime = start; });
  media.addEventListener("seeking", () => {
    if (media.currentTime < start - 0.3 || media.currentTime > end + 0.3) media.currentTime = start;
  });
  media.addEventListener("timeupdate", watch);
  media.addEventListener("play", watch);
  media.addEventListener("pause", show);
  media.addEventListener("error", () => { time.textContent = "cannot be played"; });
  if ("mute" in box.dataset) {
    const silent = () => { if (!media.muted) media.muted = true; };
    media.muted = true;
    media.addEventListener("volumechange", silent);
  }
  const play = () => {
    if (media.currentTime < start || media.currentTime >= end - 0.02) media.currentTime = start;
    return media.play().catch(() => show()); // a browser may want a key or click first
  };
  const toggle = () => (media.paused ? play() : media.pause());
  button.addEventListener("click", toggle);
  place.addEventListener("input", () => { media.currentTime = start + (length * Number(place.value)) / 1000; show(); });
  if (media.readyState >= 1) media.currentTime = start;
  show();
  return { play, toggle };
}
