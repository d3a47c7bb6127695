// The output of an attempt on the page: a million lines without slowing down. Only lines on the screen are drawn; the rest is known by where it begins.
"use strict";
(() => {
  const { pieces, shown, stripped } = lp.ansi;
  const { Bytes, Times, PIECE, LONGEST } = lp.output;

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
    const when = new Times(url);
    const plain = root.querySelector("pre");
    const state = { isReading: true, isLive: isGoingOn, found: [], at: -1, needle: "", marked: null, times: lp.wishes.get("times") ?? "off" };
    const button = (name, label, title) => lp.element("button", { type: "button", class: name, title, "aria-pressed": "false" }, label);

    const follow = button("follow", "Follow", "Stay at the end while it is written");
    const wrap = button("wrap", "Wrap", "Break long lines");
    const times = button("times", "Times", "When each line was written: off, by the clock, since the start");
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
        if (state.times !== "off") {
          // with its end of line, where it has one
          const time = when.element(n + 1 < data.lines ? data.starts[n + 1] : data.size, state.times);
          number.title = time.title;
          line.append(time);
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
      setTimes(state.times);
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
    const HOW = { off: "Times", clock: "Clock times", start: "Since start" };
    async function setTimes(how) {
      state.times = how in HOW ? how : "off";
      press(times, state.times !== "off");
      lp.setText(times, HOW[state.times]);
      redrawInPlace();
      // what an output that goes on has got since
      if (state.times !== "off" && (!when.isLoaded || state.isLive) && await when.load() && !state.isOver) redrawInPlace();
    }
    // lines are about as high as before
    function redrawInPlace() {
      const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
      view.redraw();
      if (view.isFollowing || isAtEnd) view.toEnd();
    }
    times.addEventListener("click", () => {
      const all = Object.keys(HOW);
      const how = all[(all.indexOf(state.times) + 1) % all.length];
      lp.wishes.set("times", how);
      setTimes(how);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "End") { event.preventDefault(); view.toEnd(); setFollow(state.isLive); }
      else if (event.key === "Home") { event.preventDefault(); setFollow(false); view.scrollTo(0); }
    });

    function tell() {
      const count = source.count();
      lp.setText(facts, state.error ?? (state.isReading && data.size ? `reading, ${size(data.size)} so far` : `${count.toLocaleString()} ${count === 1 ? "line" : "lines"}, ${size(data.size)}`));
      follow.hidden = !state.isLive && !state.hasCome;
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
        if (state.found.length < 50_000 && stripped(one).toLowerCase().includes(state.needle)) state.found.push(line);
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
      const before = data.size;
      data.append(raw.subarray(data.size - offset));
      state.hasCome = true;
      when.came(before, data.size, Date.now());
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
      end() {
        state.isLive = false;
        if (!view) return;
        setFollow(false);
        tell();
        // of what came here the node knows better when it was written
        if (state.times !== "off") when.load().then((has) => has && !state.isOver && redrawInPlace());
      },
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
