"use strict";
(() => {
  const views = JSON.parse(document.getElementById("specifications").textContent);
  const PRINTED = 1040; // pixels that a chart is drawn over for paper, whatever the window's width
  const charts = [...document.querySelectorAll(".chart[data-figure]")];
  const drawn = new Map(); // chart -> its Vega view
  const off = new Set(); // what is switched off in the key

  const draw = async (chart, name) => {
    const specification = views[chart.dataset.figure][name];
    drawn.get(chart)?.finalize();
    const options = { actions: false, renderer: "svg" };
    const { view } = await vegaEmbed(chart, structuredClone(specification), options);
    drawn.set(chart, view.signal("off", [...off]));
    await view.runAsync();
  };
  const all = Promise.all(charts.map((chart) => draw(chart, Object.keys(views[chart.dataset.figure])[0])));
  all.then(() => { document.documentElement.dataset.drawn = "all"; });

  // One drawing at a time: a later one must not be overtaken by an earlier one.
  let drawing = all;
  const buttons = (scope, name) => [...scope.querySelectorAll(`button[data-${name}]`)];
  for (const button of buttons(document, "view")) {
    button.addEventListener("click", () => {
      const figure = button.closest("figure");
      for (const other of buttons(figure, "view")) other.setAttribute("aria-pressed", String(other === button));
      drawing = drawing.then(() => draw(figure.querySelector(".chart"), button.dataset.view));
    });
  }

  for (const button of buttons(document, "key")) {
    button.addEventListener("click", () => {
      const { key } = button.dataset;
      if (!off.delete(key)) off.add(key);
      for (const other of buttons(document, "key")) {
        if (other.dataset.key === key) other.setAttribute("aria-pressed", String(!off.has(key)));
      }
      for (const view of drawn.values()) view.signal("off", [...off]).runAsync();
    });
  }

  const widen = (width) => {
    for (const [chart, view] of drawn) view.width(width ?? chart.clientWidth).run();
  };
  window.addEventListener("beforeprint", () => widen(PRINTED));
  window.addEventListener("afterprint", () => widen(null));

  const value = (row, column) => row.children[column].dataset.sort;
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  for (const table of document.querySelectorAll("table.variants")) {
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => {
        const before = header.getAttribute("aria-sort"); // the first click brings the best first
        const down = before === "none" ? header.dataset.best === "high" : before === "ascending";
        headers.forEach((other) => other.setAttribute("aria-sort", "none"));
        header.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        const empty = rows.filter((row) => value(row, column) === "");
        const full = rows.filter((row) => value(row, column) !== "");
        full.sort((a, b) => compare(value(a, column), value(b, column)) * (down ? -1 : 1));
        table.tBodies[0].append(...full, ...empty);
      });
    });
  }

  // A table that goes on beyond its edge says so, until its end is in sight.
  for (const region of document.querySelectorAll(".scroll")) {
    const mark = () => {
      const left = region.scrollWidth - region.clientWidth - region.scrollLeft;
      region.toggleAttribute("data-more", left > 1);
    };
    region.addEventListener("scroll", mark, { passive: true });
    new ResizeObserver(mark).observe(region);
  }
})();
