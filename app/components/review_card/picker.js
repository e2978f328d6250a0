// Type-ahead over all class names: `/` opens it, arrows and Enter choose, Esc closes. Nothing typed:
// the classes chosen last, then the likely ones. Else names that begin so, then with a word that does.

const MAX_OPTIONS = 50;
const MAX_RECENT = 5;

function plain(name) {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

// 0 the very name, 1 begins so, 2 a word begins so, 3 somewhere inside, 4 not at all.
function fit(name, wanted) {
  if (name === wanted) return 0;
  const place = name.indexOf(wanted);
  if (place <= 0) return place === 0 ? 1 : 4;
  return /[\s_\-/(.,]/.test(name[place - 1]) ? 2 : 3;
}

class Picker {
  constructor(root, onChoose) {
    this.input = root.querySelector(".js-search");
    this.list = root.querySelector(".js-options");
    this.onChoose = onChoose;
    this.classes = [];
    this.recent = [];
    this.likely = () => []; // class ids of the image at hand
    this.active = 0;
    this.list.id = "turn-options";
    this.input.setAttribute("aria-controls", this.list.id);
    this.input.addEventListener("input", () => this.filter());
    this.input.addEventListener("focus", () => this.filter());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  open() {
    this.input.focus();
    this.input.select();
  }

  close() {
    this.input.value = "";
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }

  set(classes) {
    this.classes = classes.map(([id, name]) => ({ id, name, plain: plain(name) }));
    this.byId = new Map(this.classes.map((c) => [c.id, c]));
  }

  filter() {
    const wanted = plain(this.input.value.trim());
    this.found = wanted ? this.matches(wanted) : this.first();
    this.active = 0;
    this.render();
  }

  matches(wanted) {
    const fits = [[], [], [], []];
    for (const c of this.classes) fits[fit(c.plain, wanted)]?.push(c);
    return fits.flat().slice(0, MAX_OPTIONS);
  }

  first() {
    const ids = new Set([...this.recent, ...this.likely()]);
    const near = [...ids].map((id) => this.byId.get(id)).filter(Boolean);
    return [...near, ...this.classes.slice(0, MAX_OPTIONS).filter((c) => !ids.has(c.id))].slice(0, MAX_OPTIONS);
  }

  render() {
    this.list.replaceChildren(...this.found.map((c, index) => this.option(c, index)));
    if (!this.found.length) this.list.append(element("li", "none", "No class has this name"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.list.children[this.active]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `turn-option-${this.active}`);
  }

  option(c, index) {
    const item = element("li", index === this.active ? "active" : "", c.name);
    item.id = `turn-option-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(index === this.active));
    item.addEventListener("mousedown", (event) => {
      event.preventDefault(); // before blur closes the list
      this.choose(c);
    });
    return item;
  }

  key(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.input.blur();
    else if (event.key === "Enter" && this.found[this.active]) this.choose(this.found[this.active]);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.active = Math.max(0, Math.min(this.found.length - 1, this.active + step));
      this.render();
    } else return;
    event.preventDefault();
  }

  choose(c) {
    this.recent = [c.id, ...this.recent.filter((id) => id !== c.id)].slice(0, MAX_RECENT);
    this.input.blur();
    this.onChoose(c.id);
  }
}
