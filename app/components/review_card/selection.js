// Which images are selected, and the place from which a range goes on.

class Selection {
  constructor() {
    this.clear();
  }

  clear() {
    this.cards = new Map(); // by id
    this.settle(null);
  }

  get size() {
    return this.cards.size;
  }

  has(card) {
    return this.cards.has(card.id);
  }

  toggle(cards, at) {
    const card = cards[at];
    if (!this.cards.delete(card.id)) this.add([card]);
    this.settle(at);
  }

  // Selects from the anchor to here; an earlier range from the same anchor gives way.
  range(cards, at) {
    if (this.anchor === null) this.settle(at);
    for (const card of this.ranged) this.cards.delete(card.id);
    const [from, to] = [Math.min(this.anchor, at), Math.max(this.anchor, at)];
    this.ranged = cards.slice(from, to + 1).filter((card) => !this.has(card));
    this.add(this.ranged);
  }

  // The next range starts here, and keeps what is selected now.
  settle(at) {
    this.anchor = at;
    this.ranged = [];
  }

  add(cards) {
    for (const card of cards) this.cards.set(card.id, card);
  }

  hasAll(cards) {
    return cards.length > 0 && cards.every((card) => this.has(card));
  }
}
