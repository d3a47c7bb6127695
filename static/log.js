// The output of an attempt.
"use strict";
(() => {
  // Beyond this the oldest text is dropped from the page; the download has all of it.
  const MOST = 1 << 20;
  const log = document.getElementById("log");
  if (!log) return;
  const follow = document.getElementById("follow");
  const following = document.getElementById("following");
  let length = log.textContent.length;
  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  lp.live.on("log", ({ text }) => {
    if (!text) return;
    document.getElementById("silent")?.remove();
    if (following) following.hidden = false;
    log.append(text);
    length += text.length;
    while (length > MOST && log.childNodes.length > 1) {
      length -= log.firstChild.nodeValue.length;
      log.firstChild.remove();
    }
    if (follow && follow.checked) toEnd();
  });
  lp.live.on("logend", () => { if (following) following.hidden = true; });
  lp.live.on("refreshed", () => { length = log.textContent.length; toEnd(); });
  toEnd();
  log.addEventListener("scroll", () => { if (follow) follow.checked = isAtEnd(); }, { passive: true });
  follow?.addEventListener("change", () => { if (follow.checked) toEnd(); });
})();
