// The bytes of an output, read piece by piece as they were written: where lines begin is noted as it goes, pieces that are not on the screen may be
// forgotten and are fetched again.
"use strict";
(() => {
  const { dress } = lp.ansi;

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
    note(bytes) {
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
        this.lines++;
      }
      if (colours) this.noteColours(bytes, base);
      this.size += bytes.length;
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
    append(bytes) {
      let at = 0;
      while (at < bytes.length) {
        const n = Math.floor(this.size / PIECE);
        const within = this.size - n * PIECE;
        const some = bytes.subarray(at, at + PIECE - within);
        const before = this.pieces.get(n) ?? new Uint8Array(0);
        const grown = new Uint8Array(within + some.length);
        grown.set(before.subarray(0, within));
        grown.set(some, within);
        this.note(some);
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

  lp.output = { Bytes, PIECE, LONGEST };
})();
