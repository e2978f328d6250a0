// The review card: keys and buttons make steps, steps are carried out one after the other, and the
// next card appears once the server has saved the one before.

const IGNORED_INPUTS = ["checkbox", "radio", "range", "button", "submit"];
const DECISIONS = { q: "keep", w: "accept", e: "exclude", n: "needs_review", s: "skip" };

class Review {
  constructor(component) {
    this.root = component.parentElement.querySelector(".card");
    this.view = new View(this.root);
    this.picker = new Picker(this.root, (classId) => this.press("class", classId));
    this.saver = new Saver(() => ({ api: this.data.api, reviewer: this.data.reviewer }));
    this.stamps = [];
    this.fixedOrder = localStorage.getItem("turn-fixed-order") === "1";
    this.onKey = (event) => this.key(event);
    this.onLeave = (event) => (this.running ? event.preventDefault() : undefined);
    this.onOnline = () => this.saver.wake();
    document.addEventListener("keydown", this.onKey, true);
    window.addEventListener("beforeunload", this.onLeave);
    window.addEventListener("online", this.onOnline);
    this.root.addEventListener("click", (event) => this.click(event));
    this.view.$("help").addEventListener("click", () => this.toggleHelp());
    this.view.$("order").addEventListener("click", () => this.toggleOrder());
  }

  unmount() {
    this.saver.stop();
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("beforeunload", this.onLeave);
    window.removeEventListener("online", this.onOnline);
  }

  update(component) {
    this.component = component;
    const { data } = component;
    const fresh = this.data?.queueKey !== data.queueKey;
    this.data = data;
    this.view.names = new Map(data.classes.map(([id, name]) => [id, name]));
    this.view.fallbacks = data.fallbacks;
    this.picker.classes = data.classes.map(([id, name]) => ({ id, name }));
    if (!fresh) return;
    this.deck = new Deck(data);
    this.plan = new Plan(this.deck);
    this.later = []; // keys pressed before the cards that they are meant for have arrived
    this.progress = data.progress;
    this.saved = 0;
    this.root.dataset.saved = 0;
    this.view.save("", "idle");
    this.show();
    this.root.focus({ preventScroll: true });
  }

  show() {
    const { card } = this.deck;
    this.root.querySelector(".js-body").hidden = !card;
    this.view.$("finish").hidden = Boolean(card);
    this.head();
    this.fill();
    if (!card) {
      this.root.dataset.sample = "";
      this.view.note("");
      showFinish(this.view.$("finish"), this.finish());
      return;
    }
    card.key = newKey(); // made when the card is shown: a double click or a retry is one decision
    card.shownAt = performance.now();
    this.view.show(card, this.deck, this.choices(card));
    this.deck.preload();
    const past = this.progress.allIssues > 0 && card.clean > this.data.tau && card.status === "pending";
    this.view.note(past ? "From here on the labels look right. You can stop, train the next round, or go on." : "", "info");
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
    if (progress && !this.running) {
      this.progress = progress;
      this.saved = 0;
      this.head();
    }
    if (waiting && deck.card) this.show();
    else if (waiting) showFinish(this.view.$("finish"), this.finish());
  }

  choices(card) {
    const byName = [...this.data.classes].map(([id]) => id);
    if (this.fixedOrder) return byName.slice(0, 9);
    const likely = card.top.map(([classId]) => classId);
    return [...likely, ...byName.filter((id) => !likely.includes(id))].slice(0, 9);
  }

  head() {
    const done = this.progress.decided + this.saved;
    const issues = Math.max(0, this.progress.issues - this.saved);
    const left = issues || Math.max(0, this.progress.pending - this.saved);
    this.view.$("done").textContent = `${done.toLocaleString("en")} decided`;
    const rest = this.progress.allIssues ? " less suspicious left" : " left, most suspicious first";
    this.view.$("left").textContent = left.toLocaleString("en") + (issues ? " suspicious left" : rest);
    const share = done + left ? Math.round((100 * done) / (done + left)) : 0;
    this.view.$("fill").style.width = `${share}%`;
    this.view.$("fill").parentElement.setAttribute("aria-valuenow", share);
    this.view.$("order").textContent = this.fixedOrder ? "Digits: fixed order" : "Digits: by likelihood";
    const perHour = this.speed();
    const minutes = perHour ? Math.ceil((60 * left) / perHour) : 0;
    const time = minutes > 120 ? `${Math.round(minutes / 60)} h` : `${minutes} min`;
    this.view.$("speed").textContent = perHour && left ? `${perHour.toLocaleString("en")} per hour · about ${time} left` : "";
  }

  speed() {
    const recent = this.stamps.slice(-30);
    if (recent.length < 5) return 0;
    const hours = (recent.at(-1) - recent[0]) / 3.6e6;
    return hours > 0 ? Math.round((recent.length - 1) / hours) : 0;
  }

  // --- from a key or a click to a step -------------------------------------------------------

