// The lines of a JSON text, as viewer/src/parts/json.rs lays it out, without making them: a line is known by where it begins and ends in the
// text, so ten megabytes cost a few numbers a line, and only lines on the screen become text. Reads a little at a time.
"use strict";
(() => {
  const MOST_INDENT = 32;
  // Steps between two looks at the clock.
  const STEPS = 20_000;

  function grown(array) {
    const more = new array.constructor(array.length * 2);
    more.set(array);
    return more;
  }

  // Spaces between the words of a line are as the layout has them, whatever the text has. Strings stay as they are.
  const WORDS = /("[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$))|\s+|:/gs;
  const worded = (text) => text.replace(WORDS, (all, string) => string ?? (all === ":" ? ": " : ""));

  lp.JsonLines = class {
    constructor(text) {
      this.text = text;
      this.count = 0;
      this.begins = new Uint32Array(1024);
      this.ends = new Uint32Array(1024); // the character after the last one that is not a space
      this.depths = new Uint8Array(1024);
      this.closing = new Uint32Array(1024); // of a line that opens something, the line that closes it
      this.at = 0;
      this.depth = 0;
      this.open = new Uint32Array(64); // the lines of what is open
      this.isAfterOpen = false;
      this.isDone = false;
      this.isNew = true; // the next word begins a line
    }

    begin(at) {
      const n = this.count++;
      if (n === this.begins.length) for (const name of ["begins", "ends", "depths", "closing"]) this[name] = grown(this[name]);
      this.begins[n] = at;
      this.depths[n] = Math.min(this.depth, MOST_INDENT);
      this.isNew = false;
      return n;
    }

    // Reads on for about so many milliseconds; true when all is read.
    read(millis) {
      const until = performance.now() + millis;
      while (!this.isDone) {
        this.steps(STEPS);
        if (performance.now() >= until) break;
      }
      return this.isDone;
    }

    steps(most) {
      const { text } = this;
      const { length } = text;
      let at = this.at;
      for (let step = 0; step < most && at < length; step++) {
        const c = text.charCodeAt(at);
        if (c === 32 || c === 10 || c === 13 || c === 9) { at++; continue; }
        const isClose = c === 125 || c === 93;
        if (isClose) {
          const isEmpty = this.isAfterOpen;
          const opened = this.depth ? this.open[--this.depth] : -1;
          const line = isEmpty && this.count ? this.count - 1 : this.begin(at);
          if (!isEmpty && opened >= 0) this.closing[opened] = line;
        } else if (this.isAfterOpen || this.isNew) this.begin(at);
        this.isAfterOpen = false;
        if (c === 34) at = this.string(at + 1);
        else at++;
        if (c === 123 || c === 91) {
          if (this.depth === this.open.length) this.open = grown(this.open);
          this.open[this.depth++] = this.count - 1;
          this.isAfterOpen = true;
        } else if (c === 44) this.isNew = true;
        this.ends[this.count - 1] = at;
      }
      this.at = at;
      this.isDone = at >= length;
    }

    // The place behind the string whose inside begins here.
    string(at) {
      const { text } = this;
      const { length } = text;
      for (; at < length; at++) {
        const c = text.charCodeAt(at);
        if (c === 34) return at + 1;
        if (c === 92) at++;
      }
      return length;
    }

    // A line without its indentation, of very long ones the beginning; with how many characters are left out.
    line(n, most) {
      const rest = Math.max(0, this.ends[n] - this.begins[n] - most);
      return [worded(this.text.slice(this.begins[n], this.ends[n] - rest)), rest];
    }

    indent(n) { return 2 * this.depths[n]; }
  };
})();
