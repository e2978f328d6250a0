// What can be seen beside an image: its nearest images at its side, and below it the clean probability
// of every epoch and the decisions so far. Both stay open from card to card.

const ACTION_TEXT = {
  keep: "kept", relabel: "relabeled", exclude: "excluded", needs_review: "sent to a second reader",
  skip: "skipped", undo: "undone",
};
const CHART = { width: 340, height: 120, left: 30, right: 8, top: 8, bottom: 20 };

class Closer {
  constructor(root, view, prefs) {
    this.view = view;
    this.prefs = prefs;
    this.root = root;
    this.zoom = new Zoom(root.querySelector(".frame"), view.$("image"), (text) => {
      view.$("zoom").textContent = text;
    });
  }

  show(card, deck, tau) {
    const beside = this.prefs.get("compare") && card.near.length > 0;
    this.root.dataset.compare = beside;
    if (this.shown !== card.id) this.zoom.reset();
    this.view.$("beside").hidden = !beside;
    if (beside) this.view.$("beside").replaceChildren(...card.near.map((near) => this.near(near, card, deck)));
    this.view.$("details").hidden = !this.prefs.get("history");
    if (this.prefs.get("history")) this.details(card, deck, tau);
    this.shown = card.id;
  }

  near(near, card, deck) {
    const item = element("li", near.current === card.given ? "" : "other");
    const image = element("img");
    image.src = deck.thumb(near);
    image.alt = `Similar image labelled ${this.view.name(near.current)}`;
    const text = element("span", "", this.view.name(near.current));
    text.append(element("small", "", ` ${near.similarity.toFixed(2)}`));
    item.append(image, text);
    return item;
  }

  async details(card, deck, tau) {
    drawEpochs(this.view.$("epochs"), card.history, tau);
    const list = this.view.$("events");
    if (this.shown !== card.id) list.replaceChildren();
    const response = await fetch(`${deck.api}/samples/${card.id}/history`, { credentials: "same-origin" }).catch(() => null);
    const told = response?.ok ? await response.json() : null;
    if (this.shown !== card.id) return; // another card is shown by now
    const lines = told?.events.map((event) => this.event(event)) ?? [];
    const none = told ? "Nobody has decided this image yet." : "The decisions could not be read; they are safe.";
    list.replaceChildren(...(lines.length ? lines : [element("li", "none", none)]));
  }

  // A vote changes nothing yet: it names the label that it is for.
  what({ action, vote, previous, class: classId }) {
    const label = classId === null ? "" : `: ${this.view.name(classId)}`;
    if (vote) return `voted: ${ACTION_TEXT[action]}${label}`;
    return ACTION_TEXT[action] + (action === "relabel" ? `: ${this.view.name(previous)} → ${this.view.name(classId)}` : "");
  }

  event(event) {
    const item = element("li");
    const when = new Date(event.at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    item.append(element("b", "", event.actor), ` ${this.what(event)}${event.bulk ? " (in bulk)" : ""}`);
    item.append(element("small", "", when));
    return item;
  }
}

function svgPart(svg, tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  svg.append(node);
}

// The clean probability after each epoch of step 2, with the cut tau.
function drawEpochs(svg, history, tau) {
  const { width, height, left, right, top, bottom } = CHART;
  const x = (epoch) => left + ((width - left - right) * epoch) / Math.max(1, history.length - 1);
  const y = (share) => height - bottom - (height - top - bottom) * share;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const values = history.map((share) => share.toFixed(2)).join(", ");
  svg.setAttribute("aria-label", `Clean probability after each epoch: ${values || "none"}. The cut is ${tau}.`);
  for (const share of [0, 0.5, 1]) {
    svgPart(svg, "line", { x1: left, x2: width - right, y1: y(share), y2: y(share), class: "rule" });
    svgPart(svg, "text", { x: left - 5, y: y(share) + 4, "text-anchor": "end" }, share.toFixed(1));
  }
  svgPart(svg, "line", { x1: left, x2: width - right, y1: y(tau), y2: y(tau), class: "cut" });
  svgPart(svg, "text", { x: width - right, y: y(tau) - 4, "text-anchor": "end", class: "cut-text" }, `cut ${tau}`);
  svgPart(svg, "polyline", { points: history.map((share, epoch) => `${x(epoch)},${y(share)}`).join(" ") });
  history.forEach((share, epoch) => {
    svgPart(svg, "circle", { cx: x(epoch), cy: y(share), r: 3 });
    svgPart(svg, "text", { x: x(epoch), y: height - 5, "text-anchor": "middle" }, String(epoch + 1));
  });
}
