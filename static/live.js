// Keeps an open page up to date. The page's parts come rendered from the viewer (`/live`). Hidden tabs give their connection back, because
// browsers allow few of them to one server.
"use strict";
lp.live = (() => {
  const body = document.body;
  const health = document.getElementById("health");
  const stale = document.getElementById("stale");
  const listeners = {};

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
    lp.setText(health.querySelector(".words"), words[state]());
  }

  function become(next, message) {
    state = next;
    if (stale) {
      stale.hidden = next === "live" || next === "still";
      if (message) lp.setText(stale, message);
    }
    body.dataset.ownState = next;
    showHealth();
  }

  const away = "Not up to date: the viewer does not answer. Trying again by itself.";

  // What comes in one frame is put in place in one go.
  let waiting = [];
  function gather(act, data) {
    if (waiting.push([act, data]) > 1) return;
    requestAnimationFrame(() => {
      const all = waiting;
      waiting = [];
      for (const [act, data] of all) act(data);
    });
  }

  function connect() {
    if (!address || source || document.hidden || state === "over") return;
    const url = new URL(address, location.href);
    if (offset !== null && url.searchParams.has("offset")) url.searchParams.set("offset", offset);
    const mine = new EventSource(url);
    source = mine;
    heard = Date.now();
    const on = (name, act) => mine.addEventListener(name, (event) => {
      heard = Date.now();
      if (event.lastEventId) offset = event.lastEventId;
      const data = event.data ? JSON.parse(event.data) : {};
      act(data);
      for (const listener of listeners[name] ?? []) listener(data);
    });
    on("fresh", () => become("live"));
    on("beat", () => {});
    on("swap", (data) => gather(lp.swap, data));
    on("patch", (data) => gather(lp.patch, data));
    on("log", () => {});
    on("logend", () => {});
    on("stale", ({ message }) => become("stale", `Not up to date: ${message} Trying again by itself.`));
    on("over", ({ message }) => { disconnect(); become("over", message); });
    on("reload", () => { disconnect(); refresh(); });
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      become("stale", away);
      if (mine.readyState === EventSource.CLOSED) {
        // the browser has given up: the answer was no stream of events
        disconnect();
        retry();
      }
    });
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

  // Something else is to be shown at the same address: all of the page, rendered anew.
  async function refresh() {
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = page.querySelector("main");
      if (!main) return location.reload();
      lp.morphChildren(document.querySelector("main"), main);
      document.title = page.title;
      address = page.body.dataset.live;
      offset = null;
      for (const listener of listeners.refreshed ?? []) listener({});
      lp.changed(document);
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

  lp.onTick(() => {
    showHealth();
    // two beats without a word: the connection is broken and nobody has said so
    if (source && Date.now() - heard > 25000) {
      become("stale", away);
      disconnect();
      connect();
    }
  });
  showHealth();
  // after all scripts have said what they listen to
  document.addEventListener("DOMContentLoaded", connect);

  return {
    on(name, act) { (listeners[name] ??= []).push(act); },
    become,
    hear() { heard = Date.now(); },
  };
})();
