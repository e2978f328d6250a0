// The list of keys behind `?`, made from the map; here a reviewer changes keys and switches.

const SHEET_TEXT = "Every decision is saved before the next image appears. About half of all flagged " +
  "labels turn out to be right: keeping one is as good a result as correcting it.";
const GROUP_TEXT = { Select: "Select, in the grid", Look: "Look, at one image" };

class Sheet {
  constructor(panel, keymap, overlays, onChange) {
    Object.assign(this, { panel, keymap, overlays, onChange });
    this.waiting = null; // the command that waits for its new key
  }

  toggle() {
    if (this.overlays.isOpen(this.panel)) this.overlays.close(this.panel);
    else this.draw();
  }

  draw(message = "", focus = "") {
    const box = element("div", "box wide");
    const close = pushButton("primary", "Close", () => this.overlays.close(this.panel));
    const reset = pushButton("", "Reset all keys", () => this.reset());
    reset.hidden = !COMMANDS.some((command) => this.keymap.isOwn(command));
    const row = element("div", "row");
    row.append(close, reset);
    const said = element("p", "said", message);
    said.setAttribute("role", "status");
    box.append(element("h3", "", "Review with the keyboard"), this.columns(), said, element("p", "", SHEET_TEXT), row);
    this.overlays.show(this.panel, box, {
      onKey: (event) => this.key(event),
      onClose: () => {
        this.waiting = null;
      },
    });
    (box.querySelector(`[data-change="${focus}"]`) ?? close).focus({ preventScroll: true });
  }

  columns() {
    const columns = element("div", "columns");
    for (const group of new Set(COMMANDS.map((command) => command.group))) {
      const part = element("section");
      const list = element("dl");
      for (const command of COMMANDS.filter((known) => known.group === group)) list.append(...this.line(command));
      part.append(element("h4", "", GROUP_TEXT[group] ?? group), list);
      columns.append(part);
    }
    return columns;
  }

  line(command) {
    const dt = element("dt");
    const text = this.waiting === command.id ? "Press a key…" : this.keymap.hint(command.id);
    if (command.fixed) dt.append(element("kbd", "", text));
    else {
      const change = pushButton("key", "", () => this.wait(command.id));
      change.dataset.change = command.id;
      change.title = "Change this key";
      change.setAttribute("aria-label", `${command.text}: ${text}. Change this key`);
      change.append(element("kbd", this.keymap.isOwn(command) ? "own" : "", text));
      dt.append(change);
    }
    const dd = element("dd", "", command.text);
    if (command.mode && !GROUP_TEXT[command.group]) dd.append(element("small", "", ` in the ${command.mode}`));
    return [dt, dd];
  }

  wait(id) {
    this.waiting = id;
    this.draw("Press the new key, or Esc to leave it as it is.", id);
  }

  reset() {
    this.keymap.reset();
    this.onChange();
    this.draw("All keys are as at the start.");
  }

  // True when the sheet uses the key itself.
  key(event) {
    const id = this.waiting;
    const name = keyName(event);
    if (!id) {
      if (this.keymap.find(name, "card")?.id !== "help") return false;
      this.toggle();
      return true;
    }
    if (["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) return true;
    this.waiting = null;
    const refusal = event.key === "Escape" ? "" : this.keymap.change(id, name);
    if (!refusal) this.onChange();
    this.draw(refusal, id);
    return true;
  }
}
