// Questions come up over the page that is open: a link with `data-ask` leads to a page that asks, and that page's question is shown here.
"use strict";
(() => {
  const dialog = document.getElementById("confirm");
  if (!dialog) return;

  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[data-ask]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const question = page.querySelector("main .question");
      if (!answer.ok || !question) return location.assign(link.href);
      dialog.replaceChildren(document.adoptNode(question));
      dialog.showModal();
      lp.changed(dialog);
      (dialog.querySelector("input:not([type=hidden]), textarea, select") ?? dialog.querySelector("[data-leave]"))?.focus();
    } catch {
      location.assign(link.href);
    }
  });

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-leave]")) {
      event.preventDefault();
      dialog.close();
    }
  });

  // Twice is once too often.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.ownSent) { event.preventDefault(); return; }
    form.dataset.ownSent = "1";
    setTimeout(() => { delete form.dataset.ownSent; }, 4000);
  });
})();
