// When the lines of an output were written: marks of its node (at that moment it was so long), then, while it is followed here, marks of when more came.
// A line has the time of the first mark at or beyond its end, found by halves, and only for lines on the screen.
"use strict";
(() => {
  const NEAR = 100; // ms: what comes closer together is one mark
  const MOST = 100_000;

  const formats = {};
  const format = (name, options) => (formats[name] ??= new Intl.DateTimeFormat(undefined, options));
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const ofDay = (at) => format("clock", clock).format(at);
  const ofYear = (at) => format("day", { day: "2-digit", month: "short" }).format(at);
  const exact = (at) => format("exact", { day: "numeric", month: "short", year: "numeric", ...clock, fractionalSecondDigits: 3, timeZoneName: "short" }).format(at);

  // 0:12.3, 12:00.0, 1:02:03.4
  function since(ms) {
    const tenths = Math.max(0, Math.floor(ms / 100));
    const seconds = Math.floor(tenths / 10);
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}.${tenths % 10}`;
  }

  class Times {
    constructor(url) {
      this.url = `${url}/times`;
      this.offsets = [];
      this.moments = [];
      this.known = 0; // so many of them are the node's
      this.unknown = 0; // what ends before was there before anything came, and the node has told nothing
      this.start = this.end = null;
      this.precision = 100;
      this.isLoaded = false;
    }

    // Asks what the node or the manager knows; what came here beyond that stays. False where it was not to be had.
    async load() {
      try {
        const answer = await fetch(this.url);
        if (!answer.ok) return false;
        const { start, end, precision, marks } = await answer.json();
        const [offsets, moments] = [[], []];
        let [offset, moment] = [0, 0];
        for (let i = 0; i + 1 < marks.length; i += 2) {
          offsets.push((offset += marks[i]));
          moments.push((moment += marks[i + 1]));
        }
        const rest = this.offsets.findIndex((came, i) => i >= this.known && came > offset);
        this.known = offsets.length;
        if (rest >= 0) {
          offsets.push(...this.offsets.slice(rest));
          moments.push(...this.moments.slice(rest));
        }
        Object.assign(this, { offsets, moments, start, end, precision, isLoaded: true, unknown: 0 });
        return true;
      } catch {
        return false;
      }
    }

    // More has come: the output was `before` bytes long and is `size` now.
    came(before, size, now) {
      const last = this.offsets.length - 1;
      if (last >= this.known && now - this.moments[last] < NEAR) {
        this.offsets[last] = size;
        return;
      }
      if (last < this.known && !this.isLoaded) this.unknown = before;
      this.offsets.push(size);
      // clocks of two machines may disagree; what came later was not written earlier
      this.moments.push(Math.max(now, this.moments[last] ?? 0));
      if (this.offsets.length > MOST) this.thin();
    }

    thin() {
      const keeps = (_, i) => i < this.known || (this.offsets.length - i) % 2 === 1;
      [this.offsets, this.moments] = [this.offsets.filter(keeps), this.moments.filter(keeps)];
    }

    // When what ends at byte `end` was written, and what is known of that.
    of(end) {
      let [low, high] = [0, this.offsets.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.offsets[middle] < end) low = middle + 1;
        else high = middle;
      }
      if (low < this.known) return { at: this.moments[low], how: `written at most ${this.precision / 1000} s before` };
      if (low < this.offsets.length) return end > this.unknown ? { at: this.moments[low], how: "when it came" } : null;
      if (this.end === null) return null;
      const after = this.moments[low - 1] ?? this.start;
      if (after !== null && this.end - after < 1000) return { at: this.end, how: `written after ${exact(after)}` };
      return { at: this.end, isRough: true, how: after === null ? "written by then" : `written between ${exact(after)} and then` };
    }

    // The element for a line, or null where nothing is known; `how` is "clock" or "start".
    element(end, how) {
      const found = this.of(end);
      const attributes = { class: "t", "data-how": how };
      if (!found) return lp.element("span", attributes);
      const from = this.start ?? this.moments[0];
      const isOtherDay = from !== undefined && ofYear(from) !== ofYear(found.at);
      const text = how === "start" && from !== undefined ? since(found.at - from) : (isOtherDay ? `${ofYear(found.at)} ` : "") + ofDay(found.at);
      const title = `${exact(found.at)}, ${found.how}`;
      // no `time`: those are made relative
      return lp.element("span", { ...attributes, title }, (found.isRough ? "≤ " : "") + text);
    }
  }

  lp.output.Times = Times;
})();
