// Draws one card. Names from data are set as text only.

const STATUS_TEXT = {
  pending: "Pending", kept: "Kept", relabeled: "Relabeled", excluded: "Excluded",
  needs_review: "Needs review", skipped: "Skipped",
};
const APPLE = /mac|iphone|ipad/i.test(navigator.platform || navigator.userAgent);
const UNDO_KEY = APPLE ? "⌘Z" : "Ctrl Z";

function percent(share) {
  if (share < 0.0005) return "<0.1 %";
  if (share > 0.9995) return ">99.9 %";
  if (share > 0.995) return `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
  if (share < 0.095) return `${(100 * share).toFixed(1)} %`;
  return `${Math.round(100 * share)} %`;
}

// Warm for low, cool for high; the number always stands beside it.
function rampColor(share) {
  return `color-mix(in oklab, var(--cool) ${Math.round(100 * share)}%, var(--warm))`;
}

class View {
  constructor(root) {
    this.root = root;
    this.$ = (name) => root.querySelector(`.js-${name}`);
    this.$("undo-key").textContent = UNDO_KEY;
    const image = this.$("image");
    image.addEventListener("error", () => this.broken(true));
    image.addEventListener("load", () => this.broken(false));
  }

  broken(is) {
    this.$("broken").hidden = !is;
    this.$("image").style.visibility = is ? "hidden" : "visible";
  }

  name(classId) {
    return classId == null ? "no label" : (this.names.get(classId) ?? "unknown class");
  }

  show(card, deck, choices) {
    this.picture(card, deck);
    this.labels(card);
    this.clean(card);
    this.classes(card, choices);
    this.neighbours(card, deck);
    this.root.dataset.sample = card.id;
    this.root.dataset.position = deck.at;
  }

  picture(card, deck) {
    const image = this.$("image");
    const source = deck.preview(card);
    if (image.getAttribute("src") !== source) {
      // A browser shows the old picture until the new one is there: beside the new labels it lies.
      image.style.visibility = deck.images.get(card.id)?.complete ? "visible" : "hidden";
      this.$("broken").hidden = true;
      image.src = source;
    }
    image.alt = `Image ${card.name}, given label ${this.name(card.given)}`;
    image.classList.toggle("tiny", Math.max(card.width || 0, card.height || 0) <= 64);
    this.$("name").textContent = card.name;
    this.$("name").title = card.name;
    const shape = card.width ? `${card.width} × ${card.height} · ` : "";
    this.$("facts").textContent = `${shape}place ${(card.rank + 1).toLocaleString("en")} in the queue`;
  }

  labels(card) {
    const row = (target, classId, share) => {
      target.replaceChildren(element("b", "", this.name(classId)), element("span", "", percent(share)));
    };
    row(this.$("given"), card.given, card.givenP);
    row(this.$("suggested"), card.suggested, card.suggestedP);
    const same = card.given === card.suggested;
    this.$("keep").textContent = `Keep ${this.name(card.given)}`;
    this.$("accept").textContent = same ? "The model agrees" : `Use ${this.name(card.suggested)}`;
    const decided = this.$("decided");
    decided.hidden = card.status === "pending";
    const to = card.status === "relabeled" ? `: ${this.name(card.current)}` : "";
    decided.textContent = `${STATUS_TEXT[card.status]}${to}. A new decision replaces it.`;
  }

  clean(card) {
    const value = this.$("clean");
    value.textContent = card.clean.toFixed(card.clean < 0.1 ? 3 : 2);
    const ramp = this.$("ramp");
    ramp.style.width = `${Math.max(2, 100 * card.clean)}%`;
    ramp.style.background = rampColor(card.clean);
    const fallback = this.fallbacks[card.fallback] || "";
    this.$("fallback").hidden = !fallback;
    this.$("fallback").textContent = fallback;
    this.spark(card);
  }

  spark(card) {
    const svg = this.$("spark");
    svg.replaceChildren();
    svg.style.display = card.history.length > 1 ? "" : "none";
    if (card.history.length < 2) return;
    const step = 84 / (card.history.length - 1);
    const points = card.history.map((p, i) => [2 + i * step, 22 - 20 * p]);
    const line = document.createElementNS(svg.namespaceURI, "polyline");
    line.setAttribute("points", points.map((p) => p.join(",")).join(" "));
    const dot = document.createElementNS(svg.namespaceURI, "circle");
    dot.setAttribute("cx", points.at(-1)[0]);
    dot.setAttribute("cy", points.at(-1)[1]);
    dot.setAttribute("r", 2.4);
    svg.append(line, dot);
    const all = card.history.map((p) => p.toFixed(2)).join(", ");
    svg.setAttribute("aria-label", `Clean probability after each pass: ${all}`);
  }

  classes(card, choices) {
    const shares = new Map(card.top);
    const rows = choices.map((classId, index) => {
      const row = element("li");
      const button = element("button");
      button.type = "button";
      button.dataset.do = "class";
      button.dataset.class = classId;
      const share = shares.get(classId);
      const bar = element("i", "bar");
      bar.style.width = `${100 * (share || 0)}%`;
      button.append(element("kbd", "", index + 1), bar, element("span", "label", this.name(classId)));
      if (classId === card.suggested) button.append(element("span", "tag model", "✦"));
      if (classId === card.given) button.append(element("span", "tag", "given"));
      if (card.status === "relabeled" && classId === card.current) {
        button.append(element("span", "tag", "chosen"));
      }
      button.append(element("span", "share", share === undefined ? "" : percent(share)));
      row.append(button);
      return row;
    });
    this.$("classes").replaceChildren(...rows);
  }

  neighbours(card, deck) {
    const items = card.near.map((near) => {
      const item = element("li", near.current === card.given ? "" : "other");
      const image = element("img");
      image.src = deck.thumb(near);
      image.alt = `Similar image labelled ${this.name(near.current)}`;
      image.loading = "lazy";
      const label = element("span", "", this.name(near.current));
      item.title = `${this.name(near.current)} · similarity ${near.similarity.toFixed(2)}`;
      item.append(image, label);
      return item;
    });
    this.$("near").replaceChildren(...items);
    this.root.querySelector(".near").hidden = !items.length;
  }

  save(text, state) {
    this.$("save").textContent = text;
    this.root.dataset.save = state;
  }

  note(text, kind) {
    this.$("note").hidden = !text;
    this.$("note").textContent = text || "";
    this.$("note").dataset.kind = kind || "";
  }
}
