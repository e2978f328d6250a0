// What the colours mean; a click on a class shows it alone, further clicks add and remove.

const MANY = 20;

function numberOf(code, { counts, picked }) {
  const all = counts[code].toLocaleString("en");
  return picked[code] ? `${picked[code].toLocaleString("en")} / ${all}` : all;
}

class Legend {
  constructor(root, explorer) {
    this.root = root;
    this.explorer = explorer;
    this.query = "";
    this.numbers = new Map(); // of the rows that are shown: code to its number
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-code]");
      if (button) explorer.isolate(Number(button.dataset.code));
      else if (event.target.closest("[data-all]")) explorer.isolate(null);
      else if (event.target.closest("[data-take]")) explorer.selectShown();
    });
    root.addEventListener("input", (event) => {
      this.query = event.target.value.trim().toLowerCase();
      this.filter();
    });
  }

  // `counts` and `picked` are samples per code, of all and of the selected ones.
  show(look, { mode, counts, picked, isolated, theme }) {
    const rows = look.labels
      ? look.labels.map((label, code) => ({ label, code })).filter(({ code }) => counts[code])
      : null;
    const same = rows && this.root.contains(document.activeElement?.shadowRoot?.activeElement ?? null);
    const focused = same ? this.root.getRootNode().activeElement?.dataset.code : undefined;
    this.numbers = new Map();
    this.look = look;
    const kept = [part("h2", "legend-title", MODES[mode].title)];
    if (!rows) kept.push(this.ramp(mode, theme));
    else {
      if (rows.length > MANY) kept.push(this.search());
      const list = part("ul");
      list.append(...rows.map((row) => this.row(row, look, { counts, picked, isolated })));
      kept.push(list);
    }
    kept.push(this.buttons(isolated));
    this.root.replaceChildren(...kept);
    this.filter();
    if (focused !== undefined) this.root.querySelector(`[data-code="${focused}"]`)?.focus();
  }

  row({ label, code }, look, { counts, picked, isolated }) {
    const item = part("li");
    const button = part("button", "class");
    button.type = "button";
    button.dataset.code = code;
    button.dataset.name = label.toLowerCase();
    button.title = label;
    button.setAttribute("aria-pressed", String(isolated.has(code)));
    const swatch = part("span", `swatch ${SHAPES[look.shapes[code]]}`);
    swatch.style.setProperty("--colour", cssOf(look.colours[code]));
    const number = part("span", "number", numberOf(code, { counts, picked }));
    this.numbers.set(code, number);
    button.append(swatch, part("span", "name", label), number);
    item.append(button);
    return item;
  }

  // Another selection changes numbers alone.
  recount(found) {
    if (found.look !== this.look) return;
    for (const [code, number] of this.numbers) {
      const text = numberOf(code, found);
      if (number.textContent !== text) number.textContent = text;
    }
  }

  ramp(mode, theme) {
    const box = part("div", "scale");
    const bar = part("i");
    bar.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((share) => cssOf(rampColour(theme, share))).join(", ")})`;
    const ends = part("p");
    ends.append(part("span", "", `0 ${MODES[mode].low}`), part("span", "", `${MODES[mode].high} 1`));
    box.append(bar, ends);
    return box;
  }

  search() {
    const input = part("input");
    input.type = "search";
    input.placeholder = "Find a class";
    input.setAttribute("aria-label", "Find a class");
    input.value = this.query;
    return input;
  }

  filter() {
    for (const button of this.root.querySelectorAll("[data-code]")) {
      button.parentElement.hidden = Boolean(this.query) && !button.dataset.name.includes(this.query);
    }
  }

  buttons(isolated) {
    const row = part("p", "actions");
    const all = part("button", "quiet", "Show all");
    all.dataset.all = "1";
    all.hidden = !isolated.size;
    const take = part("button", "quiet", "Select shown");
    take.dataset.take = "1";
    take.title = "Select every sample that the legend leaves visible";
    for (const button of [take, all]) button.type = "button";
    row.append(take, all);
    return row;
  }
}
