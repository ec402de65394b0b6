"use strict";
// Tables that sort by a click on a heading, and a filter for the platform's values.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const numbers = head.classList.contains("number");
    const before = head.getAttribute("aria-sort");
    const order = before ? (before === "descending" ? 1 : -1) : numbers ? -1 : 1;
    const key = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [p, q] = [key(a), key(b)];
      if (!numbers) return order * p.localeCompare(q);
      if (p === "" || q === "") return (p === "") - (q === ""); // what has no figure comes last
      return order * (Number(p) - Number(q));
    });
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order > 0 ? "ascending" : "descending");
    body.append(...rows);
  }));
}
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  for (const row of document.querySelectorAll("#values tbody tr"))
    row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
});
