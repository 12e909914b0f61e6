// A table of cells by keyboard: Enter and arrows move, a block from a spreadsheet is pasted; only changes are sent.
const form = document.querySelector("#cells");
if (form) {
  const cells = [...form.querySelectorAll(".cell")];
  const at = (row, column) => form.querySelector(`.cell[data-row="${row}"][data-column="${column}"]`);
  const told = form.querySelector("[data-changed]");
  const hint = told.textContent;
  const changed = () => cells.filter((cell) => cell.value !== cell.defaultValue);
  const update = () => {
    for (const cell of cells) cell.classList.toggle("changed", cell.value !== cell.defaultValue);
    const count = changed().length;
    told.textContent = count ? `${count} cell${count > 1 ? "s" : ""} changed, not saved yet.` : hint;
  };
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  form.addEventListener("keydown", (event) => {
    const cell = event.target;
    const move = moves[event.key];
    if (!cell.classList.contains("cell") || !move || event.ctrlKey || event.metaKey || event.altKey) return;
    const whole = cell.selectionStart === 0 && cell.selectionEnd === cell.value.length;
    const edge = event.key === "ArrowLeft" ? cell.selectionEnd === 0 : cell.selectionStart === cell.value.length;
    if (move[1] && !whole && !edge) return;
    event.preventDefault();
    const down = event.key === "Enter" && event.shiftKey ? -1 : move[0];
    const next = at(Number(cell.dataset.row) + down, Number(cell.dataset.column) + move[1]);
    if (next) { next.focus(); next.select(); }
  });
  form.addEventListener("paste", (event) => {
    const cell = event.target;
    const text = event.clipboardData?.getData("text") ?? "";
    if (!cell.classList.contains("cell") || !/[\t\n]/.test(text.trimEnd())) return;
    event.preventDefault();
    text.replace(/\r?\n$/, "").split(/\r?\n/).forEach((line, down) => {
      line.split("\t").forEach((value, across) => {
        const place = at(Number(cell.dataset.row) + down, Number(cell.dataset.column) + across);
        if (place) place.value = value.trim();
      });
    });
    update();
  });
  form.addEventListener("input", update);
  form.addEventListener("submit", () => {
    const unchanged = cells.filter((cell) => cell.value === cell.defaultValue);
    for (const cell of unchanged) cell.disabled = true;
    setTimeout(() => { for (const cell of unchanged) cell.disabled = false; });
  });
  window.addEventListener("pageshow", update);
}

document.querySelector("#csv-file")?.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  const area = document.querySelector("#csv");
  area.value = new TextDecoder(wide).decode(bytes);
  area.focus();
});
