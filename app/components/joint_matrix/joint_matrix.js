// Given (rows) against true (columns) labels. Off the diagonal a cell with label issues is a button.

function part(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function amount(value) {
  return value >= 9.95 ? Math.round(value).toLocaleString("en") : value < 0.05 ? "" : value.toFixed(1);
}

function filled(td, cell, names, most, open) {
  const same = cell.given === cell.true;
  td.className = same ? "same" : "other";
  // The square root, so that a few confusions can be told from none beside very many.
  td.style.setProperty("--share", `${Math.round((same ? 30 : 55) * Math.sqrt(cell.expected / most[same]))}%`);
  const said = `given ${names[cell.given]}, probably ${names[cell.true]}: about ${amount(cell.expected) || 0}`;
  td.title = same ? `${names[cell.given]}, probably right: about ${amount(cell.expected) || 0}` : `${said}; ${cell.open} to review`;
  if (same || !cell.open) {
    td.textContent = amount(cell.expected);
    return;
  }
  const button = part("button", "", amount(cell.expected) || "0");
  button.type = "button";
  button.setAttribute("aria-label", `${said}; review ${cell.open}`);
  button.dataset.pair = `${cell.given}-${cell.true}`;
  button.addEventListener("click", () => open(cell));
  td.append(button);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const { names, cells } = data;
  const largest = (same) => Math.max(1e-9, ...cells.filter((c) => (c.given === c.true) === same).map((c) => c.expected));
  const most = { true: largest(true), false: largest(false) };
  const open = (cell) => setTriggerValue("open", [cell.given, cell.true]);
  const of = new Map(cells.map((cell) => [`${cell.given}-${cell.true}`, cell]));
  const head = part("tr");
  const corner = part("th");
  corner.scope = "col";
  corner.append(part("span", "", ""));
  head.append(corner);
  for (const name of names) {
    const th = part("th");
    th.scope = "col";
    th.title = name;
    th.append(part("span", "", name));
    head.append(th);
  }
  const rows = names.map((name, given) => {
    const row = part("tr");
    const th = part("th", "", name);
    th.scope = "row";
    th.title = name;
    row.append(th);
    names.forEach((_, other) => {
      const td = part("td", "empty");
      const cell = of.get(`${given}-${other}`);
      if (cell) filled(td, cell, names, most, open);
      row.append(td);
    });
    return row;
  });
  parentElement.querySelector("caption").textContent = "Rows: given label. Columns: probably right.";
  parentElement.querySelector("thead").replaceChildren(head);
  parentElement.querySelector("tbody").replaceChildren(...rows);
}
