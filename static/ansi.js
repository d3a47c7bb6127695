// What a terminal would show of some text: colours as classes, everything that cannot be seen as a sign.
"use strict";
(() => {
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

  // Without commands, as words are looked for.
  const stripped = (text) => text.replace(COMMAND, "");

  lp.ansi = { dress, pieces, shown, stripped };
})();
