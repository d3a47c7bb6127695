// Keeps an open page up to date and counts its times. Everything else works without it.
//
// The page's parts come rendered from the viewer (`/live`); they are put in place node by node, so that scroll, selection, focus and
// what is typed stay. Hidden tabs give their connection back, because browsers allow few of them to one server.
"use strict";
(() => {
  const body = document.body;
  const health = document.getElementById("health");
  const stale = document.getElementById("stale");
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
    showHealth();
  }

  // ---- putting new parts in place

  // Attributes the script itself has set are not the server's to take away.
  const own = (name) => name === "open" || name === "data-zoned";

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
    morphChildren(from, to);
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
    template.innerHTML = html;
    return template.content;
  }

  function swap({ part, html }) {
    const target = document.querySelector(`[data-part="${CSS.escape(part)}"]`);
    if (!target) return;
    morphChildren(target, parse(html));
    const title = target.querySelector("[data-title]");
    if (title) document.title = title.dataset.title;
    tick();
  }

  // ---- the output of an attempt

  // Beyond this the oldest text is dropped from the page; the download has all of it.
  const MOST = 1 << 20;
  const log = document.getElementById("log");
  const follow = document.getElementById("follow");
  const following = document.getElementById("following");

  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  let length = log ? log.textContent.length : 0;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  function append({ text }) {
    if (!log || !text) return;
    document.getElementById("silent")?.remove();
    log.append(text);
    length += text.length;
    while (length > MOST && log.childNodes.length > 1) {
      length -= log.firstChild.nodeValue.length;
      log.firstChild.remove();
    }
    if (follow && follow.checked) toEnd();
  }

  if (log) {
    toEnd();
    // scrolling up is a wish to read, scrolling down to the end one to follow
    log.addEventListener("scroll", () => { if (follow) follow.checked = isAtEnd(); }, { passive: true });
    follow?.addEventListener("change", () => { if (follow.checked) toEnd(); });
  }

  // ---- the connection

  let source = null;
  let address = body.dataset.live;
  let heard = Date.now(); // when the last word came
  let state = "still"; // live | stale | over | still
  let offset = null;

  function showHealth() {
    if (!health) return;
    const age = Math.max(0, Math.round((Date.now() - heard) / 1000));
    const words = {
      live: () => `live, ${age} s ago`,
      stale: () => "not up to date",
      over: () => "not live",
      still: () => `loaded ${age < 60 ? `${age} s` : `${Math.floor(age / 60)} min`} ago`,
    };
    if (health.dataset.state !== state) health.dataset.state = state;
    setText(health.querySelector(".words"), words[state]());
  }

  function become(next, message) {
    state = next;
    if (stale) {
      stale.hidden = next === "live" || next === "still";
      if (message) setText(stale, message);
    }
    showHealth();
  }

  function hear() {
    heard = Date.now();
  }

  function connect() {
    if (!address || source || document.hidden || state === "over") return;
    const url = new URL(address, location.href);
    if (offset !== null && url.searchParams.has("offset")) url.searchParams.set("offset", offset);
    const mine = new EventSource(url);
    source = mine;
    hear();
    const on = (name, act) => mine.addEventListener(name, (event) => {
      hear();
      if (event.lastEventId) offset = event.lastEventId;
      act(event.data ? JSON.parse(event.data) : {});
    });
    on("fresh", () => become("live"));
    on("beat", () => {});
    on("swap", swap);
    on("log", append);
    on("logend", () => { if (following) following.hidden = true; });
    on("stale", ({ message }) => become("stale", `Not up to date: ${message} Trying again by itself.`));
    on("over", ({ message }) => { disconnect(); become("over", message); });
    on("reload", () => { disconnect(); refresh(); });
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      become("stale", "Not up to date: the viewer does not answer. Trying again by itself.");
      if (mine.readyState === EventSource.CLOSED) {
        // the browser has given up: the answer was no stream of events
        disconnect();
        retry();
      }
    });
    if (following && url.searchParams.has("offset")) following.hidden = false;
  }

  function disconnect() {
    source?.close();
    source = null;
  }

  let wait = 2000;
  function retry() {
    setTimeout(async () => {
      if (document.hidden || source) return;
      try {
        const answer = await fetch(location.href, { method: "GET", redirect: "error" });
        if (answer.status === 401) return become("over", "You are signed out. Reload the page to sign in again.");
        if (answer.ok) { wait = 2000; return connect(); }
      } catch { /* still away */ }
      wait = Math.min(wait * 2, 30000);
      retry();
    }, wait);
  }

  // Another attempt is to be shown: the same address, rendered anew.
  async function refresh() {
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = page.querySelector("main");
      if (!main || Boolean(page.getElementById("log")) !== Boolean(log)) return location.reload();
      if (log) log.textContent = "";
      morphChildren(document.querySelector("main"), main);
      document.title = page.title;
      address = page.body.dataset.live;
      offset = null;
      if (log) {
        length = log.textContent.length;
        toEnd();
      }
      tick();
      connect();
    } catch {
      setTimeout(refresh, 2000);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else connect();
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  // ---- copying

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const words = button.dataset.words ?? button.textContent;
    button.dataset.words = words;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "copied";
    } catch {
      button.textContent = "select it";
    }
    setTimeout(() => { button.textContent = words; }, 1200);
  });

  tick();
  setInterval(() => {
    tick();
    // two beats without a word: the connection is broken and nobody has said so
    if (source && Date.now() - heard > 25000) {
      become("stale", "Not up to date: the viewer does not answer. Trying again by itself.");
      disconnect();
      connect();
    }
  }, 1000);
  connect();
})();
