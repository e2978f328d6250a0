// The selection of an explorer, which is one for all maps: ids, kept as a mask per exploration. It
// stays in the browser; only Send to review and Tag tell the server which samples are meant.

class Selection {
  // --- selecting -----------------------------------------------------------------------------

  ids() {
    const found = new Set();
    for (const view of this.views) {
      for (let i = 0; i < view.number; i += 1) if (view.selected[i]) found.add(view.table.id[i]);
    }
    return found;
  }

  select(samples, mask, how) {
    const chosen = how === "replace" ? new Set() : this.ids();
    for (let i = 0; i < mask.length; i += 1) {
      if (mask[i] && how === "remove") chosen.delete(samples.table.id[i]);
      else if (mask[i]) chosen.add(samples.table.id[i]);
    }
    this.apply(chosen);
  }

  apply(chosen) {
    for (const view of this.views) {
      view.numSelected = 0;
      for (let i = 0; i < view.number; i += 1) {
        view.selected[i] = chosen.has(view.table.id[i]) ? 1 : 0;
        view.numSelected += view.selected[i];
      }
    }
    this.root.dataset.selected = chosen.size;
    this.$("status").textContent = chosen.size ? `${chosen.size.toLocaleString("en")} samples selected` : "No sample selected";
    const found = this.tally();
    if (found) this.legend.recount(found);
    this.paint();
    this.remember();
    this.listSoon();
  }

  // After the maps stand on the screen, which is what the eye waits for: two frames later.
  listSoon() {
    const turn = (this.listing = (this.listing ?? 0) + 1);
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    frame().then(frame).then(() => setTimeout(() => turn === this.listing && this.list()));
  }

  list() {
    this.picked.show(this.facts());
    this.root.dataset.listed = this.root.dataset.selected;
  }

  facts() {
    const facts = new Map();
    for (const view of this.views) {
      for (let i = 0; i < view.number; i += 1) {
        if (view.selected[i] && !facts.has(view.table.id[i])) facts.set(view.table.id[i], view.fact(i, this.names));
      }
    }
    return [...facts.values()].sort((a, b) => (a.clean ?? 2) - (b.clean ?? 2));
  }

  clear() {
    if (Number(this.root.dataset.selected)) this.apply(new Set());
  }

  dropOne(id) {
    const chosen = this.ids();
    chosen.delete(id);
    this.hover(null);
    this.apply(chosen);
  }

  selectShown() {
    const chosen = new Set();
    for (const view of this.views) {
      for (let i = 0; i < view.number; i += 1) if (view.shown[i]) chosen.add(view.table.id[i]);
    }
    this.apply(chosen);
  }

  hover(id, panel, event, spoken) {
    if (id !== this.hovered) {
      this.hovered = id;
      for (const each of this.panels) if (each.xy) each.mark();
    }
    const at = id === null || !panel ? undefined : panel.samples.place.get(id);
    if (at === undefined) this.tip.hide();
    else {
      const fact = panel.samples.fact(at, this.names);
      this.tip.show(fact, event);
      if (spoken) this.$("status").textContent = this.tip.spoken(fact);
    }
  }

  // --- acting --------------------------------------------------------------------------------

  act(kind, name) {
    this.picked.askName(false);
    this.component.setTriggerValue("act", { kind, name, ids: [...this.ids()] });
  }

  save() {
    const chosen = this.ids();
    const maps = this.panels.map((panel) => [panel, `${panel.info.slug}_${this.mapOf(panel.info)}`]);
    const names = ["sample_id", "file_name", "given_label", "suggested_label", "current_label", "true_label", "clean_probability", "label_issue"];
    const columns = [...names, ...maps.flatMap(([, name]) => [`${name}_x`, `${name}_y`])];
    const lines = this.facts().map((fact) => {
      const places = maps.flatMap(([panel]) => {
        const at = panel.samples.place.get(fact.id);
        return at === undefined ? ["", ""] : [panel.afterXY[2 * at], panel.afterXY[2 * at + 1]];
      });
      return csvLine(columns, [fact.id, fact.name, fact.given, fact.suggested, fact.current, fact.truth, fact.clean, fact.issue ? 1 : 0, ...places]);
    });
    saveText("selection.csv", [[...columns, "note"].map(csvCell).join(","), ...lines, ""].join("\r\n"));
    this.say(`${chosen.size.toLocaleString("en")} samples written to selection.csv.`);
  }

  say(text) {
    this.$("note").textContent = text;
    this.$("note").hidden = !text;
  }
}
