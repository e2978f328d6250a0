// The grid: 60 images of the queue at a time. Cells are made once and filled anew.

const CELLS = 60;

class Grid {
  constructor(root, view) {
    this.view = view;
    this.$ = (name) => root.querySelector(`.js-${name}`);
    this.list = this.$("cells");
    this.cells = Array.from({ length: CELLS }, (_, index) => this.cell(index));
    this.list.append(...this.cells.map((cell) => cell.node));
    this.start = 0;
    this.watcher = new ResizeObserver(() => {
      this.columns = 0;
    });
    this.watcher.observe(this.list);
  }

  stop() {
    this.watcher.disconnect();
  }

  cell(index) {
    const node = element("div", "cell");
    node.id = `turn-cell-${index}`;
    node.setAttribute("role", "option");
    const image = element("img");
    image.alt = "";
    image.decoding = "sync";
    image.draggable = false;
    const state = element("span", "state");
    const labels = element("span", "labels-line");
    const clean = element("span", "clean-line");
    const suggested = element("span", "suggested-line");
    const line = element("span", "line");
    line.append(labels, clean);
    node.append(image, state, line, suggested);
    return { node, image, state, labels, clean, suggested };
  }

  // How many cells stand beside each other now: what the arrows up and down need.
  perRow() {
    if (!this.columns) {
      const top = this.cells[0].node.offsetTop;
      const next = this.cells.findIndex((cell) => cell.node.offsetTop > top);
      this.columns = next > 0 ? next : CELLS;
    }
    return this.columns;
  }

  place(node) {
    const index = this.cells.findIndex((cell) => cell.node === node);
    return index < 0 ? null : this.start + index;
  }

  page(at) {
    return CELLS * Math.floor(at / CELLS);
  }

  show(deck, at, selection) {
    const turned = this.start !== this.page(at);
    this.start = this.page(at);
    this.cells.forEach((cell, index) => this.fill(cell, deck, this.start + index, at, selection));
    this.list.setAttribute("aria-activedescendant", `turn-cell-${at - this.start}`);
    this.list.dataset.start = this.start;
    if (turned) this.list.scrollIntoView({ block: "nearest" });
    else this.cells[at - this.start]?.node.scrollIntoView({ block: "nearest" });
  }

  fill(cell, deck, at, current, selection) {
    const card = deck.cards[at];
    cell.node.hidden = !card;
    if (!card) return;
    const { node } = cell;
    const source = deck.thumb(card);
    if (cell.image.getAttribute("src") !== source) cell.image.src = source;
    cell.image.classList.toggle("tiny", Math.max(card.width || 0, card.height || 0) <= 64);
    const selected = selection.has(card);
    node.setAttribute("aria-selected", String(selected));
    node.classList.toggle("current", at === current);
    node.classList.toggle("done", card.status !== card.entered);
    node.dataset.sample = card.id;
    const drawn = `${card.id} ${card.status} ${card.current}`;
    if (node.dataset.drawn === drawn) return;
    node.dataset.drawn = drawn;
    this.texts(cell, card);
  }

  texts(cell, card) {
    const given = this.view.name(card.given);
    const suggested = this.view.name(card.suggested);
    cell.labels.textContent = given;
    cell.suggested.textContent = card.suggested === card.given ? "the model agrees" : `→ ${suggested}`;
    cell.node.title = `${card.name}\ngiven ${given}, suggested ${suggested} (${percent(card.suggestedP)})`;
    cell.clean.textContent = cleanText(card.clean);
    cell.clean.style.setProperty("--share", rampColor(card.clean));
    const done = card.status === "relabeled" ? this.view.name(card.current) : STATUS_TEXT[card.status];
    cell.state.textContent = card.status === "pending" ? "" : done;
    cell.state.hidden = card.status === "pending";
  }
}
