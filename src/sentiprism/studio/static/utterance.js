// An utterance: the keys go to the one before and after, and a line in the curves follows the recording.
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, video, audio")) return; // these use the arrows themselves
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = way && document.querySelector(`.steps-nav a[rel=${way}]`);
  if (link) {
    event.preventDefault();
    link.click();
  }
});
document.documentElement.dataset.ready = "yes"; // keys do something from now on

const media = document.querySelector("video, audio");
if (media) {
  const given = [media.dataset.start, media.dataset.end].map((text) => (text ? Number(text) : null));
  const span = () => [given[0] ?? 0, given[1] ?? media.duration];
  const cursors = document.querySelectorAll(".cursor");
  const show = () => {
    const [start, end] = span();
    const share = Math.min(Math.max((media.currentTime - start) / (end - start), 0), 1);
    for (const cursor of cursors) {
      cursor.removeAttribute("hidden");
      cursor.setAttribute("transform", `translate(${300 * share} 0)`);
    }
    if (!media.paused && !media.ended) requestAnimationFrame(show);
  };
  media.addEventListener("play", () => {
    const [start, end] = span();
    if (media.currentTime < start || media.currentTime >= end - 0.05) media.currentTime = start; // again, from its start
    show();
  });
  media.addEventListener("timeupdate", () => {
    const end = span()[1];
    if (given[1] !== null && media.currentTime >= end && !media.paused) media.pause();
    show();
  });
}
