// JSON to look into: folding, copy, and ten megabytes without freezing. The text stays as it was written; only its layout is ours.
"use strict";
(() => {
  const SLICE = 1 << 18;

  // As viewer/src/parts/json.rs lays it out.
  async function layOut(raw) {
    const out = [];
    let line = "";
    let depth = 0;
    let inString = false;
    let afterOpen = false;
    const newLine = () => { out.push(line); line = " ".repeat(2 * Math.min(depth, 32)); };
    for (let i = 0, from = 0; i < raw.length; i++) {
      const c = raw[i];
      if (i - from > SLICE) { from = i; await new Promise((go) => setTimeout(go)); }
      if (inString) {
        const end = /["\\]/g;
        end.lastIndex = i;
        const at = end.exec(raw)?.index ?? raw.length;
        line += raw.slice(i, at);
        i = at;
        if (i >= raw.length) break;
        if (raw[i] === "\\") { line += raw.slice(i, i + 2); i++; }
        else { line += '"'; inString = false; }
        continue;
      }
      if (c === " " || c === "\n" || c === "\t" || c === "\r") continue;
      const isClose = c === "}" || c === "]";
      if (isClose) depth = Math.max(0, depth - 1);
      if (afterOpen !== isClose && (afterOpen || isClose)) newLine();
      afterOpen = false;
      line += c;
      if (c === '"') inString = true;
      else if (c === "{" || c === "[") { depth++; afterOpen = true; }
      else if (c === ",") newLine();
      else if (c === ":") line += " ";
    }
    out.push(line);
    return out;
  }

  // For each line that opens something the line that closes it.
  async function endsOf(lines) {
    const ends = new Uint32Array(lines.length);
    const open = [];
    for (let n = 0; n < lines.length; n++) {
      if (n % 50_000 === 49_999) await new Promise((go) => setTimeout(go));
      const line = lines[n];
      const last = line.charCodeAt(line.length - 1);
      if (last === 123 || last === 91) open.push(n);
      else {
        // a line that closes something holds nothing else but a comma
        const close = line.charCodeAt(line.length - (last === 44 ? 2 : 1));
        const isAlone = (close === 125 || close === 93) && line.length <= 66 && line.trimStart().length <= 2;
        if (isAlone && open.length) ends[open.pop()] = n;
      }
    }
    return ends;
  }

  const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;
  const LONGEST = 4000;

  function paint(target, text) {
    const rest = text.length - LONGEST;
    if (rest > 0) text = text.slice(0, LONGEST);
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

  async function build(root, lines, raw) {
    const closing = await endsOf(lines);
    const folded = new Set();
    let visible = null; // all

    function see() {
      if (!folded.size) { visible = null; return; }
      visible = [];
      for (let n = 0; n < lines.length; n++) {
        visible.push(n);
        if (folded.has(n)) n = closing[n];
      }
    }

    const box = lp.element("div", { class: "lines json wrapped", tabindex: "0", role: "group", "aria-label": "JSON", "data-lines": true });
    const source = {
      count: () => (visible ? visible.length : lines.length),
      key: (at) => { const n = visible ? visible[at] : at; return `${n}:${folded.has(n)}`; },
      render(at) {
        const n = visible ? visible[at] : at;
        const line = lp.element("div", { class: "line", "data-n": at });
        const text = lp.element("span", { class: "text" });
        const isFolded = folded.has(n);
        if (closing[n]) {
          line.append(lp.element("button", { type: "button", class: "fold", "aria-expanded": String(!isFolded), "aria-label": isFolded ? "Unfold" : "Fold", "data-line": n }, isFolded ? "▸" : "▾"));
        } else line.append(lp.element("span", { class: "fold" }));
        paint(text, lines[n]);
        if (isFolded) text.append(lp.element("em", {}, ` ${(closing[n] - n - 1).toLocaleString()} lines `), lines[closing[n]].trim());
        line.append(text);
        return line;
      },
    };
    const all = (is) => {
      folded.clear();
      // the outermost stays open: a page with one bracket says nothing
      if (is) for (let n = 1; n < lines.length; n++) if (closing[n] && lines[n].startsWith("  ") && lines[n][2] !== " ") folded.add(n);
      see();
      view.redraw();
    };
    const copy = lp.element("button", { type: "button", class: "copy" }, "copy");
    const fold = lp.element("button", { type: "button", class: "copy" }, "fold");
    const unfold = lp.element("button", { type: "button", class: "copy" }, "unfold");
    copy.addEventListener("click", () => lp.copy(copy, raw ?? lines.join("\n")));
    fold.addEventListener("click", () => all(true));
    unfold.addEventListener("click", () => all(false));
    const bar = lp.element("p", { class: "bar" }, copy);
    if (lines.length > 3) bar.append(fold, unfold);
    if (root.dataset.url) bar.append(lp.element("a", { href: root.dataset.url, download: true }, "download"));
    root.replaceChildren(box, bar);
    root.dataset.ownContent = "1";
    const view = new lp.Lines(box, source);
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-line]");
      if (!button) return;
      const n = Number(button.dataset.line);
      if (!folded.delete(n)) folded.add(n);
      see();
      view.refresh();
      view.draw();
    });
    view.refresh();
  }

  async function start(root) {
    root.dataset.ownJson = "1";
    const plain = root.querySelector("pre");
    if (!plain) return;
    const isCut = root.querySelector(".help") !== null;
    if (!isCut) return build(root, plain.textContent.split("\n"), null);
    if (!root.dataset.url) return;
    const button = lp.element("button", { type: "button" }, "Show all of it");
    plain.after(button);
    button.addEventListener("click", async () => {
      button.disabled = true;
      button.textContent = "reading…";
      try {
        const answer = await fetch(root.dataset.url);
        if (!answer.ok) throw new Error(`refused (${answer.status})`);
        const raw = await answer.text();
        await build(root, await layOut(raw), raw);
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
