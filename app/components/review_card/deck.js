// The cards in their order, and the one that is shown.

const PRELOAD = 6;
const KEPT_IMAGES = 60;
const AHEAD = { card: { refill: 20, batch: 50 }, grid: { refill: 119, batch: 60 } };

class Deck {
  constructor(data) {
    this.api = data.api;
    this.runId = data.runId;
    this.queue = data.queue;
    this.cards = [];
    this.told = new Map(); // versions by sample id
    this.at = 0;
    this.done = []; // what was decided here, in order: what undo walks back
    this.undone = []; // what was taken back: what redo gives again
    this.mode = "card";
    this.exhausted = false;
    this.filling = null;
    this.images = new Map();
    this.take(data.candidates);
  }

  get card() {
    return this.cards[this.at];
  }

  append(candidates) {
    const waiting = new Set(this.cards.map((card) => card.id));
    const stale = (candidate) => this.told.get(candidate.id) > candidate.version;
    const fresh = candidates.filter((candidate) => !waiting.has(candidate.id) && !stale(candidate));
    this.cards.push(...fresh.map((candidate) => ({ ...candidate, entered: candidate.status })));
    return fresh.length;
  }

  // Under this name the ledger keeps from which queue a decision came.
  get name() {
    return this.queue.kind ?? "worst_first";
  }

  // What became of samples that may have been decided before their cards were here, or while their
  // cards were on the way.
  tell(results) {
    const cards = new Map(this.cards.map((card) => [card.id, card]));
    for (const { id, version, status, current } of results) {
      this.told.set(id, version);
      if (status === "pending") this.exhausted = false; // an undo may bring back cards that are not here
      Object.assign(cards.get(id) ?? {}, { version, status, current });
    }
  }

  get skipped() {
    return [...new Set(this.cards.filter((card) => card.status === "skipped"))];
  }

  // Skipped cards come back once everything else is done and the reviewer asks for them.
  replaySkipped() {
    this.at = this.cards.length;
    this.cards.push(...this.skipped);
  }

  // A card wants some more ahead; a grid itself and the next one.
  needsMore(reached) {
    const from = this.mode === "grid" ? CELLS * Math.floor(reached / CELLS) : reached;
    return !this.exhausted && this.cards.length - from <= AHEAD[this.mode].refill;
  }

  // Appends the next cards; returns the counts of the review, or null when there was no answer.
  async refill() {
    const query = new URLSearchParams({ ...this.queue, run_id: this.runId, limit: AHEAD[this.mode].batch });
    if (this.after !== undefined) query.set("after", this.after);
    this.filling = fetch(`${this.api}/queue?${query}`, { credentials: "same-origin" });
    try {
      const response = await this.filling;
      if (!response.ok) return null;
      const { candidates, progress } = await response.json();
      this.take(candidates);
      return progress;
    } catch {
      return null; // the next card asks again
    } finally {
      this.filling = null;
    }
  }

  // The queue goes on behind the last one that came. Skipped cards of earlier visits follow after all
  // others, each time from their beginning; in a queue of nothing but skipped ones they have their order.
  take(candidates) {
    const ordered = candidates.filter(({ status }) => status !== "skipped" || this.queue.status === "skipped");
    this.after = ordered.at(-1)?.id ?? this.after;
    this.exhausted = this.append(candidates) === 0 && !ordered.length;
  }

  // All samples of the queue, those that are not loaded with what a decision on many needs; null
  // when there was no answer.
  async everything() {
    const query = new URLSearchParams({ ...this.queue, run_id: this.runId });
    const response = await fetch(`${this.api}/queue/selection?${query}`, { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok) return null;
    const { columns, samples } = await response.json();
    const loaded = new Map(this.cards.map((card) => [card.id, card]));
    const at = Object.fromEntries(columns.map((name, index) => [name, index]));
    return samples.map((row) => loaded.get(row[at.sample_id]) ?? {
      id: row[at.sample_id], name: `image ${row[at.sample_id]}`, sha: "", version: row[at.version],
      given: row[at.current_class_id], current: row[at.current_class_id], status: "pending", entered: "pending",
      suggested: row[at.suggested_class_id], suggestedP: row[at.suggested_probability], top: [],
    });
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
