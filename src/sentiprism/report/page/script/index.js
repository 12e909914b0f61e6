// Sorts the table by the column whose head is pressed; rows without a value come last either way.

const table = document.getElementById("recordings");
const heads = table ? [...table.querySelectorAll("thead th")] : [];

const cell = (row, column) => row.children[column].dataset.value ?? row.children[column].textContent.trim();

function compare(one, other) {
  if (one === "" || other === "") return one === other ? 0 : one === "" ? Infinity : -Infinity;
  return Number.isFinite(Number(one)) && Number.isFinite(Number(other)) ? Number(one) - Number(other) : one.localeCompare(other);
}

heads.forEach((head, column) => {
  head.querySelector("button")?.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      const order = compare(cell(a, column), cell(b, column));
      return down && Number.isFinite(order) ? -order : order;
    });
    table.tBodies[0].append(...rows);
  });
});
