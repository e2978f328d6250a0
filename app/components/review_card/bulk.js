// One decision for many images: what it would change is shown before it is made, pair by pair, and a
// cap leaves out those of which the model is less sure. Stored as one batch; one undo takes it back.

const SHOWN_PER_GROUP = 14;
const BULK_TEXT = {
  exclude: "Exclude", needs_review: "Send to a second reader:", skip: "Skip",
};

class Bulk {
  constructor(panel, view, overlays, thumb) {
    Object.assign(this, { panel, view, overlays, thumb });
  }

  // `items` as [{card, action, classId}]; calls onApply with those that are left.
  ask(what, items, onApply) {
    this.items = items;
    this.what = what;
    this.off = new Set();
    this.cap = 0;
    this.onApply = onApply;
    const box = element("div", "box wide bulk");
    this.title = element("h3");
    this.groups = element("div", "groups");
    this.apply = pushButton("primary", "", () => this.go());
    this.apply.dataset.first = "";
    const row = element("div", "row");
    const text = "Saved as one batch, marked as bulk in the ledger. One undo takes all of it back.";
    row.append(this.apply, pushButton("", "Cancel", () => this.overlays.close(this.panel)));
    box.append(this.title, ...this.capLine(), this.groups, element("p", "", text), row);
    this.draw();
    this.overlays.show(this.panel, box, { onKey: (event) => this.key(event) });
  }

  key(event) {
    const other = event.composedPath()[0].tagName === "BUTTON" && !event.composedPath()[0].matches(".primary");
    if (event.key !== "Enter" || event.repeat || other) return false;
    this.go();
    return true;
  }

  go() {
    const left = this.left();
    if (!left.length) return;
    this.overlays.close(this.panel);
    this.onApply(left);
  }

  // How sure the model is of the label that the decision puts; null where it puts none.
  sure({ card, action, classId }) {
    if (action === "keep") return card.givenP ?? null;
    if (action !== "relabel") return null;
    if (classId === card.suggested) return card.suggestedP;
    return card.top.find(([id]) => id === classId)?.[1] ?? 0;
  }

  capLine() {
    if (this.items.every((item) => this.sure(item) === null)) return [];
    const line = element("label", "cap");
    const range = element("input");
    Object.assign(range, { type: "range", min: 0, max: 99, step: 1, value: 0 });
    range.setAttribute("aria-label", "Least probability in percent");
    this.capText = element("b");
    range.addEventListener("input", () => {
      this.cap = Number(range.value) / 100;
      this.draw();
    });
    line.append(element("span", "", "Only where the model gives this label at least"), range, this.capText);
    return [line];
  }

  group(item) {
    const to = item.action === "keep" ? item.card.given : item.classId;
    return item.action === "keep" || item.action === "relabel" ? `${item.card.given} ${to}` : item.action;
  }

  left() {
    const sure = (item) => this.cap === 0 || (this.sure(item) ?? 1) >= this.cap;
    return this.items.filter((item) => sure(item) && !this.off.has(this.group(item)));
  }

  draw() {
    const left = new Set(this.left());
    const names = new Map();
    for (const item of this.items) {
      const name = this.group(item);
      names.set(name, [...(names.get(name) ?? []), item]);
    }
    const sorted = [...names].sort((a, b) => b[1].length - a[1].length);
    this.groups.replaceChildren(...sorted.map(([name, items]) => this.part(name, items, left)));
    const out = this.items.length - left.size;
    const images = amount(left.size, "image");
    this.title.textContent = `${this.heading()} ${images}${out ? `, ${out.toLocaleString("en")} left out` : ""}`;
    this.apply.textContent = `Apply to ${images}`;
    this.apply.disabled = !left.size;
    if (this.capText) this.capText.textContent = `${Math.round(100 * this.cap)} %`;
  }

  heading() {
    if (this.what === "accept") return "Use the suggestion for";
    if (this.what === "keep") return "Keep the given label of";
    if (this.what === "class") return `Label as ${this.view.name(this.classOf())}:`;
    return BULK_TEXT[this.what];
  }

  classOf() {
    return this.items[0].classId ?? this.items[0].card.given;
  }

  part(name, items, left) {
    const staying = items.filter((item) => left.has(item));
    const part = element("section", staying.length ? "" : "out");
    const label = element("label");
    const box = element("input");
    Object.assign(box, { type: "checkbox", checked: !this.off.has(name) });
    box.addEventListener("change", () => {
      if (!this.off.delete(name)) this.off.add(name);
      this.draw();
      this.groups.querySelector(`[data-group="${name}"]`)?.focus();
    });
    box.dataset.group = name;
    label.append(box, element("b", "", this.pair(items[0])), element("span", "", amount(staying.length, "image")));
    const strip = element("div", "strip");
    for (const { card } of staying.slice(0, SHOWN_PER_GROUP)) {
      const image = element("img");
      image.src = this.thumb(card);
      image.alt = card.name;
      strip.append(image);
    }
    const more = staying.length - SHOWN_PER_GROUP;
    if (more > 0) strip.append(element("span", "", `+ ${more.toLocaleString("en")}`));
    part.append(label, strip);
    return part;
  }

  pair({ card, action, classId }) {
    const given = this.view.name(card.given);
    if (action === "keep") return `${given}, kept`;
    return action === "relabel" ? `${given} → ${this.view.name(classId)}` : "All that are selected";
  }
}
