"use strict";
(() => {
  // Sorting: the heading's button orders the rows by their cells' keys; fixed rows stay last.
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell || cell.dataset.sort === undefined) return null;
    const number = Number(cell.dataset.sort);
    return cell.classList.contains("num") && !Number.isNaN(number) ? number : cell.dataset.sort;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  };
  for (const button of document.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const heading = button.closest("th");
      const table = heading.closest("table");
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].filter((row) => !row.classList.contains("fixed"));
      const column = heading.cellIndex;
      rows.sort((a, b) => {
        const [x, y] = [key(a, column), key(b, column)];
        return x === null || y === null || ascending ? compare(x, y) : compare(y, x);
      });
      rows.reverse().forEach((row) => body.prepend(row));
      const live = document.getElementById("live");
      live.textContent = `Sorted by ${button.textContent.trim()}, ${ascending ? "ascending" : "descending"}`;
    });
  }

  // Traces: a cell shows where its number comes from, on hover and on focus. Tab reaches one traced cell per table, the
  // first of a visible row until the arrow keys move it.
  const setStop = (table) => {
    const cells = [...table.querySelectorAll("tbody td[data-trace]")];
    const stop = cells.find((cell) => !cell.parentElement.hidden);
    for (const cell of cells) cell.tabIndex = cell === stop ? 0 : -1;
  };
  const box = document.getElementById("trace");
  const hide = () => { box.hidden = true; };
  const show = (cell) => {
    box.textContent = cell.dataset.trace;
    box.hidden = false;
    const at = cell.getBoundingClientRect();
    const left = Math.min(Math.max(at.left, 8), window.innerWidth - box.offsetWidth - 8);
    const below = at.bottom + box.offsetHeight + 12 < window.innerHeight;
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${(below ? at.bottom + 6 : at.top - box.offsetHeight - 6) + window.scrollY}px`;
  };
  // What a figure's mark says stands in its <title>, where it is shown without a script too, but late.
  for (const mark of document.querySelectorAll("[data-method] > title")) {
    const group = mark.parentElement;
    group.dataset.trace = mark.textContent;
    mark.remove();
    group.addEventListener("mouseenter", () => show(group));
    group.addEventListener("mouseleave", hide);
  }
  for (const button of document.querySelectorAll("[data-toggle]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", shown);
      for (const part of document.querySelectorAll("[data-method]")) {
        if (part.dataset.method === button.dataset.toggle) part.classList.toggle("off", !shown);
      }
    });
  }
  for (const label of document.querySelectorAll("label.filter")) {
    label.hidden = false;
    const part = document.getElementById(label.dataset.of);
    const rows = [...part.querySelectorAll("tbody tr, dl.facts > div")];
    label.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      part.querySelectorAll("table.traced").forEach(setStop);
      document.getElementById("live").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
    });
  }
  for (const table of document.querySelectorAll("table.traced")) {
    setStop(table);
    table.querySelectorAll("tbody td[data-trace]").forEach((cell) => {
      cell.setAttribute("aria-describedby", "trace");
      cell.addEventListener("mouseenter", () => show(cell));
      cell.addEventListener("mouseleave", hide);
      cell.addEventListener("focus", () => show(cell));
      cell.addEventListener("blur", hide);
    });
    table.addEventListener("keydown", (event) => {
      const cell = event.target.closest("td[data-trace]");
      if (!cell) return;
      if (event.key === "Escape") return hide();
      const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] || [0, 0];
      if (!down && !right) return;
      let row = cell.parentElement;
      let next = cell;
      do {
        if (down) row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
        next = row && (down ? row.cells[cell.cellIndex] : right > 0 ? next.nextElementSibling : next.previousElementSibling);
      } while (next && (next.dataset.trace === undefined || row.hidden));
      if (!next) return;
      event.preventDefault();
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  // Claims: one button opens or closes all; a print shows everything open; a link to a closed part opens it.
  const all = document.getElementById("open-claims");
  const claims = [...document.querySelectorAll("details.claim")];
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const open = claims.some((claim) => !claim.open);
      claims.forEach((claim) => { claim.open = open; });
    });
    claims.forEach((claim) => claim.addEventListener("toggle", () => {
      all.textContent = claims.some((other) => !other.open) ? "Open all evidence" : "Close all evidence";
    }));
  }
  const openTarget = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const parent = target && target.closest("details");
    if (parent) { parent.open = true; target.scrollIntoView(); }
  };
  window.addEventListener("hashchange", openTarget);
  openTarget();
  const closed = [];
  window.addEventListener("beforeprint", () => {
    closed.push(...document.querySelectorAll("details:not(.columns):not([open])"));
    closed.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => closed.splice(0).forEach((part) => { part.open = false; }));

  // The contents mark the section that is being read.
  const links = new Map([...document.querySelectorAll("nav.contents a")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((a) => a.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      if (link) link.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  document.querySelectorAll("main section[id]").forEach((section) => seen.observe(section));
})();
