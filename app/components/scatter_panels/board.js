// The board of one exploration: columns are backbones, with TURN beside each; rows are noise levels.

const MAPS = [["pca", "PCA"], ["tsne", "t-SNE"], ["umap", "UMAP"]];

function buildBoard(explorer, samples) {
  const { view } = samples;
  const root = part("section", "board");
  root.setAttribute("aria-label", view.title);
  if (explorer.compared) root.append(part("h2", "", view.title));
  const grid = part("div", "maps");
  const methods = view.methods.length;
  const rows = 1 + Math.max(...view.slots.map((slot) => slot.row));
  // One backbone has room to lie down: levels side by side, at most four, TURN below.
  const lying = !explorer.compared && view.backbones.length === 1 ? Math.min(rows, 4) : 0;
  grid.style.setProperty("--columns", lying || methods * view.backbones.length);
  const panels = [];
  view.backbones.forEach((backbone, place) => {
    if (view.backbones.length > 1) grid.append(placed(part(explorer.compared ? "h3" : "h2", "backbone", backbone.title), 1, place * methods + 1, methods));
    const before = view.panels.find((info) => info.backbone === backbone.name && info.method === "before");
    let start = null;
    const put = (node, slot) => grid.append(lying
      ? placed(node, Math.floor(slot.row / lying) * methods + slot.column + 1, (slot.row % lying) + 1, 1)
      : placed(node, slot.row + 1 + Number(view.backbones.length > 1), place * methods + slot.column + 1, 1));
    for (const slot of view.slots) {
      const info = slot.method === "before" ? before
        : view.panels.find((each) => each.backbone === backbone.name && each.method === slot.method && each.level === slot.level);
      if (slot.text) put(part("p", "told", slot.text), slot);
      else if (!info) put(waiting(slot, view), slot);
      else {
        const panel = new Panel(explorer, samples, info);
        panel.family = `${view.id}/${backbone.name}`;
        if (info === before) start = panel;
        panels.push(panel);
        put(panel.root, slot);
      }
    }
    for (const panel of panels) if (panel.family === `${view.id}/${backbone.name}`) panel.before = start;
  });
  root.append(grid);
  if (view.note) root.append(part("p", "note-line", view.note));
  return { root, panels };
}

function placed(node, row, column, width) {
  node.style.gridRow = String(row);
  node.style.gridColumn = `${column} / span ${width}`;
  return node;
}

function waiting(slot, view) {
  const box = part("figure", "map empty");
  box.append(part("figcaption", "", slot.title));
  box.append(part("div", view.active ? "field pulse" : "field", view.active ? "Being computed" : "Not computed"));
  return box;
}

function fillRadios(root, options, chosen) {
  root.replaceChildren(...options.map(([value, title]) => {
    const label = part("label");
    const input = part("input");
    input.type = "radio";
    input.name = "map";
    input.value = value;
    input.checked = value === chosen;
    label.append(input, part("span", "", title));
    return label;
  }));
}

function fillSelect(root, options, chosen) {
  root.replaceChildren(...options.map(([value, title]) => {
    const option = part("option", "", title);
    option.value = value;
    option.selected = value === chosen;
    return option;
  }));
}

// The thumbnail and the labels of the sample under the pointer.
class Tip {
  constructor(root) {
    this.root = root;
    this.$ = (name) => root.querySelector(`.js-tip-${name}`);
  }

  rows(fact) {
    const rows = [["Given", fact.given ?? "no label"]];
    if (fact.suggested) rows.push(["Suggested", fact.suggested]);
    if (fact.current !== fact.given) rows.push(["Now", fact.current ?? "no label"]);
    if (fact.truth) rows.push(["True", fact.truth]);
    if (fact.clean !== null) rows.push(["Clean", `${fact.clean.toFixed(3)}${fact.issue ? " · label issue" : ""}`]);
    return rows;
  }

  spoken(fact) {
    return [fact.name, ...this.rows(fact).map(([name, value]) => `${name} ${value}`)].join(", ");
  }

  show(fact, event) {
    if (this.id !== fact.id) {
      this.id = fact.id;
      this.$("image").src = fact.thumb;
      this.$("image").alt = "";
      this.$("name").textContent = fact.name;
      this.$("rows").replaceChildren(...this.rows(fact).flatMap(([name, value]) => [part("dt", "", name), part("dd", "", value)]));
    }
    this.root.hidden = false;
    const { width, height } = this.root.getBoundingClientRect();
    const right = event.clientX + 18 + width < window.innerWidth;
    this.root.style.left = `${right ? event.clientX + 16 : Math.max(4, event.clientX - 16 - width)}px`;
    this.root.style.top = `${Math.max(4, Math.min(event.clientY - height / 2, window.innerHeight - height - 4))}px`;
  }

  hide() {
    this.root.hidden = true;
  }
}
