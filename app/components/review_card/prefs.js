// What a reviewer chose in this browser: keys and switches. Lost with the browser's data, and no harm.

const DEFAULTS = { keys: {}, fixedOrder: false, advance: true, mode: "card", compare: false, history: false };

class Prefs {
  constructor(reviewer) {
    this.open(reviewer);
  }

  open(reviewer) {
    if (this.place === `turn-review:${reviewer}`) return;
    this.place = `turn-review:${reviewer}`;
    this.values = { ...DEFAULTS, ...this.read() };
  }

  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.place) ?? "{}");
      return kept && typeof kept === "object" ? kept : {};
    } catch {
      return {}; // a full, forbidden or damaged storage: the defaults serve
    }
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    try {
      localStorage.setItem(this.place, JSON.stringify(this.values));
    } catch {
      // it holds for this visit
    }
  }
}
