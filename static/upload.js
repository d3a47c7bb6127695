// The upload field: files are chosen or dropped, and it shows how they get on.
"use strict";
(() => {
  const UNITS = ["B", "KiB", "MiB", "GiB"];

  // The unit of the whole is also that of its parts.
  function scaled(bytes, unit) {
    const value = bytes / 1024 ** unit;
    return unit === 0 ? String(Math.round(value)) : value < 100 ? value.toFixed(1) : String(Math.round(value));
  }

  const unitOf = (bytes) => Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const size = (bytes) => `${scaled(bytes, unitOf(bytes))} ${UNITS[unitOf(bytes)]}`;
  const percent = (part, whole) => (whole ? Math.floor((100 * part) / whole) : 0);

  // ---- choosing

  function chosen(field) {
    const words = field.querySelector(".chosen");
    const file = field.querySelector("input").files[0];
    const before = file && lp.pieces.memory.find(file);
    const isThere = before && before.sent >= file.size ? "; all of it is there already" : "";
    const goesOn = before?.sent && !isThere ? `; it goes on at ${percent(before.sent, file.size)} %` : isThere;
    words.hidden = !file;
    lp.setText(words, file ? `${size(file.size)}${goesOn}` : "");
    if (file) stopped(field, file);
  }

  // What stopped before and would go on: said where it can be chosen again.
  function stopped(field, file) {
    const place = field.querySelector(".stopped");
    const ones = lp.pieces.memory.all().filter((one) => one.sent > 0 && one.sent < one.size && !(file && one.name === file.name && one.size === file.size) && Date.now() - one.at > 3000);
    // one that moves in another tab is not stopped, so this is looked at again now and then
    const shown = ones.map((one) => one.id).join(" ");
    if (place.dataset.ownShown === shown) return;
    place.dataset.ownShown = shown;
    place.hidden = ones.length === 0;
    place.replaceChildren(...ones.map((one) => {
      const forget = lp.element("button", { type: "button", class: "small" }, "Forget it");
      forget.addEventListener("click", () => {
        lp.pieces.discard(one.id);
        stopped(field, file);
        field.querySelector("input").focus();
      });
      const words = `“${one.name}” stopped at ${percent(one.sent, one.size)} % of ${size(one.size)}. Choose the same file and it goes on there.`;
      return lp.element("p", {}, lp.element("span", {}, words), forget);
    }));
  }

  document.addEventListener("change", (event) => {
    const field = event.target.closest?.("[data-upload]");
    if (field) chosen(field);
  });

  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const field = event.target.closest?.("[data-upload]") ?? (document.querySelectorAll("[data-upload]").length === 1 ? document.querySelector("[data-upload]") : null);
      if (!field || ![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      const isBusy = field.classList.contains("busy");
      field.classList.toggle("over", !isBusy && (name === "dragenter" || name === "dragover"));
      if (name === "drop" && !isBusy && event.dataTransfer.files.length) {
        field.querySelector("input").files = event.dataTransfer.files;
        chosen(field);
      }
    });
  }

  // ---- showing

  // The rate of the last seconds: an average over all would not notice that a line has become slow.
  function speed() {
    const seen = [];
    return {
      reset() { seen.length = 0; },
      at(bytes) {
        const now = performance.now();
        if (seen.length && bytes < seen.at(-1)[1]) seen.length = 0;
        seen.push([now, bytes]);
        while (seen.length > 2 && now - seen[0][0] > 5000) seen.shift();
        const [first, sent] = seen[0];
        return now - first < 700 ? null : (1000 * (bytes - sent)) / (now - first);
      },
    };
  }

  function display(field, file) {
    const box = field.querySelector(".sending");
    const part = (name) => box.querySelector(name);
    const [bar, amount, pace, trouble, told, soon, again] = ["progress", ".amount", ".pace", ".halted", ".told", ".soon", "[data-try]"].map(part);
    const title = document.title;
    const rate = speed();
    const unit = unitOf(file.size);
    let drawn = 0;
    const draw = (at) => {
      drawn = performance.now();
      bar.value = file.size ? (100 * at) / file.size : 100;
      lp.setText(amount, `${percent(at, file.size)} % · ${scaled(at, unit)} of ${size(file.size)}`);
      document.title = `${percent(at, file.size)} % · ${title}`;
    };
    // the field of the browser, which shows the name, makes room
    lp.setText(field.querySelector(".chosen"), `${file.name}, ${size(file.size)}`);
    field.classList.add("busy");
    field.classList.remove("over");
    box.hidden = false;
    draw(0);
    lp.setText(pace, "");
    return {
      at(bytes) {
        const perSecond = rate.at(bytes);
        if (!trouble.hidden) {
          trouble.hidden = again.hidden = true;
          field.classList.remove("waiting");
        }
        if (performance.now() - drawn < 150 && bytes < file.size) return;
        draw(bytes);
        if (!perSecond) return;
        const left = (file.size - bytes) / perSecond;
        const words = left < 1 ? "almost done" : left < 60 ? `${Math.ceil(left)} s left` : left < 5400 ? `${Math.ceil(left / 60)} min left` : `${Math.ceil(left / 3600)} h left`;
        lp.setText(pace, `${size(perSecond)}/s · ${words}`);
      },
      checking() {
        draw(file.size);
        lp.setText(pace, "All of it is there. The manager checks it.");
      },
      trouble(words, at) {
        draw(at);
        rate.reset();
        lp.setText(pace, "");
        if (words === "signed-out") {
          told.replaceChildren("Interrupted: you are signed out. ", lp.element("a", { href: "/", target: "_blank", rel: "noopener" }, "Sign in"), " and this goes on.");
        } else lp.setText(told, `Interrupted. ${words} It goes on by itself as soon as it can.`);
        trouble.hidden = again.hidden = false;
        field.classList.add("waiting");
      },
      next(seconds) { lp.setText(soon, `Next try in ${seconds} s.`); },
      end() {
        box.hidden = trouble.hidden = again.hidden = true;
        field.classList.remove("busy", "waiting");
        document.title = title;
      },
    };
  }

  // ---- sending

  const jobs = new WeakMap();

  document.addEventListener("click", (event) => {
    const field = event.target.closest?.("[data-upload]");
    const job = field && jobs.get(field);
    if (!job) return;
    if (event.target.closest("[data-cancel]")) lp.pieces.cancel(job);
    if (event.target.closest("[data-try]")) job.wake?.();
  });

  // The form itself goes last and names the upload; the answer is the page one goes on to, or the form with what is wrong. True where one goes on.
  async function hand(form, file, id) {
    const data = new FormData(form);
    data.delete("file");
    data.append("upload", id);
    data.append("file_name", file.name);
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body: data });
    } catch {
      throw new Error("The viewer does not answer. The file is there; press the button again when it does.");
    }
    const text = await answer.text();
    if (answer.ok) {
      lp.pieces.memory.forget(id);
      location.assign(answer.url);
      return true;
    }
    const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (!main || answer.status === 401) throw new Error(answer.status === 401 ? "You are signed out. Sign in in another tab and press the button again; the file is there." : text.slice(0, 300) || `refused (${answer.status})`);
    lp.morphChildren(document.querySelector("main"), main);
    lp.changed(document);
    // a file that is refused is not sent again
    if (document.querySelector("[data-upload] .problem:not([hidden])")) lp.pieces.memory.forget(id);
    return false;
  }

  async function upload(form, field, file) {
    const words = field.querySelector(".problem");
    const button = form.querySelector(".actions button");
    const input = field.querySelector("input");
    const show = display(field, file);
    words.hidden = true;
    button.disabled = true;
    try {
      const job = await lp.pieces.send(file, show);
      jobs.set(field, job);
      const id = await job.done;
      if (await hand(form, file, id)) return;
    } catch (failure) {
      const isCancelled = jobs.get(field)?.isCancelled;
      words.hidden = Boolean(isCancelled);
      lp.setText(words, isCancelled ? "" : failure.message);
    }
    jobs.delete(field);
    show.end();
    button.disabled = false;
    delete form.dataset.ownSent;
    chosen(field);
    (form.querySelector("[aria-invalid='true']") ?? input).focus();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const field = form.querySelector("[data-upload]");
    const file = field?.querySelector("input").files[0];
    if (!file || event.defaultPrevented) return;
    event.preventDefault();
    if (!field.classList.contains("busy")) upload(form, field, file);
  });

  lp.onTick(() => {
    for (const field of document.querySelectorAll("[data-upload]")) {
      if (!field.classList.contains("busy")) stopped(field, field.querySelector("input").files[0] ?? null);
    }
  });
})();
