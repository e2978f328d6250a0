// The selected samples: how many, which labels, their images, and what to do with them.

const PAGE = 120;
const FIRST = 40; // while the images are folded away but for a row
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

function csvCell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A spreadsheet would run a text that begins with = as a formula: such cells get a ' and are noted.
function csvLine(names, cells) {
  const disarmed = [];
  const safe = cells.map((cell, at) => {
    if (typeof cell !== "string" || !FORMULA.test(cell)) return cell;
    disarmed.push(names[at]);
    return `'${cell}`;
  });
  return [...safe, disarmed.join(" ")].map(csvCell).join(",");
}

function saveText(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`\ufeff${text}`], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

class Picked {
  constructor(root, explorer) {
    this.root = root;
    this.explorer = explorer;
    this.$ = (name) => root.querySelector(`.js-${name}`);
    this.limit = FIRST;
    this.$("send").addEventListener("click", () => explorer.act("review", ""));
    this.$("export").addEventListener("click", () => explorer.save());
    this.$("clear").addEventListener("click", () => explorer.clear());
    this.$("fold").addEventListener("click", () => this.fold());
    this.$("tag-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = this.$("tag-name").value.trim();
      if (name) explorer.act("tag", name);
    });
    this.$("tag").addEventListener("click", () => this.askName(this.$("tag-form").hidden));
    const grid = this.$("grid");
    grid.addEventListener("click", (event) => {
      const drop = event.target.closest("[data-drop]");
      if (drop) explorer.dropOne(Number(drop.dataset.drop));
      else if (event.target.closest("[data-more]")) this.more();
    });
    for (const kind of ["pointerover", "focusin"]) {
      grid.addEventListener(kind, (event) => explorer.hover(Number(event.target.closest("[data-id]")?.dataset.id) || null));
    }
    for (const kind of ["pointerleave", "focusout"]) grid.addEventListener(kind, () => explorer.hover(null));
  }

  // Review needs a round, which ranks what is reviewed.
  allow(review) {
    this.$("send").disabled = !review;
    this.$("send").title = review ? "" : "Train a first round: it ranks what is reviewed. A tag keeps the selection until then.";
  }

  askName(open) {
    this.$("tag-form").hidden = !open;
    this.$("tag").setAttribute("aria-expanded", String(open));
    if (open) this.$("tag-name").focus();
  }

  fold() {
    this.tall = !this.tall;
    this.$("fold").textContent = this.tall ? "Fewer rows" : "More rows";
    this.$("fold").setAttribute("aria-expanded", String(this.tall));
    this.root.toggleAttribute("data-tall", this.tall);
    if (this.tall && this.limit < PAGE) {
      this.limit = PAGE;
      this.images();
    }
  }

  tags(names) {
    this.$("tags").replaceChildren(...names.map((name) => {
      const option = part("option");
      option.value = name;
      return option;
    }));
  }

  // `facts` are all selected samples, the least likely labels first.
  show(facts) {
    this.facts = facts;
    this.limit = this.tall ? PAGE : FIRST;
    this.root.hidden = !facts.length;
    if (!facts.length) {
      this.askName(false);
      return;
    }
    const issues = facts.filter((fact) => fact.issue).length;
    this.$("count").textContent = `${facts.length.toLocaleString("en")} selected`;
    const told = [labelCounts(facts), issues ? `${issues.toLocaleString("en")} label issues` : ""].filter(Boolean);
    this.$("what").textContent = told.join(" · ");
    this.images();
  }

  images() {
    this.$("grid").replaceChildren(...this.facts.slice(0, this.limit).map(cellOf), ...this.rest());
  }

  more() {
    const added = this.facts.slice(this.limit, this.limit + PAGE).map(cellOf);
    this.limit += PAGE;
    this.$("grid").lastElementChild.replaceWith(...added, ...this.rest());
    added[0].focus();
  }

  rest() {
    const left = this.facts.length - this.limit;
    if (left <= 0) return [];
    const row = part("li", "rest");
    const button = part("button", "quiet", `${left.toLocaleString("en")} more`);
    button.type = "button";
    button.dataset.more = "1";
    row.append(button);
    return [row];
  }
}

function labelCounts(facts) {
  const counts = new Map();
  for (const { current } of facts) counts.set(current ?? "no label", (counts.get(current ?? "no label") ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const text = sorted.slice(0, 3).map(([name, number]) => `${name} (${number.toLocaleString("en")})`).join(", ");
  return sorted.length > 3 ? `${text} and ${sorted.length - 3} more labels` : text;
}

function cellOf(fact) {
  const cell = part("li", fact.issue ? "issue" : "");
  cell.dataset.id = fact.id;
  cell.tabIndex = 0;
  const image = part("img");
  image.src = fact.thumb;
  image.alt = `${fact.name}, labelled ${fact.current ?? "nothing"}`;
  image.title = fact.name;
  image.loading = "lazy";
  image.decoding = "async";
  const label = part("span", "label", fact.current ?? "no label");
  const below = part("span", "below", other(fact));
  const drop = part("button", "drop", "×");
  drop.type = "button";
  drop.dataset.drop = fact.id;
  drop.setAttribute("aria-label", `Leave ${fact.name} out`);
  drop.tabIndex = -1;
  cell.append(image, label, below, drop);
  return cell;
}

// What is worth saying under the label it has now.
function other(fact) {
  if (fact.current !== fact.given) return `was ${fact.given ?? "without"}`;
  if (fact.suggested && fact.suggested !== fact.current) return `✦ ${fact.suggested}`;
  return fact.clean === null ? "" : `clean ${fact.clean.toFixed(2)}`;
}
