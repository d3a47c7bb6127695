// A file on its way to the manager in pieces. It goes on by itself after every interruption: it asks how far it is and sends what is missing. What is
// unfinished is remembered in this browser, so that the same file chosen again goes on where it stopped, also after the page was closed.
"use strict";
lp.pieces = (() => {
  const FIRST = 1 << 20;
  const LEAST = 128 << 10;
  const MOST = 16 << 20;
  // Of one piece: so long that a broken line costs little, so short that requests do.
  const GOAL_MS = 1500;
  const TIMEOUT_MS = 60000;
  const LONGEST_WAIT_S = 15;
  const BEGINNINGS = 5;

  // ---- what is remembered

  const KEPT_MS = 86400000;
  const MOST_KEPT = 8;

  const isEntry = (one) => one && typeof one.id === "string" && typeof one.name === "string"
    && [one.size, one.modified, one.at, one.sent].every(Number.isFinite) && Date.now() - one.at < KEPT_MS;

  const memory = {
    all() {
      try {
        const found = JSON.parse(lp.wishes.get("uploads") ?? "[]");
        return Array.isArray(found) ? found.filter(isEntry) : [];
      } catch { return []; }
    },
    write(list) { lp.wishes.set("uploads", JSON.stringify(list.slice(-MOST_KEPT))); },
    find(file) {
      return this.all().find((one) => one.name === file.name && one.size === file.size && one.modified === file.lastModified);
    },
    keep(file, id, sent) {
      const entry = { id, name: file.name, size: file.size, modified: file.lastModified, sent, at: Date.now() };
      this.write([...this.all().filter((one) => one.id !== id), entry]);
    },
    forget(id) { this.write(this.all().filter((one) => one.id !== id)); },
  };

  // ---- requests

  const word = () => document.querySelector("form.sheet input[name=csrf]")?.value ?? "";

  class Trouble extends Error {
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  }

  // XMLHttpRequest, because nothing else tells how much of a body is sent.
  function call(job, method, path, body, progress) {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      request.open(method, path);
      request.timeout = TIMEOUT_MS;
      request.setRequestHeader("x-csrf", word());
      if (progress) request.upload.addEventListener("progress", (event) => progress(event.loaded));
      if (body && !(body instanceof Blob)) {
        request.setRequestHeader("content-type", "application/json");
        body = JSON.stringify(body);
      }
      const broken = () => fail(new Trouble(0, navigator.onLine === false ? "This computer has no network." : "The viewer does not answer."));
      request.addEventListener("error", broken);
      request.addEventListener("timeout", broken);
      request.addEventListener("abort", () => fail(new Trouble(-1, "cancelled")));
      request.addEventListener("load", () => {
        if (request.status >= 400) {
          // a page is the word of something in between
          const isOurs = (request.getResponseHeader("content-type") ?? "").startsWith("text/plain");
          return fail(new Trouble(request.status, (isOurs && request.responseText.slice(0, 500)) || `The viewer's address answers ${request.status}.`));
        }
        try { done(request.responseText ? JSON.parse(request.responseText) : null); } catch { broken(); }
      });
      job.abort = () => request.abort();
      request.send(body ?? null);
    });
  }

  // A session that has ended comes back when somebody signs in, in another tab for example; the page's hidden word is then another one.
  async function signedIn() {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("form.sheet input[name=csrf]")?.value;
    if (!answer.ok || !found) return false;
    for (const input of document.querySelectorAll("input[name=csrf]")) input.value = found;
    return true;
  }

  // A file that was changed or removed since it was chosen cannot be read any more.
  async function isReadable(file) {
    try {
      await file.slice(0, 1).arrayBuffer();
      return true;
    } catch { return false; }
  }

  function wait(job, seconds) {
    return new Promise((done) => {
      const end = Date.now() + 1000 * seconds;
      const stop = () => {
        clearInterval(timer);
        removeEventListener("online", stop);
        job.wake = null;
        done();
      };
      const look = () => {
        const left = Math.ceil((end - Date.now()) / 1000);
        if (left <= 0) stop();
        else job.show.next(left);
      };
      const timer = setInterval(look, 250);
      addEventListener("online", stop);
      job.wake = stop;
      look();
    });
  }

  // ---- the way

  // What a failure means: "anew", "ask", "wait" or "end".
  function meaning(status) {
    if (status === 404 || status === 410) return "anew";
    if (status === 409) return "ask";
    if (status === 0 || status === 401 || status === 403 || status === 408 || status >= 500) return "wait";
    return "end";
  }

  // Sends a file and returns the id of the finished upload. `show` is told how it goes: `at`, `trouble`, `next`, `checking`.
  async function send(file, show) {
    const job = { show, abort: null, wake: null, isCancelled: false, id: memory.find(file)?.id ?? null };
    job.done = run(job, file);
    return job;
  }

  async function run(job, file) {
    let { id } = job;
    let isAsked = false;
    let offset = 0;
    let piece = FIRST;
    let pause = 1;
    let beginnings = 0;
    const reach = (view) => {
      if (view.offset > offset) pause = 1;
      offset = view.offset;
      isAsked = true;
      memory.keep(file, id, offset);
      job.show.at(offset);
    };
    for (;;) {
      if (job.isCancelled) throw new Trouble(-1, "cancelled");
      try {
        if (!id) {
          const view = await call(job, "POST", "/uploads", { size_bytes: file.size });
          job.id = id = view.upload_id;
          beginnings += 1;
          reach(view);
        } else if (!isAsked) {
          const view = await call(job, "GET", `/uploads/${id}`);
          if (view.size_bytes !== file.size) throw new Trouble(404, "another file");
          if (view.package) return id;
          reach(view);
        } else if (offset >= file.size) {
          job.show.checking();
          await call(job, "POST", `/uploads/${id}/finish`);
          return id;
        } else {
          const begin = performance.now();
          const from = offset;
          const view = await call(job, "PATCH", `/uploads/${id}?offset=${from}`, file.slice(from, from + piece), (sent) => job.show.at(from + sent));
          const took = performance.now() - begin;
          piece = Math.min(MOST, Math.max(LEAST, Math.round(piece * Math.min(2, Math.max(0.5, GOAL_MS / took)))));
          reach(view);
        }
      } catch (trouble) {
        if (job.isCancelled) throw trouble;
        const what = trouble instanceof Trouble ? meaning(trouble.status) : "end";
        if (what === "end" || (what === "anew" && beginnings >= BEGINNINGS)) throw trouble;
        isAsked = false;
        if (what === "anew") {
          memory.forget(id);
          job.id = id = null;
          offset = 0;
          continue;
        }
        if (!(await isReadable(file))) {
          if (id) discard(id);
          throw new Trouble(-2, "The file was changed or is gone. Choose it again.");
        }
        if (job.isCancelled) continue;
        piece = Math.max(LEAST, piece >> 1);
        if (what === "ask" && pause === 1) {
          pause = 2;
          continue;
        }
        const isOut = trouble.status === 401 || trouble.status === 403;
        job.show.trouble(isOut ? "signed-out" : trouble.message, offset);
        await wait(job, pause);
        if (job.isCancelled) continue;
        pause = Math.min(LONGEST_WAIT_S, pause * 2);
        // whoever is still signed out is told so by the next request
        if (isOut) await signedIn().catch(() => false);
      }
    }
  }

  // Stops it and takes back what was sent.
  function cancel(job) {
    job.isCancelled = true;
    job.abort?.();
    job.wake?.();
    if (job.id) discard(job.id);
  }

  function discard(id) {
    memory.forget(id);
    // it would go by itself within a day
    call({}, "DELETE", `/uploads/${id}`).catch(() => {});
  }

  return { send, cancel, discard, memory };
})();
