// The review card: keys and buttons make steps, steps are carried out one after the other, and the
// next card appears once the server has saved the one before.

class Review {
  constructor(component) {
    this.root = component.parentElement.querySelector(".card");
    this.data = component.data;
    this.view = new View(this.root);
    this.head = new Head(this.view);
    this.prefs = new Prefs(component.data.reviewer);
    this.keymap = new Keymap(this.prefs);
    this.overlays = new Overlays(this.root);
    this.sheet = new Sheet(this.view.$("sheet"), this.keymap, this.overlays, () => this.view.hints(this.keymap));
    this.picker = new Picker(this.root, (classId) => this.press("class", classId));
    this.picker.likely = () => this.deck.card?.top.map(([id]) => id) ?? [];
    this.gridMode = new GridMode(this);
    this.bar = new Bar(this);
    this.closer = new Closer(this.root, this.view, this.prefs);
    this.runner = new Runner(this, this.overlays);
    this.keys = new Keys(this.root, this.keymap, this.overlays, {
      mode: () => this.mode,
      onCommand: (command, event) => this.command(command.id, command.digit, event),
    });
    this.onLeave = (event) => (this.runner.running ? event.preventDefault() : undefined);
    this.onOnline = () => this.runner.saver.wake();
    this.onGone = () => send(`${this.data.api}/claims/release`, {}).catch(() => {}); // cards for others
    window.addEventListener("pagehide", this.onGone);
    window.addEventListener("beforeunload", this.onLeave);
    window.addEventListener("online", this.onOnline);
    this.root.addEventListener("click", (event) => this.click(event));
    this.setMode(this.prefs.get("mode") === "grid" ? "grid" : "card");
  }

  unmount() {
    this.runner.saver.stop();
    this.keys.stop();
    this.gridMode.grid.stop();
    this.bar.stop();
    this.onGone();
    window.removeEventListener("pagehide", this.onGone);
    window.removeEventListener("beforeunload", this.onLeave);
    window.removeEventListener("online", this.onOnline);
  }

  update(component) {
    this.component = component;
    const { data } = component;
    const fresh = this.deck === undefined || this.data.queueKey !== data.queueKey;
    this.data = data;
    this.view.names = new Map(data.classes);
    this.view.fallbacks = data.fallbacks;
    this.picker.set(data.classes);
    this.prefs.open(data.reviewer);
    this.view.hints(this.keymap);
    if (fresh) this.open();
  }

  // Starts the queue that the data brought.
  open() {
    this.deck = new Deck(this.data);
    this.plan = new Plan(this.deck, () => this.prefs.get("advance"));
    this.later = []; // keys pressed before the cards that they are meant for have arrived
    this.gridMode.selection.clear();
    this.head.set(this.data.progress);
    this.deck.mode = this.mode;
    this.root.dataset.saved = 0;
    this.view.save("", "idle");
    this.show();
    this.bar.open(this.data);
    this.root.focus({ preventScroll: true });
  }

  // Asks for another queue, as the query parameters that describe it.
  openQueue(query) {
    this.view.save("Opening…", "saving");
    this.component.setTriggerValue("queue", query);
  }

  show() {
    const { card } = this.deck;
    const grid = this.mode === "grid";
    this.root.dataset.mode = this.mode;
    this.root.querySelector(".js-body").hidden = !card || grid;
    this.view.$("grid").hidden = !card || !grid;
    this.view.$("finish").hidden = Boolean(card);
    this.head.show(this.prefs, this.mode);
    this.fill();
    this.view.note("");
    if (!card) {
      this.root.dataset.sample = "";
      showFinish(this.view.$("finish"), this.finish());
      return;
    }
    card.key ??= newKey(); // made when the card is shown: a double click or a retry is one decision
    card.shownAt = performance.now();
    if (grid) this.gridMode.show();
    else this.showCard(card);
    this.root.dataset.sample = card.id;
    this.root.dataset.position = this.deck.at;
    this.deck.preload();
  }

  showCard(card) {
    this.view.show(card, this.deck, this.choices(card));
    this.closer.show(card, this.deck, this.data.tau);
    const ranked = this.data.progress.allIssues > 0 && card.queue === "worst_first"; // not a random one
    const past = ranked && card.clean > this.data.tau && card.status === "pending";
    if (past) this.view.note("From here on the labels look right. You can stop, train the next round, or go on.", "info");
  }

  // One image at a time, or a grid; the class search goes along.
  setMode(mode) {
    this.mode = mode;
    this.prefs.set("mode", mode);
    this.view.$(mode === "grid" ? "grid-search" : "card-search").append(this.view.$("picker"));
    this.gridMode.shownAt = performance.now();
    if (!this.deck) return;
    this.deck.mode = mode;
    this.runner.pump();
    this.show();
  }

  settled(decided) {
    this.head.add(decided);
    this.root.dataset.saved = Number(this.root.dataset.saved) + 1;
    if (this.mode === "grid") this.gridMode.afterSave();
    this.bar.later();
    this.show();
  }

