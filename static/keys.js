// The keyboard: `/` to the filter, `g` and a letter to a place, arrows in lists, `?` for help. Nothing happens while somebody types.
"use strict";
(() => {
  const help = document.getElementById("keys");
  let isGoing = 0; // when `g` was pressed

  const isTyping = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

  // Rows of the list one is in, or of the first one on the page.
  function rows() {
    const list = document.activeElement?.closest?.("table.list, [data-rows]") ?? document.querySelector("main table.list, main [data-rows]");
    return list ? [...list.querySelectorAll("tbody tr, [data-row]")].filter((row) => row.offsetParent !== null) : [];
  }

  const target = (row) => row.querySelector("a[href]");

  function step(by) {
    const all = rows();
    if (all.length === 0) return false;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    const link = target(next);
    if (!link) return false;
    link.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    const { key } = event;
    if (Date.now() - isGoing < 1500 && /^[a-z]$/.test(key)) {
      isGoing = 0;
      const place = document.querySelector(`.places a[data-key="${key}"]`);
      if (place) { event.preventDefault(); location.assign(place.href); }
      return;
    }
    isGoing = 0;
    const isInLog = event.target.closest?.("[data-lines], .graph, .tabs") !== null;
    let isDone = true;
    if (key === "g") isGoing = Date.now();
    else if (key === "?" && help) help.showModal();
    else if (key === "/") {
      const field = document.querySelector("main [role=search] input, main input[type=search]");
      if (field) { field.focus(); field.select(); } else isDone = false;
    }
    else if (key === "j" || (key === "ArrowDown" && !isInLog)) isDone = (key === "j" || event.target.closest("table, [data-rows]") !== null) && step(1);
    else if (key === "k" || (key === "ArrowUp" && !isInLog)) isDone = (key === "k" || event.target.closest("table, [data-rows]") !== null) && step(-1);
    else if (key === "x") {
      const box = document.activeElement?.closest?.("tr")?.querySelector("input[type=checkbox]");
      if (box) box.click(); else isDone = false;
    }
    else isDone = false;
    if (isDone) event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isTyping(event.target) && !document.querySelector("dialog[open]")) event.target.blur();
  });
})();
