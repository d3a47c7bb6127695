// A window over very many lines: only what is on the screen is in the page. The height of all lines is only pretended, and never more than
// browsers can scroll; where one is in it says which lines to show. Lines may be of any height (wrapped), because the line one has scrolled to
// is put where the scroll bar is, and not the other way round.
"use strict";
lp.Lines = class {
  // `source`: count() lines, render(n) gives the element of line n, and isReady() whether it may be called.
  constructor(box, source) {
    this.box = box;
    this.source = source;
    this.first = 0;
    this.isFollowing = false;
    this.onScrolled = () => {};
    this.spacer = lp.element("div", { class: "spacer" });
    this.view = lp.element("div", { class: "view" });
    this.spacer.append(this.view);
    box.replaceChildren(this.spacer);
    // in pixels, by the stylesheet
    this.row = parseFloat(getComputedStyle(box).lineHeight) || 20;
    box.addEventListener("scroll", () => {
      if (this.isMoving) { this.isMoving = false; return this.draw(); }
      const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
      this.onScrolled(isAtEnd);
      this.draw();
    }, { passive: true });
    new ResizeObserver(() => this.refresh()).observe(box);
  }

  // Chrome can scroll 33 million pixels, Firefox 17 million.
  static MOST = 8_000_000;
  // So many are simply all there.
  static FEW = 300;

  height() { return Math.min(lp.Lines.MOST, this.source.count() * this.row); }

  refresh() {
    const count = this.source.count();
    this.isSmall = count <= lp.Lines.FEW;
    const height = this.isSmall ? "auto" : `${this.height()}px`;
    if (this.spacer.style.height !== height) this.spacer.style.height = height;
    this.view.style.position = this.isSmall ? "static" : "absolute";
    if (this.isSmall) this.now();
    const isMore = this.known !== count;
    this.known = count;
    if (this.isFollowing && count) this.toEnd();
    else if (isMore && this.height() === lp.Lines.MOST && this.topPlace > 0) this.keepTop(count);
    else this.draw();
  }

  scrollTo(top) {
    if (Math.abs(this.box.scrollTop - top) < 1) return this.draw();
    this.isMoving = true;
    this.box.scrollTop = top;
    this.draw();
  }

  // There are more lines at the same height: the same scroll would now be other lines.
  keepTop(count) {
    const room = this.height() - this.box.clientHeight;
    const place = this.topPlace / Math.max(0.01, 1 - this.box.clientHeight / this.row / count);
    this.scrollTo(Math.min(room, (place / count) * room));
  }

  toEnd() { this.scrollTo(this.box.scrollHeight); }

  // Brings a line to the middle.
  toLine(n) {
    if (this.isSmall) {
      this.now();
      const line = this.view.children[n];
      if (line) this.scrollTo(line.offsetTop - this.box.clientHeight / 2);
      return;
    }
    const room = Math.max(0, this.height() - this.box.clientHeight);
    // what stands at the place that the scroll bar says, solved for the scroll bar
    const wanted = ((n + 0.5) / Math.max(1, this.source.count())) * room;
    this.scrollTo(Math.min(room, Math.max(0, wanted)));
  }

  draw() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => { this.isDrawing = false; this.now(); });
  }

  now() {
    const { box, view, source } = this;
    const count = source.count();
    if (!count) { view.replaceChildren(); return; }
    if (this.isSmall) return void this.put(0, count);
    if (!box.clientHeight) return;
    const room = Math.max(0, this.height() - box.clientHeight);
    const part = room > 0 ? Math.min(1, box.scrollTop / room) : 0;
    const onScreen = Math.ceil(box.clientHeight / this.row) + 2;
    // the line that belongs to the place at `part` of the screen
    const place = this.height() <= box.clientHeight ? 0 : (box.scrollTop + part * box.clientHeight) / this.height() * count;
    this.topPlace = place - part * (box.clientHeight / this.row);
    const anchor = Math.min(count - 1, Math.floor(place));
    const first = Math.max(0, anchor - onScreen);
    const last = Math.min(count, anchor + onScreen + 1);
    const lines = this.put(first, last);
    if (!lines.length) return;
    const at = lines[anchor - first];
    const within = at.offsetTop + (place - anchor) * at.offsetHeight;
    view.style.top = `${box.scrollTop + part * box.clientHeight - within}px`;
    const width = `${view.scrollWidth}px`;
    if (view.scrollWidth > this.spacer.clientWidth) this.spacer.style.minWidth = width;
  }

  // Puts these lines on the page, and keeps those that are there already.
  put(first, last) {
    const { view, source } = this;
    const kept = new Map([...view.children].map((line) => [line.dataset.key, line]));
    const lines = [];
    for (let n = first; n < last; n++) {
      const key = source.key ? source.key(n) : String(n);
      let line = kept.get(key);
      if (!line) {
        line = source.render(n);
        line.dataset.key = key;
      }
      lines.push(line);
    }
    if (lines.length !== view.children.length || lines.some((line, i) => view.children[i] !== line)) view.replaceChildren(...lines);
    return lines;
  }

  // Draws all again: something about how lines look has changed.
  redraw() {
    this.view.replaceChildren();
    this.spacer.style.minWidth = "";
    this.refresh();
  }

  // The line at the top of the screen.
  top() {
    const edge = this.box.getBoundingClientRect().top;
    const line = [...this.view.children].find((one) => one.getBoundingClientRect().bottom > edge + 1);
    return line ? Number(line.dataset.n) : 0;
  }
};
