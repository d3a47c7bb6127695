// Forms: JSON is checked while one types, files can be dropped on their field and show how far they are.
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

  // ---- files

  function size(bytes) {
    for (const unit of ["B", "KiB", "MiB", "GiB"]) {
      if (bytes < 1024 || unit === "GiB") return `${bytes < 10 && unit !== "B" ? bytes.toFixed(1) : Math.round(bytes)} ${unit}`;
      bytes /= 1024;
    }
  }

  function chosen(field) {
    const words = field.querySelector(".chosen");
    const file = field.querySelector("input").files[0];
    words.hidden = !file;
    lp.setText(words, file ? `${file.name}, ${size(file.size)}` : "");
  }

  document.addEventListener("change", (event) => {
    const field = event.target.closest?.("[data-upload]");
    if (field) chosen(field);
  });

  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const field = event.target.closest?.("[data-upload]") ?? (document.querySelectorAll("[data-upload]").length === 1 ? document.querySelector("[data-upload]") : null);
      if (!field || ![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      field.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        field.querySelector("input").files = event.dataTransfer.files;
        chosen(field);
      }
    });
  }

  // Sent by hand where there is a file, to see how far it is; the answer is the page one goes on to.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const field = form.querySelector("[data-upload]");
    if (!field || event.defaultPrevented || !field.querySelector("input").files.length) return;
    event.preventDefault();
    const bar = field.querySelector("progress");
    const words = field.querySelector(".problem");
    const button = form.querySelector("button:not([type=button])");
    const request = new XMLHttpRequest();
    const fail = (text) => {
      bar.hidden = true;
      button.disabled = false;
      words.hidden = false;
      lp.setText(words, text);
      delete form.dataset.ownSent;
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => { bar.value = total ? (100 * loaded) / total : 0; });
    request.addEventListener("error", () => fail("The connection broke. What was sent is not kept; send it again."));
    request.addEventListener("load", () => {
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      if (request.status < 400) return location.assign(request.responseURL);
      const main = page.querySelector("main");
      if (!main) return fail(request.responseText.slice(0, 300) || `refused (${request.status})`);
      // the same form with what is wrong, or a page that says it
      lp.morphChildren(document.querySelector("main"), main);
      bar.hidden = true;
      button.disabled = false;
      delete form.dataset.ownSent;
      lp.changed(document);
    });
    bar.value = 0;
    bar.hidden = false;
    words.hidden = true;
    button.disabled = true;
    request.open("POST", form.action);
    request.send(new FormData(form));
  });

  lp.onChange((root) => {
    for (const area of root.querySelectorAll("textarea[data-json]")) if (area.value) check(area);
  });
})();
