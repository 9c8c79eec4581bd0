// Columns of a leaderboard sort by their data: numbers first the highest, names by the alphabet, nothing last.
(() => {
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const order = [...body.rows];
    for (const button of table.querySelectorAll("thead button")) {
      const head = button.closest("th");
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "descending";
        const next = down ? "ascending" : "descending";
        for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", next);
        const column = Number(button.dataset.column);
        const value = (row) => row.cells[column].dataset.value ?? "";
        const isNumber = order.some((row) => value(row) !== "" && !Number.isNaN(Number(value(row))));
        const compare = (a, b) => (isNumber ? Number(value(b)) - Number(value(a)) : value(a).localeCompare(value(b)));
        const turn = next === "ascending" ? -1 : 1;
        const rows = order.filter((row) => value(row) !== "").sort((a, b) => turn * compare(a, b));
        body.append(...rows, ...order.filter((row) => value(row) === ""));
      });
    }
  }
})();
