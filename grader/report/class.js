"use strict";
// Sorts, filters and searches the class's table. Without it the table is whole and in the order of names.
(() => {
  const tools = document.querySelector(".tools"), table = document.querySelector("table.class"), body = table.tBodies[0];
  const [search, show, status] = ["input", "select", "p"].map(name => tools.querySelector(name));
  const rows = [...body.rows], collator = new Intl.Collator(document.documentElement.lang, {numeric: true});
  let texts = null;  // of 5,000 rows: read when they are first searched

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) texts ??= rows.map(row => row.textContent.toLowerCase());
    let count = 0;
    rows.forEach((row, at) => {
      const fits = (!show.value || row.dataset.kind === show.value) && words.every(word => texts[at].includes(word));
      if (row.hidden === fits) row.hidden = !fits;
      count += fits;
    });
    status.textContent = count === rows.length ? "" : status.dataset.text.replace("{some}", count).replace("{all}", rows.length);
  };

  const sort = (head, button) => {
    const column = head.cellIndex, numbers = rows.some(row => row.cells[column].dataset.order);
    const down = head.ariaSort ? head.ariaSort === "ascending" : numbers;  // of numbers the highest first
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.ariaSort = down ? "descending" : "ascending";
    const keys = new Map(rows.map(row => {
      const cell = row.cells[column];
      return [row, numbers ? (cell.dataset.order === "" ? -1 : Number(cell.dataset.order)) : cell.textContent];
    }));
    const compare = numbers ? (a, b) => a - b : collator.compare;
    const sorted = [...rows].sort((a, b) => (down ? -1 : 1) * compare(keys.get(a), keys.get(b)));
    body.append(...sorted);
    button.focus();
  };

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, button));
    head.append(button);
  }
  search.addEventListener("input", filter);
  show.addEventListener("change", filter);
  tools.hidden = false;
  filter();  // a browser that comes back to the page may have kept what was typed
})();
