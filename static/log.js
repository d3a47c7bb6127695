// The output of an attempt: a million lines without slowing down. It is read piece by piece as it was written; where lines begin is noted as it
// goes, pieces that are not on the screen may be forgotten and are fetched again. Colours are understood, everything else is text.
"use strict";
(() => {
  // ---- bytes to text

  const STAND_IN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
  const stand = (c) => {
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  };
  const shown = (text) => text.replace(STAND_IN, stand);

  // Terminal commands: colours are kept apart, the rest is left out.
  const COMMAND = /\u001b(?:\[([0-9;:?<=>!]*)([ -/]*)([@-~])|[\]PX^_][^\u0007\u001b]{0,4096}(?:\u0007|\u001b\\)?|[ -/]+.?|.?)/g;

  const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

  // Of the many colours there are, the nearest that can be read on our ground.
  function nearest(r, g, b) {
    const most = Math.max(r, g, b);
    const least = Math.min(r, g, b);
    if (most - least < 40) return most > 140 ? "white" : "black";
    const high = (x) => x > (most + least) / 2;
    return NAMES[(high(r) ? 1 : 0) + (high(g) ? 2 : 0) + (high(b) ? 4 : 0)];
  }

  function many(n) {
    if (n < 16) return NAMES[n % 8];
    if (n >= 232) return n > 243 ? "white" : "black";
    const level = (x) => [0, 95, 135, 175, 215, 255][x];
    n -= 16;
    return nearest(level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6));
  }

  // `look` is a set of classes as a string of words, so that it can be kept for each line.
  function dress(look, codes) {
    const on = new Set(look ? look.split(" ") : []);
    const drop = (start) => { for (const word of on) if (word.startsWith(start)) on.delete(word); };
    const list = codes === "" ? [0] : codes.split(/[;:]/).map((word) => Number(word) || 0);
    for (let i = 0; i < list.length; i++) {
      const n = list[i];
      if (n === 0) on.clear();
      else if (n === 1) on.add("bold");
      else if (n === 2) on.add("faint");
      else if (n === 3) on.add("italic");
      else if (n === 4) on.add("under");
      else if (n === 7) on.add("reverse");
      else if (n === 9) on.add("struck");
      else if (n === 22) { on.delete("bold"); on.delete("faint"); }
      else if (n === 23) on.delete("italic");
      else if (n === 24) on.delete("under");
      else if (n === 27) on.delete("reverse");
      else if (n === 29) on.delete("struck");
      else if (n === 39) drop("fg-");
      else if (n === 49) drop("bg-");
      else if ((n >= 30 && n <= 37) || (n >= 90 && n <= 97)) { drop("fg-"); on.add(`fg-${NAMES[n % 10]}`); }
      else if ((n >= 40 && n <= 47) || (n >= 100 && n <= 107)) { drop("bg-"); on.add(`bg-${NAMES[n % 10]}`); }
      else if (n === 38 || n === 48) {
        const kind = n === 38 ? "fg-" : "bg-";
        const name = list[i + 1] === 5 ? many(list[i + 2] || 0) : list[i + 1] === 2 ? nearest(list[i + 2] || 0, list[i + 3] || 0, list[i + 4] || 0) : null;
        i += list[i + 1] === 5 ? 2 : list[i + 1] === 2 ? 4 : 0;
        if (name) { drop(kind); on.add(kind + name); }
      }
    }
    return [...on].join(" ");
  }

  // `["text", "classes"]` by turns; what was drawn over by a carriage return is gone, as on a terminal.
  function pieces(line, look) {
    line = line.replace(/\r+$/, "");
    const over = line.lastIndexOf("\r");
    const parts = [];
    let at = 0;
    for (const match of line.matchAll(COMMAND)) {
      if (match.index > at) parts.push([at, line.slice(at, match.index), look]);
      at = match.index + match[0].length;
      if (match[3] === "m" && !match[2] && !/[?<=>!]/.test(match[1])) look = dress(look, match[1]);
    }
    if (at < line.length) parts.push([at, line.slice(at), look]);
    const left = parts
      .map(([start, text, classes]) => [start + text.length <= over ? "" : start <= over ? text.slice(over - start + 1) : text, classes])
      .filter(([text]) => text);
    return { left, look };
  }

  lp.ansi = { pieces, shown };

  // ---- the bytes

  const PIECE = 1 << 20; // as the viewer gives them out
  const MOST_PIECES = 48;
  const LONGEST = 20_000; // bytes of one line on the page

  class Bytes {
    constructor(url) {
      this.url = url;
      this.pieces = new Map();
      this.size = 0; // what is known, from 0 on
      this.starts = new Float64Array(4096);
      this.lines = 1; // the last one has no end yet
      this.looks = new Map([[0, ""]]);
      this.look = "";
      this.came = new Map();
      this.carry = "";
      this.coming = new Map();
    }

    piece(n) {
      const kept = this.pieces.get(n);
      if (kept) {
        this.pieces.delete(n);
        this.pieces.set(n, kept);
        return Promise.resolve(kept);
      }
      let coming = this.coming.get(n);
      if (!coming) {
        coming = this.fetch(n).finally(() => this.coming.delete(n));
        this.coming.set(n, coming);
      }
      return coming;
    }

    async fetch(n) {
      const answer = await fetch(`${this.url}/piece?offset=${n * PIECE}`);
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 300) || `refused (${answer.status})`);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      this.keep(n, bytes);
      return bytes;
    }

    keep(n, bytes) {
      this.pieces.set(n, bytes);
      const last = Math.floor(this.size / PIECE);
      for (const old of this.pieces.keys()) {
        if (this.pieces.size <= MOST_PIECES) break;
        // what still grows is nowhere else
        if (old < last) this.pieces.delete(old);
      }
    }

    // Notes where lines begin, and in which colours.
    note(bytes, when) {
      const base = this.size;
      let colours = this.carry !== "" || bytes.includes(27);
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] !== 10) continue;
        if (this.lines === this.starts.length) {
          const more = new Float64Array(this.starts.length * 2);
          more.set(this.starts);
          this.starts = more;
        }
        this.starts[this.lines] = base + i + 1;
        if (when) this.came.set(this.lines, when);
        this.lines++;
      }
      if (colours) this.noteColours(bytes, base);
      this.size += bytes.length;
      if (this.came.size > 20_000) this.came.clear();
    }

    // Only what goes on beyond the end of a line is kept for the next one.
    noteColours(bytes, base) {
      let line = this.lineAt(base);
      let at = 0;
      let escape = this.carry;
      const end = () => { if (this.look) this.looks.set(line, this.look); };
      while (at < bytes.length) {
        const byte = bytes[at++];
        if (byte === 10) { line++; escape = ""; if (this.looks.size < 200_000) end(); }
        else if (byte === 27) escape = "\u001b";
        else if (escape) {
          escape += String.fromCharCode(byte);
          if (escape.length === 2 && byte !== 91) escape = "";
          else if (escape.length > 2 && byte >= 64 && byte <= 126) {
            if (byte === 109 && /^\u001b\[[0-9;:]*m$/.test(escape)) this.look = dress(this.look, escape.slice(2, -1));
            escape = "";
          } else if (escape.length > 64) escape = "";
        }
      }
      this.carry = escape;
    }

    lineAt(offset) {
      let [low, high] = [0, this.lines - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.starts[middle] <= offset) low = middle;
        else high = middle - 1;
      }
      return low;
    }

    // More has come, from where it ended.
    append(bytes, when) {
      let at = 0;
      while (at < bytes.length) {
        const n = Math.floor(this.size / PIECE);
        const within = this.size - n * PIECE;
        const some = bytes.subarray(at, at + PIECE - within);
        const before = this.pieces.get(n) ?? new Uint8Array(0);
        const grown = new Uint8Array(within + some.length);
        grown.set(before.subarray(0, within));
        grown.set(some, within);
        this.note(some, when);
        this.keep(n, grown);
        at += some.length;
      }
    }

    end(n) { return n + 1 < this.lines ? this.starts[n + 1] - 1 : this.size; }

    // The bytes of a line, or null while they are on their way; `then` is called when they are there.
    line(n, then) {
      const start = this.starts[n];
      const end = Math.min(this.end(n), start + LONGEST);
      const [first, last] = [Math.floor(start / PIECE), Math.floor(Math.max(start, end - 1) / PIECE)];
      const parts = [];
      for (let p = first; p <= last; p++) {
        const piece = this.pieces.get(p);
        if (!piece) { this.piece(p).then(then, () => {}); return null; }
        parts.push(piece.subarray(Math.max(0, start - p * PIECE), Math.max(0, end - p * PIECE)));
      }
      if (parts.length === 1) return parts[0];
      const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      parts.reduce((at, part) => { whole.set(part, at); return at + part.length; }, 0);
      return whole;
    }
  }

  // ---- the view

  const decoder = new TextDecoder();

  function size(bytes) {
    for (const unit of ["B", "KiB", "MiB", "GiB"]) {
      if (bytes < 1024 || unit === "GiB") return `${bytes < 10 && unit !== "B" ? bytes.toFixed(1) : Math.round(bytes)} ${unit}`;
      bytes /= 1024;
    }
  }

  function start(root) {
    const url = root.dataset.url;
    const isGoingOn = root.dataset.goingOn !== undefined;
    const data = new Bytes(url);
    const plain = root.querySelector("pre");
    const state = { isReading: true, isLive: isGoingOn, found: [], at: -1, needle: "", marked: null };
    const button = (name, label, title) => lp.element("button", { type: "button", class: name, title, "aria-pressed": "false" }, label);

    const follow = button("follow", "Follow", "Stay at the end while it is written");
    const wrap = button("wrap", "Wrap", "Break long lines");
    const times = button("times", "Times", "When lines came, of those that came while this page was open");
    const field = lp.element("input", { type: "search", placeholder: "Search the output", "aria-label": "Search the output", autocomplete: "off", spellcheck: "false" });
    const hits = lp.element("span", { class: "hits", role: "status" });
    const next = button("next", "Next", "Enter");
    const before = button("before", "Previous", "Shift and Enter");
    next.removeAttribute("aria-pressed");
    before.removeAttribute("aria-pressed");
    const facts = lp.element("span", { class: "facts-line", role: "status" });
    const bar = lp.element("div", { class: "bar log-bar" }, follow, wrap, times, field, before, next, hits, facts, lp.element("a", { href: url, download: true }, "download"));
    const box = lp.element("div", { class: "lines", tabindex: "0", role: "log", "aria-label": "Output", "aria-live": "off", "data-lines": true });

    const source = {
      // an end of line at the very end begins no line
      count: () => (data.size && data.starts[data.lines - 1] === data.size ? data.lines - 1 : data.size ? data.lines : 0),
      // a line that still grows is drawn anew
      key: (n) => `${n}:${n === data.lines - 1 ? data.size : "-"}`,
      render(n) {
        const number = lp.element("a", { class: "n", href: `#L${n + 1}` }, String(n + 1));
        const line = lp.element("div", { class: "line", "data-n": n }, number);
        const came = data.came.get(n);
        if (came) {
          const at = new Date(came).toLocaleTimeString();
          number.title = `came ${at}`;
          if (state.hasTimes) line.append(lp.element("span", { class: "t" }, at));
        }
        const text = lp.element("span", { class: "text" });
        line.append(text);
        if (state.marked === n) line.classList.add("marked");
        if (state.found[state.at] === n) line.classList.add("found");
        const bytes = data.line(n, () => { text.isConnected && view.redrawLine(n); });
        if (!bytes) { text.textContent = "…"; return line; }
        for (const [words, look] of pieces(decoder.decode(bytes), data.looks.get(n) ?? "").left) put(text, shown(words), look);
        const rest = data.end(n) - data.starts[n] - LONGEST;
        if (rest > 0) text.append(lp.element("em", {}, ` … ${size(rest)} more in this line; the download has it`));
        return line;
      },
    };

    function put(parent, words, look) {
      const needle = state.needle;
      const lower = needle && words.toLowerCase();
      let at = 0;
      const target = look ? parent.appendChild(lp.element("span", { class: look })) : parent;
      for (let hit = needle ? lower.indexOf(needle) : -1; hit >= 0; hit = lower.indexOf(needle, at)) {
        target.append(words.slice(at, hit), lp.element("mark", {}, words.slice(hit, hit + needle.length)));
        at = hit + needle.length;
      }
      target.append(words.slice(at));
    }

    let view = null;
    function show() {
      if (view) return;
      root.replaceChildren(bar, box);
      root.dataset.ownContent = "1";
      view = new lp.Lines(box, source);
      view.redrawLine = (n) => { for (const line of view.view.children) if (Number(line.dataset.n) === n) delete line.dataset.key; view.draw(); };
      view.onScrolled = (isAtEnd) => setFollow(isAtEnd && state.isLive);
      setWrap(lp.wishes.get("wrap") !== "no");
    }

    const press = (one, is) => one.setAttribute("aria-pressed", String(is));
    function setFollow(is) {
      view.isFollowing = is;
      press(follow, is);
    }
    function setWrap(is) {
      box.classList.toggle("wrapped", is);
      press(wrap, is);
      const top = view.top();
      view.redraw();
      if (view.isFollowing) view.toEnd();
      else if (top) view.toLine(top);
    }
    follow.addEventListener("click", () => { setFollow(!view.isFollowing); if (view.isFollowing) view.toEnd(); });
    wrap.addEventListener("click", () => { const is = !box.classList.contains("wrapped"); lp.wishes.set("wrap", is ? "yes" : "no"); setWrap(is); });
    times.addEventListener("click", () => { state.hasTimes = !state.hasTimes; press(times, state.hasTimes); view.redraw(); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "End") { event.preventDefault(); view.toEnd(); setFollow(state.isLive); }
      else if (event.key === "Home") { event.preventDefault(); setFollow(false); view.scrollTo(0); }
    });

    function tell() {
      const count = source.count();
      lp.setText(facts, state.error ?? (state.isReading && data.size ? `reading, ${size(data.size)} so far` : `${count.toLocaleString()} ${count === 1 ? "line" : "lines"}, ${size(data.size)}`));
      follow.hidden = times.hidden = !state.isLive && !data.came.size;
    }

    // ---- search: over everything that is there, a little at a time

    let searching = 0;
    async function search() {
      const mine = ++searching;
      state.needle = field.value.toLowerCase();
      state.found = [];
      state.at = -1;
      view.redraw();
      if (!state.needle) { lp.setText(hits, ""); return; }
      let line = 0;
      let text = "";
      const words = new TextDecoder();
      for (let n = 0; n * PIECE < data.size; n++) {
        let bytes;
        try { bytes = await data.piece(n); } catch { break; }
        if (mine !== searching) return;
        text += words.decode(bytes, { stream: true });
        const end = text.lastIndexOf("\n") + 1;
        line = scan(text.slice(0, end), line);
        text = text.slice(end);
        lp.setText(hits, `${state.found.length}…`);
        await new Promise((go) => setTimeout(go));
        if (mine !== searching) return;
      }
      scan(text, line);
      if (state.found.length) {
        // from where one is
        const top = view.top();
        const after = state.found.findIndex((n) => n >= top);
        go(after < 0 ? 0 : after);
      } else lp.setText(hits, "nothing found");
    }

    function scan(text, line) {
      for (const one of text.split("\n")) {
        if (state.found.length < 50_000 && one.replace(COMMAND, "").toLowerCase().includes(state.needle)) state.found.push(line);
        line++;
      }
      return line - 1;
    }

    function go(to) {
      const count = state.found.length;
      if (!count) return;
      state.at = (to + count) % count;
      lp.setText(hits, `${state.at + 1} of ${count}`);
      setFollow(false);
      view.redraw();
      view.toLine(state.found[state.at]);
    }

    let later = 0;
    field.addEventListener("input", () => { clearTimeout(later); later = setTimeout(search, 200); });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      go(state.at + (event.shiftKey ? -1 : 1));
    });
    next.addEventListener("click", () => go(state.at + 1));
    before.addEventListener("click", () => go(state.at - 1));

    // ---- a link to a line

    function toHash() {
      const wanted = /^#L(\d+)$/.exec(location.hash);
      if (!wanted || !view) return false;
      const n = Number(wanted[1]) - 1;
      if (n >= source.count()) return false;
      state.marked = n;
      setFollow(false);
      view.redraw();
      view.toLine(n);
      return true;
    }
    const onHash = () => toHash();
    addEventListener("hashchange", onHash);

    // ---- reading all that is there, then following

    const pending = [];
    function take({ bytes, next }) {
      if (!bytes) return;
      const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
      const offset = next - raw.length;
      if (state.isReading || offset > data.size) { pending.push({ bytes, next }); return; }
      if (next <= data.size) return;
      data.append(raw.subarray(data.size - offset), Date.now());
      if (!view && source.count()) begin();
      lp.log.dirty = true;
    }

    function begin() {
      show();
      if (!toHash()) {
        setFollow(state.isLive);
        view.refresh();
        // what failed is said at the end, what went well is read from there too
        view.toEnd();
      }
      tell();
    }

    function draw() {
      if (!lp.log.dirty) return;
      lp.log.dirty = false;
      if (view) view.refresh();
      tell();
    }

    async function read() {
      const end = Number(root.dataset.next);
      try {
        for (let n = 0; ; n++) {
          const bytes = await data.piece(n);
          data.note(bytes);
          if (state.isOver) return;
          const wanted = /^#L(\d+)$/.exec(location.hash);
          if (!view && data.size && (data.size >= end || (wanted && data.lines > Number(wanted[1])))) begin();
          else if (!view && plain && plain.isConnected) {
            let words = root.querySelector(".reading");
            if (!words) root.prepend(words = lp.element("p", { class: "reading help" }));
            lp.setText(words, `Reading all of it: ${size(data.size)} of ${size(end)}. This is its end.`);
          }
          if (view) { view.refresh(); tell(); }
          if (bytes.length < PIECE) break;
          if (data.size >= end && state.isLive) break;
        }
      } catch (error) {
        state.error = error.message;
        // the end of it is on the page already, and what is written from now on comes by itself
      }
      state.isReading = false;
      for (const news of pending.splice(0)) take(news);
      if (!view && source.count()) begin();
      if (view) { view.refresh(); tell(); if (view.isFollowing) view.toEnd(); }
    }

    read();
    return {
      take,
      draw,
      end() { state.isLive = false; if (view) { setFollow(false); tell(); } },
      stop() { state.isOver = true; removeEventListener("hashchange", onHash); },
    };
  }

  lp.log = { dirty: false };
  let open = null;
  let openAt = null;

  function look() {
    const root = document.querySelector("[data-log]");
    const at = root && `${root.dataset.url}`;
    if (at === openAt && root && root.dataset.ownContent !== undefined) return;
    if (at === openAt && open && root) return;
    open?.stop();
    openAt = at;
    open = root && Number(root.dataset.next) >= 0 ? start(root) : null;
  }

  lp.live.on("log", (data) => {
    if (!open) return;
    open.take(data);
    requestAnimationFrame(() => open?.draw());
  });
  lp.live.on("logend", () => open?.end());
  lp.live.on("refreshed", () => {
    const root = document.querySelector("[data-log]");
    if (root) {
      delete root.dataset.ownContent;
      root.replaceChildren(lp.element("p", { class: "reading help" }, "Reading its output."));
    }
    openAt = null;
    look();
  });
  look();
})();
