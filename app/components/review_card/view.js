// Draws one card. Names from data are set as text only.

class View {
  constructor(root) {
    this.root = root;
    this.$ = (name) => root.querySelector(`.js-${name}`);
    const image = this.$("image");
    image.addEventListener("error", () => this.broken(true));
    image.addEventListener("load", () => this.broken(false));
  }

  broken(is) {
    this.$("broken").hidden = !is;
    this.$("image").style.visibility = is ? "hidden" : "visible";
  }

  // Every key hint on the page comes from the map.
  hints(keymap) {
    for (const hint of this.root.querySelectorAll("kbd[data-key]")) hint.textContent = keymap.hint(hint.dataset.key);
    this.root.setAttribute("aria-label", `Label review. Press ${keymap.hint("help")} for the keys.`);
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
  }

  picture(card, deck) {
    const image = this.$("image");
    const source = deck.preview(card);
    if (image.getAttribute("src") !== source) {
      // A browser shows the old picture until the new one is there: beside the new labels it lies.
      image.style.visibility = deck.images.get(source)?.complete ? "visible" : "hidden";
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
    const what = `${STATUS_TEXT[card.status]}${to}`;
    decided.textContent = card.vote ? `Your vote: ${what}. A new one replaces it.` : `${what}. A new decision replaces it.`;
  }

  clean(card) {
    const value = this.$("clean");
    value.textContent = cleanText(card.clean);
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
