// Images on which reviewers disagree, one at a time: who voted what, and the keys that settle it.

const PATIENCE_MS = 10000;

class Adjudication {
  constructor(component) {
    this.root = component.parentElement.querySelector(".adjudication");
    this.$ = (name) => this.root.querySelector(`.js-${name}`);
    this.at = 0;
    this.zoom = new Zoom(this.root.querySelector(".frame"), this.$("image"), (text) => {
      this.$("zoom").textContent = text;
    });
    this.listener = (event) => this.key(event);
    document.addEventListener("keydown", this.listener, true);
    this.root.addEventListener("click", (event) => this.click(event));
    this.$("other").addEventListener("change", () => {
      this.$("use").disabled = !this.$("other").value;
    });
  }

  stop() {
    document.removeEventListener("keydown", this.listener, true);
    clearTimeout(this.patience);
  }

  get item() {
    return this.data.conflicts[this.at];
  }

  // The image that was before the person stays, unless it is settled: then the next one takes its
  // place. One that was taken back is shown.
  update(component) {
    const { show } = component.data;
    const shown = show && show !== this.told ? show : this.data && this.item?.id;
    this.told = show;
    this.component = component;
    this.data = component.data;
    const place = this.data.conflicts.findIndex(({ id }) => id === shown);
    this.at = place >= 0 ? place : Math.min(this.at, this.data.conflicts.length - 1);
    this.wait(false);
    this.$("said").textContent = this.data.said;
    this.show();
  }

  show() {
    const { item } = this;
    if (!item) return;
    if (this.drawn !== item.id) {
      this.zoom.reset();
      this.shownAt = performance.now();
      item.key ??= newKey(); // made when the image is shown: a double click is one decision
      this.idemKey = item.key;
    }
    this.drawn = item.id;
    this.root.dataset.sample = item.id;
    this.$("place").textContent = `${(this.at + 1).toLocaleString("en")} of ${this.data.total.toLocaleString("en")}`;
    const image = this.$("image");
    if (image.getAttribute("src") !== item.src) image.src = item.src;
    image.alt = item.name;
    image.classList.toggle("tiny", item.tiny);
    this.$("name").textContent = item.name;
    this.$("name").title = item.name;
    this.$("facts").textContent = `given ${item.given}`;
    this.$("votes").replaceChildren(...item.votes.map((vote) => this.vote(vote)));
    this.$("choices").replaceChildren(...item.choices.map((choice, index) => this.choice(choice, index)));
    this.others(item);
    for (const [what, end] of [["left", 0], ["right", this.data.conflicts.length - 1]]) {
      this.root.querySelector(`[data-do=${what}]`).disabled = this.at === end;
    }
    const next = this.data.conflicts[this.at + 1];
    if (next) new Image().src = next.src;
  }

  vote({ who, text, note }) {
    const item = element("li");
    item.append(element("small", "", who), element("b", "", text), element("small", "", note));
    return item;
  }

  choice(choice, index) {
    const button = pushButton("", "", () => this.settle(choice));
    if (index < 9) button.append(element("kbd", "", String(index + 1)));
    button.append(element("span", "label", choice.text), element("span", "by", choice.by));
    if (choice.tag) button.append(element("span", "tag", choice.tag));
    const row = element("li");
    row.append(button);
    return row;
  }

  others(item) {
    const offered = new Set(item.choices.map((choice) => choice.class));
    const rest = this.data.classes.filter(([id]) => !offered.has(id));
    this.$("other").replaceChildren(new Option("Choose…", ""), ...rest.map(([id, name]) => new Option(name, id)));
    this.$("use").disabled = true;
    this.$("other").closest(".other").hidden = !rest.length;
  }

  classChoice(classId) {
    return classId === this.item.givenId ? { action: "keep", class: null } : { action: "relabel", class: classId };
  }

  settle(choice) {
    if (this.waiting || !this.item) return;
    const { id, version } = this.item;
    this.wait(true);
    this.component.setTriggerValue("settled", {
      sample: id, version, action: choice.action, class: choice.action === "relabel" ? choice.class : null,
      key: this.idemKey, seconds: Math.min((performance.now() - this.shownAt) / 1000, 86400),
    });
  }

  wait(on) {
    clearTimeout(this.patience);
    this.waiting = on;
    this.root.dataset.waiting = on;
    if (on) this.patience = setTimeout(() => this.wait(false), PATIENCE_MS);
  }

  move(by) {
    const to = this.at + by;
    if (to < 0 || to >= this.data.conflicts.length) return;
    this.at = to;
    this.show();
  }

  click(event) {
    const what = event.target.closest("[data-do]")?.dataset.do;
    if (what) this.command(what);
  }

  command(what) {
    if (what === "left" || what === "right") this.move(what === "left" ? -1 : 1);
    else if (what === "exclude") this.settle({ action: "exclude", class: null });
    else if (what === "other") this.settle(this.classChoice(Number(this.$("other").value)));
  }

  key(event) {
    const { ctrlKey, metaKey, altKey, repeat, key } = event;
    if (!this.root.isConnected || ctrlKey || metaKey || altKey || event.isComposing) return;
    if (isTyping(event.composedPath()[0]) || document.querySelector("[role=dialog]")) return;
    const choice = /^[1-9]$/.test(key) ? this.item?.choices[Number(key) - 1] : undefined;
    const command = { ArrowLeft: "left", ArrowRight: "right", e: "exclude", E: "exclude" }[key];
    if (choice && !repeat) this.settle(choice);
    else if (command && !(repeat && command === "exclude")) this.command(command);
    else if (key === "+" || key === "=") this.zoom.by(ZOOM_STEP);
    else if (key === "-") this.zoom.by(1 / ZOOM_STEP);
    else if (key === "0") this.zoom.reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default function (component) {
  const host = component.parentElement;
  host.turnAdjudication ??= new Adjudication(component);
  host.turnAdjudication.update(component);
  return () => {
    host.turnAdjudication?.stop();
    delete host.turnAdjudication;
  };
}
