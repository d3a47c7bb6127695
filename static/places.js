// Forms of what is not a task: the command line under a form follows what is typed, and a schedule's preview does too.
"use strict";
(() => {
  // ---- as a command, in the words of viewer/src/parts/form_command.rs

  const word = (text) => (/^[A-Za-z0-9._-]+$/.test(text) ? text : `'${text.replace(/[\n\t\r]/g, " ").replaceAll("'", "'\\''")}'`);

  function words(form, [field, flag, usual]) {
    const input = form.elements.namedItem(field);
    let value = (input?.type === "checkbox" ? (input.checked ? "on" : "") : input?.value ?? "").trim();
    if (!value || value === usual) return "";
    // applications and workflows by their names
    if (/^-a/.test(flag)) value = input.selectedOptions?.[0].text ?? value;
    if (flag.includes("|")) value = value.replace(" ", "/");
    if (flag.endsWith("*")) return ` ${flag.slice(0, -1)}`;
    const [app, workflow] = flag.split("|");
    const at = value.indexOf("/");
    if (workflow && at > 0) return ` ${value.startsWith("workflow/") ? workflow : app} ${word(value.slice(at + 1))}`;
    return ` ${flag} ${word(value)}`;
  }

  function follow(form) {
    for (const code of document.querySelectorAll("code[data-line]")) {
      const line = code.dataset.base + JSON.parse(code.dataset.line).map((flag) => words(form, flag)).join("");
      lp.setText(code, line);
      code.parentElement.querySelector("[data-copy]").dataset.copy = line;
    }
  }

  // ---- what a schedule would do; without scripts a button asks

  document.documentElement.classList.add("scripted");

  let wait = null;
  let asked = 0;

  function look(form) {
    const place = form.querySelector('[data-own-part="preview"]');
    if (!place) return;
    clearTimeout(wait);
    wait = setTimeout(async () => {
      const mine = ++asked;
      const query = new URLSearchParams();
      for (const name of ["cron", "hour", "minute", "day_of_month", "day_of_week", "tz", "start_at", "end_at"]) {
        query.set(name, form.elements.namedItem(name)?.value ?? "");
      }
      try {
        const answer = await fetch(`/schedules/preview?${query}`);
        if (!answer.ok || mine !== asked) return;
        lp.morphChildren(place, lp.parse(await answer.text()));
        lp.changed(place);
      } catch { /* the preview stays as it was */ }
    }, 250);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.classList.contains("sheet")) return;
    follow(form);
    look(form);
  });
})();