  key(event) {
    const target = event.composedPath()[0];
    const typing = target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName) ||
      (target.tagName === "INPUT" && !IGNORED_INPUTS.includes(target.type));
    if (typing || document.querySelector("[role=dialog]") || !this.root.isConnected) return;
    if (this.overlayKey(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey || (command && (key !== "z" || event.shiftKey))) return;
    if (event.repeat && key !== "ArrowLeft" && key !== "ArrowRight") return;
    if (!this.keyStep(command ? "undo" : key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  overlayKey(event) {
    const sheet = this.view.$("sheet");
    if (!sheet.hidden) {
      if (event.key === "Escape" || event.key === "?") this.toggleHelp();
      else return event.key !== "Tab" && event.key !== "Enter" && event.key !== " ";
      event.preventDefault();
      return true;
    }
    const conflict = this.view.$("conflict");
    if (conflict.hidden) return false;
    if (event.key === "Escape") conflict.onAnswer("theirs");
    return true;
  }

  keyStep(key) {
    if (key === "?") this.toggleHelp();
    else if (key === "/") this.deck.card && this.picker.open();
    else if (key === "undo") this.press("undo");
    else if (key === "ArrowLeft") this.press("left");
    else if (key === "ArrowRight") this.press("right");
    else if (DECISIONS[key]) this.press(DECISIONS[key]);
    else if (/^[1-9]$/.test(key)) this.pressDigit(Number(key));
    else return false;
    return true;
  }

  click(event) {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    this.press(button.dataset.do, button.dataset.class && Number(button.dataset.class));
    if (event.detail) this.root.focus({ preventScroll: true });
  }

  pressDigit(digit) {
    if (this.tooEarly(() => this.pressDigit(digit))) return;
    const classId = this.plan.card && this.choices(this.plan.card)[digit - 1];
    if (classId !== undefined) this.press("class", classId);
  }

  tooEarly(press) {
    if (this.plan.card || this.deck.exhausted) return false;
    this.later.push(press);
    this.fill();
    return true;
  }

  press(what, classId) {
    if (this.retrying) {
      this.view.note("The decision before is not saved yet; wait a moment.", "warn");
      return;
    }
    if (this.tooEarly(() => this.press(what, classId))) return;
    if (what === "left") this.plan.move(-1);
    else if (what === "right") this.plan.move(1);
    else if (what === "undo") {
      if (!this.plan.undo()) this.view.note("Nothing to undo here.", "info");
    } else if (this.plan.card) this.plan.decide(...this.decision(this.plan.card, what, classId));
    this.pump();
  }

  decision(card, what, classId) {
    const chosen = what === "accept" ? card.suggested : classId;
    if (what !== "accept" && what !== "class") return [what, null];
    return chosen === card.given ? ["keep", null] : ["relabel", chosen];
  }

  // --- carrying out --------------------------------------------------------------------------

  async pump() {
    if (this.running) return;
    this.running = true;
    try {
      for (let step = this.plan.next(); step; step = this.plan.next()) await this.perform(step);
    } finally {
      this.running = false;
    }
  }

  async perform(step) {
    if (step.kind === "move") {
      this.deck.at = step.at;
      this.show();
      return;
    }
    const { deck } = this;
    const card = deck.cards[step.at];
    const action = step.kind === "undo" ? "undo" : step.action;
    const started = performance.now();
    this.view.save("Saving…", "saving");
    try {
      const result = await this.save(card, action, step.classId);
      if (deck === this.deck) this.settle(step, card, result, performance.now() - started);
      else this.view.save("Saved", "saved"); // another queue was opened meanwhile: its cards stay
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.plan.clear();
      this.view.save("Not saved", "failed");
      this.view.note(error.message, "warn");
    } finally {
      this.retrying = false;
    }
  }

  async save(card, action, classId) {
    const seconds = card.shownAt ? (performance.now() - card.shownAt) / 1000 : null;
    const request = {
      id: card.id, version: card.version, action, class: classId ?? null,
      key: action === "undo" ? newKey() : (card.key ?? newKey()),
      run: this.data.runId, seconds: action === "undo" ? null : Math.min(seconds ?? 0, 86400),
    };
    for (;;) {
      const result = await this.saver.save(request, (attempt) => this.retry(attempt));
      if (result.outcome !== "conflict") return result;
      this.retrying = false;
      this.view.save("Conflict", "conflict");
      const mine = action === "relabel" ? `relabeled · ${this.view.name(classId)}` : action.replace("_", " ");
      const choice = await askConflict(this.view.$("conflict"), this.view, card, result, mine);
      if (choice === "theirs") return result;
      Object.assign(request, { version: result.version, key: newKey() });
    }
  }

  retry(attempt) {
    this.retrying = true;
    this.view.save(`Not saved, retrying (${attempt})`, "retrying");
  }

  settle(step, card, result, milliseconds) {
    const wasPending = card.status === "pending";
    Object.assign(card, { version: result.version, status: result.status, current: result.current, key: null });
    if (step.kind === "undo") {
      this.deck.done.pop();
      this.deck.at = step.at;
      if (!wasPending && card.status === "pending") this.saved -= 1;
    } else {
      this.deck.done.push(step.at);
      this.deck.at = step.at + 1;
      if (wasPending) this.saved += 1;
      this.stamps.push(performance.now());
    }
    const theirs = result.outcome === "conflict";
    this.view.save(theirs ? "Left as saved" : `Saved · ${Math.round(milliseconds)} ms`, "saved");
    this.root.dataset.saved = Number(this.root.dataset.saved) + 1;
    this.show();
  }

  toggleHelp() {
    const sheet = this.view.$("sheet");
    if (sheet.hidden) showHelp(sheet, () => this.toggleHelp());
    else {
      sheet.hidden = true;
      this.root.focus({ preventScroll: true });
    }
  }

  toggleOrder() {
    this.fixedOrder = !this.fixedOrder;
    localStorage.setItem("turn-fixed-order", this.fixedOrder ? "1" : "0");
    this.head();
    if (this.deck.card) this.view.classes(this.deck.card, this.choices(this.deck.card));
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
