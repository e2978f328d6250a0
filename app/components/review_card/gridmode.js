// What keys and clicks do in the grid: move, select, decide for all that are selected.

class GridMode {
  constructor(review) {
    this.review = review;
    this.selection = new Selection();
    this.grid = new Grid(review.root, review.view);
    this.bulk = new Bulk(review.view.$("bulk"), review.view, review.overlays, (card) => review.deck.thumb(card));
    this.grid.list.addEventListener("click", (event) => this.click(event));
    this.grid.list.addEventListener("dblclick", (event) => this.open(event));
  }

  get cards() {
    return this.review.deck.cards;
  }

  onPage() {
    const start = this.grid.page(this.review.plan.at);
    return this.cards.slice(start, start + CELLS);
  }

  show() {
    const { deck, view } = this.review;
    this.grid.show(deck, deck.at, this.selection);
    const last = Math.min(this.grid.start + CELLS, this.cards.length);
    const of = `${(this.grid.start + 1).toLocaleString("en")} – ${last.toLocaleString("en")} of the queue`;
    view.$("page").textContent = of;
    this.bar();
  }

  bar() {
    const { view } = this.review;
    const { size } = this.selection;
    view.$("selected").textContent = size ? `${size.toLocaleString("en")} selected` : "None selected: keys act on the framed image";
    view.root.querySelector("[data-do=clear]").hidden = !size;
    const all = this.selection.hasAll(this.onPage());
    view.$("all").textContent = all ? "Select the whole queue" : `Select these ${this.onPage().length}`;
    this.chips();
  }

  // The classes that the digits stand for, likeliest for the selected images together first.
  choices() {
    const { review } = this;
    const targets = this.targets();
    if (targets.length === 1) return review.choices(targets[0]);
    const sums = new Map();
    for (const card of targets) for (const [id, share] of card.top) sums.set(id, (sums.get(id) ?? 0) + share);
    const top = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 9);
    return review.choices({ top });
  }

  chips() {
    const { view } = this.review;
    const chips = this.choices().map((classId, index) => {
      const chip = element("button", "chip");
      chip.type = "button";
      chip.dataset.do = "class";
      chip.dataset.class = classId;
      chip.append(element("kbd", "", index + 1), element("span", "", view.name(classId)));
      return chip;
    });
    view.$("chips").replaceChildren(...chips);
  }

  targets() {
    const { card } = this.review.plan;
    if (this.selection.size) return [...this.selection.cards.values()];
    return card ? [card] : [];
  }

  click(event) {
    const at = this.grid.place(event.target.closest(".cell"));
    if (at === null) return;
    if (event.shiftKey) this.selection.range(this.cards, at);
    else this.selection.toggle(this.cards, at);
    this.goTo(at);
  }

  open(event) {
    const at = this.grid.place(event.target.closest(".cell"));
    if (at === null) return;
    this.selection.clear();
    this.review.plan.goTo(at);
    this.review.setMode("card");
  }

  goTo(at) {
    this.review.plan.goTo(at);
    this.review.runner.pump();
    this.show();
  }

  // True when the command is one of the grid's own.
  command(id, event) {
    const { plan } = this.review;
    const step = { up: -this.grid.perRow(), down: this.grid.perRow() }[id];
    if (step) this.goTo(plan.at + step);
    else if (id === "extend") this.extend(event.key);
    else if (id === "select") this.toggle();
    else if (id === "all") this.all();
    else if (id === "nextGrid") this.nextGrid();
    else if (id === "prevGrid") this.goTo(this.grid.page(plan.at) - CELLS);
    else if (id === "close" || id === "clear") return this.clear();
    else return false;
    return true;
  }

  nextGrid() {
    const { review } = this;
    const to = this.grid.page(review.plan.at) + CELLS;
    if (to < this.cards.length || review.deck.exhausted) return this.goTo(to);
    review.later.push(() => this.nextGrid()); // once its images have arrived
    return review.fill();
  }

  clear() {
    if (!this.selection.size) return false;
    this.selection.clear();
    this.show();
    return true;
  }

  toggle() {
    const { plan } = this.review;
    if (!plan.card) return;
    this.selection.toggle(this.cards, plan.at);
    this.show();
  }

  extend(key) {
    const { plan } = this.review;
    const row = this.grid.perRow();
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row };
    const to = Math.max(0, Math.min(this.cards.length - 1, plan.at + steps[key]));
    if (this.selection.anchor === null) this.selection.settle(plan.at);
    this.selection.range(this.cards, to);
    this.goTo(to);
  }

  // First the images in sight, then the whole queue as it is filtered, as far as the server goes.
  async all() {
    const { review } = this;
    const { deck } = review;
    const open = this.onPage().filter((card) => card.status === card.entered);
    if (!this.selection.hasAll(open)) {
      this.selection.add(open);
      return this.show();
    }
    review.view.note("Looking for the rest of the queue…", "info");
    const found = await deck.everything();
    if (deck !== review.deck) return undefined; // another queue was opened meanwhile
    review.view.note(found ? "" : "The rest of the queue did not arrive; try again.", "warn");
    this.selection.add(found ?? []);
    return this.show();
  }

  decide(what, classId) {
    const { review } = this;
    const targets = this.targets();
    if (!targets.length) return;
    if (!this.selection.size) {
      review.plan.decide(...review.decision(targets[0], what, classId));
      review.runner.pump();
      return;
    }
    const items = targets.map((card) => {
      const [action, chosen] = review.decision(card, what, classId);
      return { card, action, classId: chosen };
    });
    this.bulk.ask(what, items, (left) => this.apply(left));
  }

  apply(items) {
    const { review } = this;
    const seconds = (performance.now() - this.shownAt) / 1000 / items.length;
    this.shownAt = performance.now();
    this.selection.clear();
    review.plan.make({ at: review.plan.at, items, seconds: Math.min(seconds, 86400) });
    review.runner.pump();
  }

  // After a save: on to the next grid once nothing is left to decide on this one.
  afterSave() {
    const { deck, plan, prefs } = this.review;
    if (!prefs.get("advance") || plan.steps.length) return;
    const start = this.grid.page(deck.at);
    const here = deck.cards.slice(start, start + CELLS);
    const open = (card) => card.status === card.entered;
    if (here.some(open)) return;
    const next = deck.cards.findIndex((card, at) => at >= start + CELLS && open(card));
    deck.at = next < 0 ? deck.cards.length : next;
    plan.at = deck.at;
  }
}
