// What the other scripts build on: times that go on counting, and new content put in place node by node, so that scroll, selection,
// focus and what is typed stay. Every page works without any of it.
"use strict";
document.documentElement.classList.add("js");
const lp = (() => {
  const body = document.body;
  const skew = Date.parse(body.dataset.now) - Date.now();
  const now = () => Date.now() + skew;

  // ---- times, in the words of viewer/src/parts/time.rs

  const pad = (n) => String(n).padStart(2, "0");

  function duration(ms) {
    ms = Math.max(0, Math.floor(ms));
    const s = Math.floor(ms / 1000);
    if (s < 1) return `${ms} ms`;
    if (s < 10) return `${s}.${Math.floor((ms % 1000) / 100)} s`;
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)}m ${pad(s % 60)}s`;
    if (s < 86400) return `${Math.floor(s / 3600)}h ${pad(Math.floor((s % 3600) / 60))}m`;
    return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
  }

  function relative(at) {
    const seconds = Math.trunc((now() - at) / 1000);
    const s = Math.abs(seconds);
    let span;
    if (s < 5) return seconds < 0 ? "in a moment" : "just now";
    else if (s < 60) span = `${s} s`;
    else if (s < 3600) span = `${Math.floor(s / 60)} min`;
    else if (s < 86400) span = `${Math.floor(s / 3600)} h`;
    else if (s < 2592000) span = `${Math.floor(s / 86400)} d`;
    else return null;
    return seconds > 0 ? `${span} ago` : `in ${span}`;
  }

  const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

  function setText(element, text) {
    if (text !== null && element.textContent !== text) element.textContent = text;
  }

  const ticks = [];

  function tick() {
    for (const element of document.querySelectorAll("time[datetime]")) {
      const at = Date.parse(element.getAttribute("datetime"));
      setText(element, relative(at));
      if (!element.dataset.zoned) {
        element.dataset.zoned = "1";
        element.title = zoned.format(at);
      }
    }
    for (const element of document.querySelectorAll("[data-since]")) {
      setText(element, duration(now() - Date.parse(element.dataset.since)));
    }
    for (const act of ticks) act();
  }

  // ---- putting new content in place

  // Attributes the scripts have set are not the server's to take away.
  const own = (name) => name === "open" || name === "style" || name === "data-zoned" || name === "data-words" || name.startsWith("data-own");

  function morph(from, to) {
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || (from.id || "") !== (to.id || "")) {
      from.replaceWith(to);
      return;
    }
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    // an unchanged time keeps its local words
    if (from.nodeName === "TIME" && from.getAttribute("datetime") === to.getAttribute("datetime")) return;
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !own(name)) from.removeAttribute(name);
    }
    for (const { name, value } of [...to.attributes]) {
      if (from.getAttribute(name) !== value && !own(name)) from.setAttribute(name, value);
    }
    if (from.nodeName === "TIME") delete from.dataset.zoned;
    // what a script has filled is its own
    if (from.dataset.ownContent === undefined) morphChildren(from, to);
  }

  function morphChildren(from, to) {
    const kept = new Map();
    for (const child of from.children) if (child.id) kept.set(child.id, child);
    let place = from.firstChild;
    for (const next of [...to.childNodes]) {
      const same = next.id && kept.get(next.id);
      if (same) {
        if (same === place) place = place.nextSibling;
        else from.insertBefore(same, place);
        morph(same, next);
      } else if (place && !(place.id && kept.has(place.id)) && place.nodeName === next.nodeName && !next.id) {
        const after = place.nextSibling;
        morph(place, next);
        place = after;
      } else {
        from.insertBefore(next, place);
      }
      if (next.id) kept.delete(next.id);
    }
    while (place) {
      const after = place.nextSibling;
      place.remove();
      place = after;
    }
  }

  function parse(html) {
    const template = document.createElement("template");
    // a group on its own would not be taken for a part of a drawing
    const isDrawn = html.startsWith("<g ");
    template.innerHTML = isDrawn ? `<svg>${html}</svg>` : html;
    return isDrawn ? template.content.firstChild : template.content;
  }

  // ---- what else wants to know of new content

  const changes = [];

  function changed(root) {
    for (const act of changes) act(root);
    const title = root.querySelector("[data-title]");
    if (title) document.title = title.dataset.title;
    tick();
  }

  function swap({ part, html }) {
    const target = document.querySelector(`[data-part="${CSS.escape(part)}"]`);
    if (!target) return;
    morphChildren(target, parse(html));
    changed(target);
  }

  // Only some rows of a part are different.
  function patch({ part, rows }) {
    const target = document.querySelector(`[data-part="${CSS.escape(part)}"]`);
    if (!target) return;
    for (const [id, html] of Object.entries(rows)) {
      const row = document.getElementById(id);
      const next = parse(html).firstElementChild;
      if (row && next && target.contains(row)) morph(row, next);
    }
    changed(target);
  }

  // ---- copying

  async function copy(button, text) {
    const words = button.dataset.words ?? button.textContent;
    button.dataset.words = words;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      button.textContent = "select it";
    }
    setTimeout(() => { button.textContent = words; }, 1200);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (button) copy(button, button.dataset.copy);
  });

  // ---- small help for building

  // `element("a", { href: "/", class: "x" }, "text", child)`
  function element(name, attributes = {}, ...content) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...content);
    return made;
  }

  function icon(name, kind = "i") {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#${kind}-${name}`);
    svg.append(use);
    return svg;
  }

  // A place to remember a small wish in; private windows may have none.
  const wishes = {
    get(key) { try { return localStorage.getItem(`lp.${key}`); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(`lp.${key}`, value); } catch { /* then not */ } },
  };

  // on a narrow screen the tab that is open may be beyond the edge
  for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
    const beyond = tab.getBoundingClientRect().right - tab.parentElement.getBoundingClientRect().right;
    if (beyond > 0) tab.parentElement.scrollLeft += beyond;
  }

  return {
    now, duration, relative, setText, tick, morph, morphChildren, parse, swap, patch, changed, copy, element, icon, wishes,
    onTick(act) { ticks.push(act); },
    // `act(root)` runs now for the whole page and later for whatever part is new.
    onChange(act) { changes.push(act); act(document); },
  };
})();

lp.tick();
setInterval(lp.tick, 1000);
