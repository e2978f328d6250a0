// Keys pressed while a save is under way wait here. Each is bound, when it is pressed, to the card
// that will be current then; a key that would meet another card is dropped, never applied to it.
// An entry is one decision, or one batch of them: what undo and redo take back and give again.

class Plan {
  constructor(deck, advances) {
    this.deck = deck;
    this.advances = advances;
    this.clear();
  }

  clear() {
    this.steps = [];
    this.at = this.deck.at;
    this.done = [...this.deck.done];
    this.undone = [...this.deck.undone];
  }

  get card() {
    return this.deck.cards[this.at];
  }

  after(entry) {
    if (entry.items) return entry.at;
    return this.advances() ? entry.at + 1 : entry.at;
  }

  decide(action, classId) {
    this.make({ at: this.at, id: this.card.id, action, classId });
  }

  make(entry) {
    this.done.push(entry);
    this.undone = [];
    this.at = this.after(entry);
    this.steps.push({ kind: "make", entry, to: this.at });
  }

  move(delta) {
    this.goTo(this.at + delta);
  }

  goTo(place) {
    const to = Math.max(0, Math.min(this.deck.cards.length - 1, place));
    if (to === this.at) return;
    this.steps.push({ kind: "move", to });
    this.at = to;
  }

  undo() {
    return this.turn("undo", this.done, this.undone);
  }

  redo() {
    return this.turn("redo", this.undone, this.done);
  }

  turn(kind, from, to) {
    const entry = from.pop();
    if (!entry) return false;
    to.push(entry);
    this.at = kind === "undo" ? entry.at : this.after(entry);
    this.steps.push({ kind, entry, to: this.at });
    return true;
  }

  // The entry was not made after all: somebody else's decision stands.
  forget(entry) {
    for (const stack of [this.done, this.undone, this.deck.done, this.deck.undone]) {
      const place = stack.indexOf(entry);
      if (place >= 0) stack.splice(place, 1);
    }
  }

  next() {
    const step = this.steps.shift();
    if (!step?.entry || step.entry.items) return step;
    if (this.deck.cards[step.entry.at]?.id === step.entry.id) return step;
    this.forget(step.entry);
    return this.next();
  }
}
