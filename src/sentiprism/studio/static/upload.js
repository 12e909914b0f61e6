// Adds files to the studio, two at a time, one request each.
const token = document.querySelector('meta[name="form-token"]').content;
const drop = document.querySelector("#drop");
const list = document.querySelector("#uploads");
const told = document.querySelector("#status");
const waiting = [];
let running = 0, failed = 0, added = 0;
const AT_ONCE = 2;

function line(name) {
  const item = document.createElement("li");
  const title = document.createElement("bdi");
  const bar = document.createElement("progress");
  const words = document.createElement("span");
  title.textContent = name;
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${name}`);
  words.className = "quiet";
  words.textContent = "waiting";
  item.append(title, bar, words);
  list.append(item);
  list.hidden = false;
  return { bar, words, item };
}

function send(file, { bar, words, item }, tries = 0) {
  running += 1;
  const request = new XMLHttpRequest();
  request.open("POST", "/recordings/files");
  request.setRequestHeader("X-Form-Token", token);
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  if (drop.dataset.for) request.setRequestHeader("X-File-For", drop.dataset.for);
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
    words.textContent = bar.value < 1 ? `${Math.round(100 * bar.value)} %` : "looking into it";
  };
  request.onloadend = () => {
    running -= 1;
    if (request.status === 503 && tries < 60) {
      running += 1;
      setTimeout(() => { running -= 1; send(file, { bar, words, item }, tries + 1); }, 1000);
      return;
    }
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { answer = { cause: "the studio does not answer", remedy: "is it still running?" }; }
    if (request.status === 200) {
      added += 1;
      bar.value = 1;
      words.textContent = answer.duplicate ? `is here already, as ${answer.name}` : "added";
    } else {
      failed += 1;
      bar.remove();
      item.classList.add("failed");
      words.className = "fault";
      words.textContent = `${answer.cause}; ${answer.remedy}`;
    }
    next();
  };
  request.send(file);
}

function next() {
  while (running < AT_ONCE && waiting.length) send(...waiting.shift());
  if (running || waiting.length) return;
  told.textContent = `${added} added, ${failed} failed`;
  if (!failed) return location.assign(drop.dataset.page ?? "/recordings");
  if (added && !document.querySelector("#show-added")) {
    const link = document.createElement("a");
    link.id = "show-added";
    link.className = "button";
    link.href = drop.dataset.page ?? "/recordings";
    link.textContent = "Show what was added";
    list.after(link);
  }
}

function add(files) {
  for (const file of files) if (!file.name.startsWith(".")) waiting.push([file, line(file.name)]);
  next();
}

async function inside(entry) {
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const part = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!part.length) break;
    for (const one of part) found.push(...(await inside(one)));
  }
  return found;
}

for (const input of document.querySelectorAll("#files, #folder")) {
  const take = () => { add([...input.files]); input.value = ""; };
  input.addEventListener("change", take);
  if (input.files.length) take(); // chosen before this script was there
}
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const files = entries.length ? (await Promise.all(entries.map(inside))).flat() : [...event.dataTransfer.files];
  add(files);
});
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
