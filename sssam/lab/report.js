"use strict";
(() => {
  const specifications = JSON.parse(document.getElementById("specifications").textContent);
  const narrow = window.matchMedia("(max-width: 40rem)");

  // One drawing at a time for each chart: a later one must not be overtaken by an earlier one.
  const draw = async () => {
    for (const chart of document.querySelectorAll(".chart")) {
      const layouts = specifications[chart.dataset.figure];
      const specification = narrow.matches ? (layouts.narrow ?? layouts.wide) : layouts.wide;
      await vegaEmbed(chart, specification, { actions: false, renderer: "svg" });
    }
    document.documentElement.dataset.drawn = "yes";
  };
  let drawing = draw();
  narrow.addEventListener("change", () => { drawing = drawing.then(draw); });

  const key = (row, column) => row.children[column].dataset.sort;
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  const table = document.querySelector("table.rows");
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
})();
