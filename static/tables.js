// Tables: a whole row is a link to what its name links to, and rows can be chosen for what is done to many.
"use strict";
(() => {
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("table.list tbody tr");
    if (!row || event.target.closest("a, button, input, label, select, summary") || String(getSelection())) return;
    const link = row.querySelector(".name a[href]");
    if (!link) return;
    if (event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
    else link.click();
  });

  // ---- choosing rows: a form with `data-choose` around the table, boxes named `id`

  let last = null;

  function boxes(form) {
    return [...form.querySelectorAll("tbody input[type=checkbox][name=id]")];
  }

  function count(form) {
    const all = boxes(form);
    const chosen = all.filter((box) => box.checked).length;
    const head = form.querySelector("thead input[type=checkbox]");
    if (head) {
      head.checked = chosen > 0 && chosen === all.length;
      head.indeterminate = chosen > 0 && chosen < all.length;
    }
    const bar = form.querySelector(".chosen-bar");
    if (bar) {
      bar.hidden = chosen === 0;
      lp.setText(bar.querySelector(".count"), `${chosen} chosen`);
    }
    for (const box of all) box.closest("tr").classList.toggle("chosen", box.checked);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-choose]");
    if (!form || event.target.type !== "checkbox") return;
    if (event.target.closest("thead")) for (const box of boxes(form)) box.checked = event.target.checked;
    count(form);
  });

  // with shift, everything between
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches?.("form[data-choose] tbody input[type=checkbox]")) return;
    const all = boxes(box.form);
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const between of all.slice(from, to + 1)) between.checked = box.checked;
      count(box.form);
    }
    last = box;
  });

  lp.onChange((root) => {
    for (const form of document.querySelectorAll("form[data-choose]")) if (root.contains(form) || form.contains(root)) count(form);
  });
})();