  finish() {
    return {
      total: this.deck.cards.length,
      skipped: this.deck.skipped.length,
      loading: !this.deck.exhausted,
      onSkipped: () => {
        this.deck.replaySkipped();
        this.plan.clear();
        this.show();
      },
      onGo: (page) => this.component.setTriggerValue("go", page),
    };
  }

  // Gets more cards in the background when few are left ahead of the card or of the keys.
  async fill() {
    const { deck } = this;
    const waiting = !deck.card;
    const reached = Math.max(deck.at, this.plan.at);
    if (deck.filling || !deck.needsMore(reached)) {
      if (waiting) showFinish(this.view.$("finish"), this.finish());
      return;
    }
    const progress = await deck.refill();
    if (deck !== this.deck) return; // another queue was opened meanwhile
    if (!progress) setTimeout(() => this.root.isConnected && this.fill(), 3000);
    const later = this.later.splice(0);
    if (progress) for (const press of later) press();
    else if (later.length) this.view.note("The next images did not arrive; some keys were not used.", "warn");
    if (progress && !this.runner.running) {
      this.head.set(progress);
      this.head.show(this.prefs, this.mode);
    }
    if (waiting && deck.card) this.show();
    else if (deck.card && this.mode === "grid") {
      this.gridMode.show();
      deck.preload();
    } else if (waiting) showFinish(this.view.$("finish"), this.finish());
  }

  choices(card) {
    const byName = this.data.classes.map(([id]) => id);
    if (this.prefs.get("fixedOrder")) return byName.slice(0, 9);
    const likely = card.top.map(([classId]) => classId);
    return [...likely, ...byName.slice(0, 9 + likely.length).filter((id) => !likely.includes(id))].slice(0, 9);
  }

  // --- from a key or a click to a step -------------------------------------------------------

  click(event) {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    const { do: what, class: classId } = button.dataset;
    if (what === "class") this.press(what, Number(classId));
    else this.command(what);
    if (event.detail && !this.overlays.top) this.root.focus({ preventScroll: true });
  }

  // Carries out a command of the map; false says that it was none of ours.
  command(id, digit, event) {
    if (this.mode === "grid" && this.gridMode.command(id, event)) return true;
    if (id === "help") this.sheet.toggle();
    else if (id === "order") this.turn("fixedOrder");
    else if (id === "advance") this.turn("advance");
    else if (id === "grid") this.setMode(this.mode === "grid" ? "card" : "grid");
    else if (id === "close") return false;
    else if (id === "compare" || id === "history") this.turn(id);
    else if (id === "fit") this.closer.zoom.reset();
    else if (id === "zoomIn") this.closer.zoom.by(ZOOM_STEP);
    else if (id === "zoomOut") this.closer.zoom.by(1 / ZOOM_STEP);
    else if (id === "search") this.deck.card && this.picker.open();
    else if (id === "digit") this.pressDigit(digit);
    else this.press(id);
    return true;
  }

  turn(name) {
    this.prefs.set(name, !this.prefs.get(name));
    if (this.deck.card && this.mode === "grid") this.gridMode.chips();
    else if (this.deck.card) this.showCard(this.deck.card);
    this.head.show(this.prefs, this.mode);
  }

  pressDigit(digit) {
    if (this.tooEarly(() => this.pressDigit(digit))) return;
    const choices = this.mode === "grid" ? this.gridMode.choices() : this.plan.card && this.choices(this.plan.card);
    const classId = choices?.[digit - 1];
    if (classId !== undefined) this.press("class", classId);
  }

  tooEarly(press) {
    if (this.plan.card || this.deck.exhausted) return false;
    this.later.push(press);
    this.fill();
    return true;
  }

  press(what, classId) {
    if (this.runner.retrying) {
      this.view.note("The decision before is not saved yet; wait a moment.", "warn");
      return;
    }
    if (this.tooEarly(() => this.press(what, classId))) return;
    const { plan } = this;
    if (what === "left") plan.move(-1);
    else if (what === "right") plan.move(1);
    else if (what === "undo") plan.undo() || this.view.note("Nothing to undo here.", "info");
    else if (what === "redo") plan.redo() || this.view.note("Nothing to redo.", "info");
    else if (this.mode === "grid") this.gridMode.decide(what, classId);
    else if (plan.card) plan.decide(...this.decision(plan.card, what, classId));
    this.runner.pump();
  }

  decision(card, what, classId) {
    const chosen = what === "accept" ? card.suggested : classId;
    if (what !== "accept" && what !== "class") return [what, null];
    return chosen === card.given ? ["keep", null] : ["relabel", chosen];
  }
}

export default function (component) {
  const host = component.parentElement;
  if (!host.turnReview) host.turnReview = new Review(component);
  host.turnReview.update(component);
  return () => {
    host.turnReview?.unmount();
    delete host.turnReview;
  };
}
