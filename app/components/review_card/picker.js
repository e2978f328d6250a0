// Type-ahead over all class names: `/` opens it, arrows and Enter choose, Esc closes.

const MAX_OPTIONS = 50;

class Picker {
  constructor(root, onChoose) {
    this.input = root.querySelector(".js-search");
    this.list = root.querySelector(".js-options");
    this.onChoose = onChoose;
    this.classes = [];
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

  filter() {
    const wanted = this.input.value.trim().toLocaleLowerCase();
    const starts = (c) => (c.name.toLocaleLowerCase().startsWith(wanted) ? 0 : 1);
    this.found = this.classes
      .filter((c) => c.name.toLocaleLowerCase().includes(wanted))
      .sort((a, b) => starts(a) - starts(b))
      .slice(0, MAX_OPTIONS);
    this.active = 0;
    this.render();
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
    this.input.blur();
    this.onChoose(c.id);
  }
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
