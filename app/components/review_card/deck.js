// The cards in their order, and the one that is shown.

const PRELOAD = 6;
const KEPT_IMAGES = 60;
const AHEAD = { card: { refill: 20, batch: 50 }, grid: { refill: 180, batch: 120 } };

class Deck {
  constructor(data) {
    this.api = data.api;
    this.runId = data.runId;
    this.queue = data.queue;
    this.cards = [];
    this.at = 0;
    this.done = []; // what was decided here, in order: what undo walks back
    this.undone = []; // what was taken back: what redo gives again
    this.mode = "card";
    this.exhausted = false;
    this.filling = null;
    this.images = new Map();
    this.append(data.candidates);
  }

  get card() {
    return this.cards[this.at];
  }

  append(candidates) {
    const waiting = new Set(this.cards.map((card) => card.id));
    const fresh = candidates.filter((candidate) => !waiting.has(candidate.id));
    this.cards.push(...fresh.map((candidate) => ({ ...candidate, entered: candidate.status })));
    return fresh.length;
  }

  // Under this name the ledger keeps from which queue a decision came.
  get name() {
    return this.queue.kind ?? "worst_first";
  }

  get skipped() {
    return [...new Set(this.cards.filter((card) => card.status === "skipped"))];
  }

  // Skipped cards come back once everything else is done and the reviewer asks for them.
  replaySkipped() {
    this.at = this.cards.length;
    this.cards.push(...this.skipped);
  }

  needsMore(reached) {
    return !this.exhausted && this.cards.length - reached <= AHEAD[this.mode].refill;
  }

  // Appends the next cards; returns the counts of the review, or null when there was no answer.
  async refill() {
    const query = new URLSearchParams({ ...this.queue, run_id: this.runId, limit: AHEAD[this.mode].batch });
    const last = this.lastInOrder();
    if (last) query.set("after", last.id);
    this.filling = fetch(`${this.api}/queue?${query}`, { credentials: "same-origin" });
    try {
      const response = await this.filling;
      if (!response.ok) return null;
      const { candidates, progress } = await response.json();
      const more = candidates.some((candidate) => this.inOrder(candidate.status));
      this.exhausted = this.append(candidates) === 0 && !more;
      return progress;
    } catch {
      return null; // the next card asks again
    } finally {
      this.filling = null;
    }
  }

  // Skipped cards of earlier visits follow after all others, each time from their beginning; in a
  // queue of nothing but skipped ones they have their order.
  inOrder(status) {
    return status !== "skipped" || this.queue.status === "skipped";
  }

  lastInOrder() {
    return this.cards.findLast((card) => this.inOrder(card.entered));
  }

  thumb(sample) {
    return `${this.api}/samples/${sample.id}/thumb?v=${sample.sha}`;
  }

  preview(sample) {
    return `${this.api}/samples/${sample.id}/preview?v=${sample.sha}`;
  }

  // Loads the images that come next: a few large ones, or the thumbnails of the next grid.
  preload() {
    const grid = this.mode === "grid";
    const from = grid ? CELLS * Math.floor(this.at / CELLS) : this.at;
    const number = grid ? 2 * CELLS : 1 + PRELOAD;
    for (const card of this.cards.slice(from, from + number)) {
      const source = grid ? this.thumb(card) : this.preview(card);
      if (this.images.has(source)) continue;
      const image = new Image();
      image.src = source;
      this.images.set(source, image);
    }
    const most = grid ? 4 * CELLS : KEPT_IMAGES;
    if (this.images.size > most) {
      for (const source of [...this.images.keys()].slice(0, this.images.size - most)) this.images.delete(source);
    }
  }
}
