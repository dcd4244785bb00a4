// Reads the curves under the pointer, or with the arrow keys.
(() => {
  const plot = document.querySelector(".plot");
  if (!plot) return;
  const area = plot.querySelector(".area"), cursor = plot.querySelector(".cursor"), label = plot.querySelector(".at");
  const from = +plot.dataset.from, to = +plot.dataset.to;
  const read = [...document.querySelectorAll(".groups .read")], cells = read.filter(c => c.tagName === "TD");
  const curves = [...area.querySelectorAll(".curve")].map(path =>
    [...path.getAttribute("d").matchAll(/[MH]([\d.]+)(?: 1000)?V([\d.]+)/g)].map(m => [+m[1], 1 - m[2] / 1000]));
  const share = (steps, x) => {
    let low = 0, high = steps.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (steps[mid][0] <= x) low = mid + 1; else high = mid;
    }
    return low ? steps[low - 1][1] : 0;
  };
  let at = 0.5;
  const show = () => {
    const ms = from * (to / from) ** at;
    for (const e of [cursor, label, ...read]) e.hidden = false;
    cursor.style.left = label.style.left = 100 * at + "%";
    label.textContent = ms < 9999.5 ? ms.toPrecision(3).replace(/\.0+$/, "") * 1 + " ms" : (ms / 1000).toFixed(1) + " s";
    curves.forEach((steps, i) => { cells[i].textContent = (100 * share(steps, 1000 * at)).toFixed(1) + " %"; });
  };
  area.addEventListener("pointermove", e => {
    const box = area.getBoundingClientRect();
    at = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
    show();
  });
  plot.addEventListener("keydown", e => {
    const by = { ArrowLeft: -0.01, ArrowRight: 0.01 }[e.key];
    if (!by) return;
    e.preventDefault();
    at = Math.min(1, Math.max(0, at + by));
    show();
  });
})();
