// The line above the images: how much is done, how much is left, how fast it goes.

class Head {
  constructor(view) {
    this.view = view;
    this.stamps = [];
  }

  // The server's counts; what is decided from here on is added to them.
  set(progress) {
    this.progress = progress;
    this.decided = 0;
  }

  add(decided) {
    this.decided += decided;
    for (let n = 0; n < Math.min(decided, 30); n += 1) this.stamps.push(performance.now());
    this.stamps = this.stamps.slice(-30);
  }

  show(prefs, mode) {
    const done = this.progress.decided + this.decided;
    const issues = Math.max(0, this.progress.issues - this.decided);
    const left = issues || Math.max(0, this.progress.pending - this.decided);
    const { view } = this;
    view.$("done").textContent = `${done.toLocaleString("en")} decided`;
    const rest = this.progress.allIssues ? " less suspicious left" : " left, most suspicious first";
    view.$("left").textContent = left.toLocaleString("en") + (issues ? " suspicious left" : rest);
    const share = done + left ? Math.round((100 * done) / (done + left)) : 0;
    view.$("fill").style.width = `${share}%`;
    view.$("fill").parentElement.setAttribute("aria-valuenow", share);
    view.$("order").textContent = prefs.get("fixedOrder") ? "Digits: fixed order" : "Digits: by likelihood";
    view.$("advance").textContent = prefs.get("advance") ? "Goes on" : "Stays";
    view.$("mode").textContent = mode === "grid" ? "One image" : "Grid";
    view.$("speed").textContent = this.pace(left);
  }

  pace(left) {
    const perHour = this.speed();
    if (!perHour || !left) return "";
    const minutes = Math.ceil((60 * left) / perHour);
    const time = minutes > 120 ? `${Math.round(minutes / 60)} h` : `${minutes} min`;
    return `${perHour.toLocaleString("en")} per hour · about ${time} left`;
  }

  speed() {
    if (this.stamps.length < 5) return 0;
    const hours = (this.stamps.at(-1) - this.stamps[0]) / 3.6e6;
    return hours > 0 ? Math.round((this.stamps.length - 1) / hours) : 0;
  }
}
