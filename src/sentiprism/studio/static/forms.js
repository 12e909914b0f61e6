// Small help in forms; without it they work all the same.
for (const form of document.querySelectorAll("form[data-choice]")) {
  const boxes = () => [...form.querySelectorAll(`input[name="${form.dataset.choice}"]`)];
  const all = form.querySelector("[data-all]");
  const count = form.querySelector("[data-count]");
  const hint = count?.textContent;
  const least = Number(form.dataset.least ?? 1);
  const update = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    if (count) count.textContent = chosen ? `${chosen} chosen` : hint;
    for (const button of form.querySelectorAll("[data-needs-choice]")) button.disabled = chosen < least;
    if (all) [all.checked, all.indeterminate] = [chosen === boxes().length, chosen > 0 && chosen < boxes().length];
  };
  all?.addEventListener("change", () => { for (const box of boxes()) box.checked = all.checked; update(); });
  form.addEventListener("change", update);
  window.addEventListener("pageshow", update);
  update();
}

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}

const settings = document.querySelector("#settings");
if (settings) {
  const told = settings.querySelector("[data-changed]");
  const update = () => {
    let changed = 0;
    for (const input of settings.querySelectorAll("[data-default]")) {
      const differs = input.value.trim() !== input.dataset.default;
      input.closest(".field").classList.toggle("changed", differs);
      changed += differs;
    }
    told.textContent = changed ? `${changed} setting${changed > 1 ? "s" : ""} changed.` : "Nothing is changed.";
  };
  settings.addEventListener("input", update);
  window.addEventListener("pageshow", update);
  update();
}
for (const log of document.querySelectorAll("pre")) log.scrollTop = log.scrollHeight;
