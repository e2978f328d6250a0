// Which images are selected, by their ids, and the place from which a range goes on.

class Selection {
  constructor() {
    this.clear();
  }

  clear() {
    this.ids = new Set();
    this.anchor = null;
  }

  get size() {
    return this.ids.size;
  }

  has(card) {
    return this.ids.has(card.id);
  }

  toggle(cards, at) {
    const { id } = cards[at];
    if (!this.ids.delete(id)) this.ids.add(id);
    this.anchor = at;
  }

  // Selects from the anchor to here; an earlier range from the same anchor gives way.
  range(cards, at) {
    if (this.anchor === null) this.anchor = at;
    for (const id of this.ranged ?? []) this.ids.delete(id);
    const [from, to] = [Math.min(this.anchor, at), Math.max(this.anchor, at)];
    this.ranged = cards.slice(from, to + 1).map((card) => card.id);
    for (const id of this.ranged) this.ids.add(id);
  }

  // The next range keeps what is selected now.
  settle(at) {
    this.anchor = at;
    this.ranged = null;
  }

  add(cards) {
    for (const card of cards) this.ids.add(card.id);
  }

  hasAll(cards) {
    return cards.length > 0 && cards.every((card) => this.ids.has(card.id));
  }

  of(cards) {
    const seen = new Set();
    return cards.flatMap((card, at) => {
      if (!this.ids.has(card.id) || seen.has(card.id)) return [];
      seen.add(card.id);
      return [{ card, at }];
    });
  }
}
