// The bar above the images: which queue is open, what narrows it, how much is left in each. Counts
// are asked for after decisions and now and then, never so often that they would slow the server.

const KINDS = [
  ["worst_first", "Worst first"], ["near_tau", "Near the cut"], ["duplicates", "Same image, two labels"],
  ["disagreement", "Reviewers disagree"], ["audit", "Random audit"],
];
const STATES = [
  ["", "Undecided"], ["needs_review", "Needs review"], ["skipped", "Skipped"],
  ["kept,relabeled", "Kept or relabeled"], ["excluded", "Excluded"],
];
const SOONEST_MS = 1500;
const IDLE_MS = 20000;
const BROWSING_MS = 700;

class Bar {
  constructor(review) {
    this.review = review;
    this.$ = (name) => review.view.$(`bar-${name}`);
    for (const name of ["kind", "pair", "label", "tag", "status"]) {
      const select = this.$(name);
      select.addEventListener("keydown", () => (this.keyAt = performance.now()));
      select.addEventListener("change", () => this.changed(name, select));
    }
    this.$("clear").addEventListener("click", () => review.openQueue({}));
    this.onSight = () => document.hidden || this.ask();
    document.addEventListener("visibilitychange", this.onSight);
    this.timer = setInterval(() => document.hidden || this.ask(), IDLE_MS);
    this.rest = 0;
  }

  stop() {
    document.removeEventListener("visibilitychange", this.onSight);
    clearInterval(this.timer);
    clearTimeout(this.wish);
    clearTimeout(this.soon);
  }

  // A queue was opened: its filters are shown, its counts asked for.
  open(data) {
    this.query = data.queue;
    this.counts = null;
    this.draw();
    this.ask();
  }

  // After a save: once, a moment later.
  later() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.ask(), Math.max(SOONEST_MS, this.rest));
  }

  async ask() {
    const { data } = this.review;
    const started = performance.now();
    const query = new URLSearchParams({ ...data.queue, run_id: data.runId });
    const response = await fetch(`${data.api}/queue/counts?${query}`, { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok || data.queueKey !== this.review.data.queueKey) return;
    this.counts = await response.json();
    this.rest = Math.min(IDLE_MS, 20 * (performance.now() - started));
    this.draw();
  }

  // Arrows on a closed list pass from one choice to the next: the one that is stayed on counts.
  changed(name, select) {
    clearTimeout(this.wish);
    const byKey = performance.now() - (this.keyAt ?? -1000) < 100;
    this.wish = setTimeout(() => this.choose(name, select.value), byKey ? BROWSING_MS : 0);
  }

  choose(name, value) {
    const query = { ...this.query };
    const set = (key, to) => (to ? (query[key] = to) : delete query[key]);
    if (name === "pair") {
      const [given, suggested] = value.split(" ");
      set("given", given);
      set("suggested", suggested);
    } else set({ kind: "kind", label: "class_id", tag: "tag", status: "status" }[name], value);
    if (query.kind === "worst_first" || query.kind === "pair" || query.kind === "tag") delete query.kind;
    if (!query.kind && query.given && query.suggested) query.kind = "pair";
    else if (!query.kind && query.tag) query.kind = "tag";
    this.review.openQueue(query);
  }

  draw() {
    const { query, counts } = this;
    const shown = (number) => (number === undefined ? "" : ` · ${number.toLocaleString("en")}`);
    const kinds = KINDS.filter(([kind]) => this.offers(kind)).map(([kind, text]) => [kind, text + shown(this.left(kind))]);
    this.options("kind", kinds, KINDS.some(([kind]) => kind === query.kind) ? query.kind : "worst_first");
    this.options("pair", this.pairs(shown), query.given && query.suggested ? `${query.given} ${query.suggested}` : "");
    const classes = new Map(counts?.classes ?? []);
    const labels = this.review.data.classes.map(([id, name]) => [String(id), name + (counts ? shown(classes.get(id) ?? 0) : "")]);
    this.options("label", [["", "All labels"], ...labels], query.class_id ?? "");
    const tagged = new Map(counts?.tags ?? []);
    const tags = this.review.data.tags.map(([id, name]) => [String(id), name + (counts ? shown(tagged.get(id) ?? 0) : "")]);
    this.options("tag", [["", "All tags"], ...tags], query.tag ?? "");
    this.$("tag").hidden = !tags.length && !query.tag;
    const statuses = STATES.map(([status, text]) => [status, text + shown(this.withStatus(status))]);
    this.options("status", statuses, query.status ?? "");
    this.others(query);
    this.$("left").textContent = counts ? `${amount(counts.queue, "image")} in this queue` : "";
    const waits = counts?.disagreement && !this.review.data.settles;
    this.$("waits").hidden = !waits;
    this.$("waits").textContent = waits ? `Reviewers disagree on ${amount(counts.disagreement, "image")}: an owner settles that.` : "";
  }

  others(query) {
    const texts = [];
    if (query.low || query.high) texts.push(`clean probability ${query.low ?? 0} – ${query.high ?? 1}`);
    if (query.confidence) texts.push(`suggestion at least ${percent(Number(query.confidence))}`);
    const range = texts.join(", ");
    this.$("range").textContent = range;
    this.$("range").hidden = !range;
    this.$("clear").hidden = !Object.keys(query).length;
  }

  // Where one reviewer decides each image there is nothing to disagree on; else an owner settles it.
  offers(kind) {
    if (kind === (this.query.kind ?? "")) return true;
    return kind === "disagreement" ? this.review.data.settles && this.left(kind) > 0 : kind !== "audit" || this.left(kind) !== undefined;
  }

  left(kind) {
    const { counts } = this;
    if (!counts) return undefined;
    const found = { worst_first: counts.total[0], near_tau: counts.nearTau, duplicates: counts.duplicates };
    return found[kind] ?? counts[kind];
  }

  withStatus(status) {
    if (!this.counts) return undefined;
    if (!status) return undefined;
    return status.split(",").reduce((sum, one) => sum + (this.counts.byStatus[one] ?? 0), 0);
  }

  pairs(shown) {
    const { view } = this.review;
    const { given, suggested } = this.query;
    const pairs = (this.counts?.pairs ?? []).map(([from, to, left]) => [`${from} ${to}`, `${view.name(from)} → ${view.name(to)}${shown(left)}`]);
    const own = `${given} ${suggested}`;
    if (given && suggested && !pairs.some(([value]) => value === own)) {
      pairs.unshift([own, `${view.name(Number(given))} → ${view.name(Number(suggested))}`]);
    }
    return [["", "All pairs"], ...pairs];
  }

  // An open list is left alone: it would close under the pointer.
  options(name, wanted, value) {
    const select = this.$(name);
    if (this.review.root.getRootNode().activeElement === select && select.value === value) return;
    const drawn = JSON.stringify([wanted, value]);
    if (select.drawn === drawn) return;
    select.drawn = drawn;
    select.replaceChildren(...wanted.map(([key, text]) => new Option(text, key)));
    select.value = value;
    select.classList.toggle("on", Boolean(value) && value !== "worst_first");
  }
}
