"use strict";
(() => {
  const { layouts, data } = JSON.parse(document.getElementById("specifications").textContent);
  const narrow = window.matchMedia("screen and (max-width: 46rem)");
  const PRINTED = 1040; // pixels that a chart is drawn over for paper, whatever the window's width
  const views = new Map();

  // One drawing at a time for each chart: a later one must not be overtaken by an earlier one.
  const draw = async () => {
    for (const chart of document.querySelectorAll(".chart[data-figure]")) {
      const { uses, ...layout } = layouts[chart.dataset.figure][narrow.matches ? "narrow" : "wide"];
      const datasets = Object.fromEntries(uses.map((name) => [name, data[name]]));
      const specification = structuredClone({ ...layout, datasets });
      views.get(chart)?.finalize();
      const drawn = await vegaEmbed(chart, specification, { actions: false, renderer: "svg" });
      views.set(chart, drawn);
    }
    document.documentElement.dataset.drawn = narrow.matches ? "narrow" : "wide";
  };
  let [drawing, printing] = [draw(), false];
  narrow.addEventListener("change", () => { if (!printing) drawing = drawing.then(draw); });

  const widen = (width) => {
    for (const [chart, { view }] of views) {
      const part = chart.closest("figure").matches(".half") ? 0.5 : 1;
      view.width(width ? width * part : chart.clientWidth).run();
    }
  };
  const isWide = () => document.documentElement.dataset.drawn === "wide";
  window.addEventListener("beforeprint", () => { printing = true; if (isWide()) widen(PRINTED); });
  window.addEventListener("afterprint", () => { printing = false; if (isWide()) widen(null); });

  const key = (row, column) => row.children[column].dataset.sort;
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  for (const table of document.querySelectorAll("table.rows")) {
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => {
        const down = header.getAttribute("aria-sort") === "ascending";
        headers.forEach((other) => other.setAttribute("aria-sort", "none"));
        header.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        const empty = rows.filter((row) => key(row, column) === "");
        const full = rows.filter((row) => key(row, column) !== "");
        full.sort((a, b) => compare(key(a, column), key(b, column)) * (down ? -1 : 1));
        table.tBodies[0].append(...full, ...empty);
      });
    });
  }

  // A table that goes on beyond its edge fades there, until its end is in sight.
  for (const region of document.querySelectorAll(".scroll")) {
    const tell = () => {
      const left = region.scrollWidth - region.clientWidth - region.scrollLeft;
      region.toggleAttribute("data-more", left > 1);
    };
    region.addEventListener("scroll", tell, { passive: true });
    new ResizeObserver(tell).observe(region);
  }

  // A page that is written anew while a study runs is read anew, until its reader pauses it.
  const live = document.querySelector(".live");
  if (live) {
    const again = () => setTimeout(() => location.reload(), 1000 * Number(live.dataset.seconds));
    const button = live.querySelector("button");
    let waiting = again();
    button.addEventListener("click", () => {
      const paused = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", String(paused));
      clearTimeout(waiting);
      if (!paused) waiting = again();
    });
  }
})();
