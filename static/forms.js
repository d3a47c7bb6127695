// Forms: JSON is checked while one types.
"use strict";
(() => {
  // ---- JSON

  function place(text, message) {
    const found = /position (\d+)/.exec(message);
    if (!found) return message;
    const before = text.slice(0, Number(found[1])).split("\n");
    return `${message.replace(/ in JSON at position .*$/, "").replace(/ \(line .*$/, "")}, line ${before.length}, column ${before.at(-1).length + 1}`;
  }

  function problem(text, wanted) {
    if (!text.trim()) return null;
    let value;
    try { value = JSON.parse(text); } catch (error) { return place(text, error.message); }
    const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
    return wanted === "object" && !isObject ? "this has to be a JSON object: { … }" : null;
  }

  function check(area) {
    const found = problem(area.value, area.dataset.json);
    const words = document.getElementById(`${area.id}-error`);
    area.setCustomValidity(found ?? "");
    if (found) area.setAttribute("aria-invalid", "true");
    else area.removeAttribute("aria-invalid");
    if (words) {
      words.hidden = !found;
      lp.setText(words, found ?? "");
    }
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches?.("textarea[data-json]")) check(event.target);
  });

  // Tab goes on, Ctrl+Enter sends.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) event.target.form?.requestSubmit();
  });

  // What may be chosen to fill a field: `data-fill="f-input"`, the text in `data-text`.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fill]");
    const area = button && document.getElementById(button.dataset.fill);
    if (!area) return;
    area.value = button.dataset.text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  });

  lp.onChange((root) => {
    for (const area of root.querySelectorAll("textarea[data-json]")) if (area.value) check(area);
  });
})();
