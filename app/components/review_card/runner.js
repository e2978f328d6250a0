// Carries steps out, one after the other: the next card appears once the server has saved the one
// before. An undo is a decision too; a redo decides again as before.

// What is told of a vote, where several reviewers vote on a card.
const VOTE_TEXT = {
  waiting: "Vote saved", agreed: "Vote saved, all agree", disputed: "Vote saved, reviewers disagree",
};

class Runner {
  constructor(review, overlays) {
    this.review = review;
    this.overlays = overlays;
    this.saver = new Saver(() => ({ api: review.data.api, reviewer: review.data.reviewer }));
    this.running = false;
    this.retrying = false;
  }

  async pump() {
    if (this.running) return;
    this.running = true;
    try {
      const next = () => this.review.plan.next();
      for (let step = next(); step; step = next()) await this.perform(step);
    } finally {
      this.running = false;
    }
  }

  async perform(step) {
    const { deck, plan, view } = this.review;
    if (step.kind === "move") {
      deck.at = step.to;
      this.review.show();
      return;
    }
    const started = performance.now();
    view.save("Saving…", "saving");
    try {
      const told = await this.carryOut(step, deck);
      if (deck !== this.review.deck) return view.save("Saved", "saved"); // another queue was opened
      this.settle(step, deck, plan, told, performance.now() - started);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      plan.clear();
      view.save("Not saved", "failed");
      view.note(error.message, "warn");
    } finally {
      this.retrying = false;
    }
  }

  async carryOut(step, deck) {
    if (step.entry.items) return this.batch(step, deck);
    const card = deck.cards[step.entry.at];
    const action = step.kind === "undo" ? "undo" : step.entry.action;
    const result = await this.decide(card, action, step.entry.classId);
    return { theirs: result.outcome === "conflict", decided: take(card, result), vote: result.vote };
  }

  // All of a batch, or its undo or redo. What somebody else decided meanwhile stays as it is.
  async batch({ kind, entry }, deck) {
    const key = newKey();
    const path = kind === "make" ? "decisions" : `batches/${entry.key}/${kind}`;
    const body = kind === "make" ? { batch: key, decisions: this.decisions(entry, deck) } : { key };
    const answer = await this.saver.post(path, body, (attempt) => this.retry(attempt));
    entry.key = key;
    const cards = new Map(entry.items.map(({ card }) => [card.id, card]));
    let decided = 0;
    for (const result of answer.results) decided += take(cards.get(result.id), result);
    deck.tell(answer.results);
    const left = answer.results.filter((result) => result.outcome === "conflict").length;
    const number = answer.results.length - left;
    return { decided, left, number, theirs: number === 0 };
  }

  decisions({ items, seconds }, deck) {
    return items.map(({ card, action, classId }) => ({
      id: card.id, version: card.version, action, class: classId, key: `in batch ${card.id}`,
      run: this.review.data.runId, queue: card.queue ?? deck.name, seconds,
    }));
  }

  async decide(card, action, classId) {
    const seconds = card.shownAt ? (performance.now() - card.shownAt) / 1000 : null;
    const request = {
      id: card.id, version: card.version, action, class: classId ?? null,
      key: action === "undo" ? newKey() : (card.key ?? newKey()),
      run: this.review.data.runId, queue: card.queue ?? this.review.deck.name, seconds: action === "undo" ? null : Math.min(seconds ?? 0, 86400),
    };
    for (;;) {
      const result = await this.saver.save(request, (attempt) => this.retry(attempt));
      if (result.outcome !== "conflict") return result;
      this.retrying = false;
      this.review.view.save("Conflict", "conflict");
      const choice = await askConflict(this.overlays, this.review.view, result, { action, classId });
      if (choice === "theirs") return result;
      Object.assign(request, { version: result.version, key: newKey() });
    }
  }

  retry(attempt) {
    this.retrying = true;
    this.review.view.save(`Not saved, retrying (${attempt})`, "retrying");
  }

  settle(step, deck, plan, told, milliseconds) {
    const [from, to] = step.kind === "undo" ? [deck.done, deck.undone] : [deck.undone, deck.done];
    if (step.kind !== "make") from.pop();
    else deck.undone = [];
    to.push(step.entry);
    if (told.theirs) plan.forget(step.entry);
    deck.at = step.to;
    const back = step.kind === "undo" && told.vote; // also where that made the others agree
    const one = back ? "Vote taken back" : (VOTE_TEXT[told.vote] ?? "Saved");
    const done = told.number === undefined ? one : `${amount(told.number, "image")} saved`;
    const text = told.theirs ? "Left as saved" : `${done} · ${Math.round(milliseconds)} ms`;
    this.review.view.save(text, "saved");
    this.review.settled(told.decided);
    if (told.left) {
      const others = told.left === 1 ? "1 image was" : `${told.left.toLocaleString("en")} images were`;
      this.review.view.note(`${others} decided by somebody else meanwhile, and stays as it is.`, "warn");
    }
  }
}

// Puts what became of a decision on its card; returns by how much the decided ones grew.
function take(card, result) {
  const before = card.status === "pending";
  const { version, status, current, vote } = result;
  Object.assign(card, { version, status, current, vote, key: null });
  return before - (card.status === "pending");
}
