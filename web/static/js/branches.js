/* Questions whose branch is closed are put away and not sent. Without this file they stand in the form, each with the words
   of when it is asked, and the server says what does not go together. */
"use strict";
for (const form of document.querySelectorAll("form[data-branches]")) {
  const parts = [...form.querySelectorAll("[data-when]")].map((part) => ({ part, when: JSON.parse(part.dataset.when) }));
  const given = (name) => new FormData(form).getAll(name).filter((value) => value !== "");
  const holds = ({ field, is, unless, above }) => {
    const control = form.querySelector(`[name="${CSS.escape(field)}"]`);
    if (!control || control.disabled) return false;
    const values = given(field);
    if (unless.length) return !values.some((value) => unless.includes(value));
    if (above !== null) return values.some((value) => Number(value) > above);
    return values.some((value) => is.includes(value));
  };
  const settle = () => {
    for (let changed = true, turns = parts.length + 1; changed && turns > 0; turns -= 1) {
      changed = false;
      for (const { part, when } of parts) {
        const open = when.every(holds);
        if (part.hidden === open) changed = true;
        part.hidden = !open;
        for (const control of part.querySelectorAll("input, textarea, select")) control.disabled = !open;
      }
    }
  };
  for (const words of form.querySelectorAll("[data-when-words]")) words.hidden = true;
  form.addEventListener("input", settle);
  form.addEventListener("change", settle);
  window.addEventListener("pageshow", settle);
  settle();
}
