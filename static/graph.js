// Graphs and timelines: zoom, pan, the open one in sight, and bars that grow.
"use strict";
(() => {
  const LEAST = 0.2;
  const MOST = 2;

  const tools = new WeakMap();

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-zoom]");
    if (button) tools.get(button.parentElement.nextElementSibling)?.[button.dataset.zoom]();
  });

  function start(box) {
    box.dataset.ownGraph = "1";
    const canvas = () => box.querySelector("svg.canvas");
    const natural = () => canvas().viewBox.baseVal;
    let scale = 1;

    function zoom(to, x = box.clientWidth / 2, y = box.clientHeight / 2) {
      const svg = canvas();
      const next = Math.min(MOST, Math.max(LEAST, to));
      const [left, top] = [(box.scrollLeft + x) / scale, (box.scrollTop + y) / scale];
      scale = next;
      svg.style.width = `${natural().width * scale}px`;
      svg.style.height = `${natural().height * scale}px`;
      box.scrollLeft = left * scale - x;
      box.scrollTop = top * scale - y;
    }

    function fit() {
      zoom(Math.min(1, (box.clientWidth - 4) / natural().width, Math.max(0.5, (innerHeight * 0.5) / natural().height)));
    }

    function reveal() {
      const open = box.querySelector(".box.open");
      if (!open) return;
      const [frame, place] = [box.getBoundingClientRect(), open.getBoundingClientRect()];
      box.scrollLeft += place.left + place.width / 2 - frame.left - frame.width / 2;
      box.scrollTop += place.top + place.height / 2 - frame.top - frame.height / 2;
    }

    tools.set(box, { out: () => zoom(scale / 1.25), in: () => zoom(scale * 1.25), fit, one: () => { zoom(1); reveal(); } });

    box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const frame = box.getBoundingClientRect();
      zoom(scale * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });

    box.addEventListener("keydown", (event) => {
      const act = { "+": () => zoom(scale * 1.25), "-": () => zoom(scale / 1.25), "0": fit }[event.key];
      if (act) { event.preventDefault(); act(); }
    });

    // drawn along with the mouse; fingers scroll by themselves
    let grip = null;
    box.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      grip = { x: event.clientX + box.scrollLeft, y: event.clientY + box.scrollTop, moved: false };
    });
    box.addEventListener("pointermove", (event) => {
      if (!grip || !(event.buttons & 1)) { grip = null; return; }
      const [left, top] = [grip.x - event.clientX, grip.y - event.clientY];
      if (!grip.moved && Math.abs(left - box.scrollLeft) + Math.abs(top - box.scrollTop) < 5) return;
      grip.moved = true;
      box.scrollLeft = left;
      box.scrollTop = top;
    });
    box.addEventListener("click", (event) => {
      if (grip?.moved) { event.preventDefault(); event.stopPropagation(); }
      grip = null;
    }, true);
    box.addEventListener("dragstart", (event) => event.preventDefault());

    // as much at once as one can still read
    const wanted = (box.clientWidth - 4) / natural().width;
    if (wanted < 1) zoom(Math.max(wanted, 0.75));
    reveal();
  }

  lp.onChange((root) => {
    for (const box of root.querySelectorAll("[data-graph]")) if (!box.dataset.ownGraph) start(box);
  });

  lp.onTick(() => {
    for (const bar of document.querySelectorAll("rect[data-grows]")) {
      const part = (100 * (lp.now() - Date.parse(bar.dataset.grows))) / Number(bar.dataset.axis);
      const room = 100 - parseFloat(bar.getAttribute("x"));
      bar.setAttribute("width", `${Math.max(0.25, Math.min(room, part)).toFixed(2)}%`);
    }
  });
})();
