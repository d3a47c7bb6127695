// JSON to look into: folding, copy, and ten megabytes without freezing: lines are found a little at a time (json_lines.js), while the first
// of them are on the screen already. The text stays as it was written; only its layout is ours.
"use strict";
(() => {
  const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;
  const LONGEST = 4000;
  // Less than a frame has; between two of them everything else gets its turn.
  const SLICE_MS = 8;

  function paint(target, text, rest) {
    text = lp.ansi.shown(text);
    let at = 0;
    for (const match of text.matchAll(TOKEN)) {
      const [all, string, colon, number, word] = match;
      target.append(text.slice(at, match.index));
      const kind = string ? (colon ? "key" : "string") : number ? "number" : word ? "word" : "";
      target.append(lp.element("span", { class: kind }, string ?? all), string && colon ? colon : "");
      at = match.index + all.length;
    }
    target.append(text.slice(at));
    if (rest > 0) target.append(lp.element("em", {}, ` … ${rest.toLocaleString()} more characters`));
  }

  // Which lines are on the screen: all but what is inside of something folded.
  class Folds {
    constructor(lines) {
      this.lines = lines;
      this.folded = new Set();
      this.visible = null; // all
    }

    count() { return this.visible ? this.visible.length : this.lines.count; }

    at(place) { return this.visible ? this.visible[place] : place; }

    see() {
      this.visible = null;
      if (!this.folded.size) return;
      const { count, closing } = this.lines;
      const visible = new Uint32Array(count);
      let seen = 0;
      for (let n = 0; n < count; n++) {
        visible[seen++] = n;
        if (this.folded.has(n)) n = closing[n];
      }
      this.visible = visible.subarray(0, seen);
    }

    turn(n) {
      if (!this.folded.delete(n)) this.folded.add(n);
      this.see();
    }

    // The outermost stays open: a page with one bracket says nothing.
    all(is) {
      this.folded.clear();
      const { count, closing, depths } = this.lines;
      if (is) for (let n = 1; n < count; n++) if (depths[n] === 1 && closing[n]) this.folded.add(n);
      this.see();
    }
  }

  function renderer(lines, folds) {
    return (at) => {
      const n = folds.at(at);
      const line = lp.element("div", { class: "line", "data-n": at });
      const text = lp.element("span", { class: "text" });
      const isFolded = folds.folded.has(n);
      const end = lines.closing[n];
      line.append(end
        ? lp.element("button", { type: "button", class: "fold", "aria-expanded": String(!isFolded), "aria-label": isFolded ? "Unfold" : "Fold", "data-line": n }, isFolded ? "▸" : "▾")
        : lp.element("span", { class: "fold" }));
      const [words, rest] = lines.line(n, LONGEST);
      text.append(" ".repeat(lines.indent(n)));
      paint(text, words, rest);
      if (isFolded) text.append(lp.element("em", {}, ` ${(end - n - 1).toLocaleString()} lines `), lines.line(end, LONGEST)[0]);
      line.append(text);
      return line;
    };
  }

  async function build(root, text) {
    const lines = new lp.JsonLines(text);
    lines.read(SLICE_MS);
    const folds = new Folds(lines);
    const box = lp.element("div", { class: "lines json wrapped", tabindex: "0", role: "group", "aria-label": "JSON", "data-lines": true });
    const button = (words) => lp.element("button", { type: "button", class: "copy" }, words);
    const [copy, fold, unfold] = [button("copy"), button("fold"), button("unfold")];
    const facts = lp.element("span", { class: "facts-line", role: "status" });
    const bar = lp.element("p", { class: "bar" }, copy);
    if (lines.count > 3) bar.append(fold, unfold);
    if (root.dataset.url) bar.append(lp.element("a", { href: root.dataset.url, download: true }, "download"));
    bar.append(facts);
    root.replaceChildren(box, bar);
    root.dataset.ownContent = "1";
    const view = new lp.Lines(box, {
      count: () => folds.count(),
      // what opens something gets its button when it is known where that ends
      key: (at) => { const n = folds.at(at); return `${n}:${folds.folded.has(n)}:${lines.closing[n] > 0}`; },
      render: renderer(lines, folds),
    });
    const all = (is) => { folds.all(is); view.redraw(); };
    copy.addEventListener("click", () => lp.copy(copy, text));
    fold.addEventListener("click", () => all(true));
    unfold.addEventListener("click", () => all(false));
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-line]");
      if (!button) return;
      folds.turn(Number(button.dataset.line));
      view.refresh();
      view.draw();
    });
    view.refresh();
    while (!lines.isDone) {
      lp.setText(facts, `reading, ${lines.count.toLocaleString()} lines so far`);
      await new Promise((go) => setTimeout(go));
      // something else is shown by now
      if (!root.isConnected || !root.contains(box)) return;
      lines.read(SLICE_MS);
      if (folds.visible) folds.see();
      view.refresh();
    }
    lp.setText(facts, lines.count > lp.Lines.FEW ? `${lines.count.toLocaleString()} lines` : "");
    view.draw();
  }

  async function start(root) {
    root.dataset.ownJson = "1";
    const plain = root.querySelector("pre");
    if (!plain) return;
    const isCut = root.querySelector(".help") !== null;
    if (!isCut) return build(root, plain.textContent);
    if (!root.dataset.url) return;
    const button = lp.element("button", { type: "button" }, "Show all of it");
    plain.after(button);
    // or the next event would take the button away
    root.dataset.ownContent = "1";
    button.addEventListener("click", async () => {
      button.disabled = true;
      button.textContent = "reading…";
      try {
        const answer = await fetch(root.dataset.url);
        if (!answer.ok) throw new Error(`refused (${answer.status})`);
        await build(root, await answer.text());
      } catch (error) {
        button.disabled = false;
        button.textContent = `Not read: ${error.message}. Try again`;
      }
    });
  }

  lp.onChange((root) => {
    for (const view of root.querySelectorAll("[data-json-view]")) {
      // other text has come: begin anew
      if (view.dataset.ownJson === undefined) start(view);
    }
  });
})();
