// The command palette: places, what this page can do, applications and tasks, found by what one types.
"use strict";
(() => {
  const dialog = document.getElementById("palette");
  const opener = document.getElementById("open-palette");
  if (!dialog || !opener) return;
  const field = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  let found = []; // from the server, for `asked`
  let shown = [];
  let chosen = 0;
  let asking = null;

  const fits = (name, words) => words.every((word) => name.toLowerCase().includes(word));

  function places() {
    return [...document.querySelectorAll(".places a")].map((link) => ({ kind: "go to", name: link.querySelector(".name").textContent, icon: link.querySelector("use").getAttribute("href").slice(3), act: () => location.assign(link.href) }));
  }

  // What has no place in the rail.
  function elsewhere() {
    return [...dialog.querySelectorAll(".elsewhere a")].map((link) => ({ kind: "go to", name: link.textContent, icon: "account", act: () => location.assign(link.href) }));
  }

  // Whatever the page offers as a button: at its top, and those marked for it.
  function deeds() {
    const all = document.querySelectorAll(".page-actions a, .page-actions button, main .actions a.button, main .actions button, [data-deed], .foot button, .foot a, main .tabs a");
    return [...all].filter((one) => !one.closest("dialog") && one.offsetParent !== null).map((one) => ({ kind: "do", name: (one.dataset.deed || one.textContent).trim(), icon: "more", act: () => one.click() })).filter(({ name }) => name);
  }

  function show() {
    const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const ours = [...deeds(), ...places(), ...elsewhere()].filter(({ name }) => fits(name, words));
    shown = (words.length ? [...ours.slice(0, 8), ...found] : [...found, ...ours]).slice(0, 40);
    chosen = Math.min(chosen, Math.max(0, shown.length - 1));
    list.replaceChildren(...shown.map(({ kind, name, detail, icon, look }, n) => lp.element(
      "li", { role: "option", id: `palette-${n}`, "aria-selected": String(n === chosen), "data-n": n, class: look ?? "" },
      look ? lp.icon(look, "s") : lp.icon(icon), lp.element("bdi", {}, name), lp.element("small", {}, detail || kind),
    )));
    if (shown.length === 0) list.append(lp.element("li", { class: "nothing" }, "Nothing fits. Tasks are found by a part of their name or the first characters of their id."));
    field.setAttribute("aria-activedescendant", shown.length ? `palette-${chosen}` : "");
    list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }

  async function ask() {
    const words = field.value.trim();
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`/palette.json?q=${encodeURIComponent(words)}`, { signal: asking.signal });
      if (!answer.ok) return;
      const { items } = await answer.json();
      found = items.map((item) => ({ ...item, act: () => location.assign(item.url) }));
      show();
    } catch { /* typed on, or the viewer is away: what the page knows is there */ }
  }

  let later = 0;
  field.addEventListener("input", () => {
    chosen = 0;
    show();
    clearTimeout(later);
    later = setTimeout(ask, 120);
  });

  field.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      chosen = (chosen + by + shown.length) % Math.max(1, shown.length);
      show();
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(shown[chosen]);
    }
  });

  function go(one) {
    if (!one) return;
    dialog.close();
    one.act();
  }

  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-n]");
    if (option) go(shown[Number(option.dataset.n)]);
  });

  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  function open() {
    if (dialog.open) return;
    field.value = "";
    chosen = 0;
    found = [];
    dialog.showModal();
    show();
    ask();
  }

  opener.hidden = false;
  opener.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
})();
