// What the pointer does on a map: a lasso, a click, or moving and zooming what is looked at.

const CLICK = 4; // a lasso that stays this small is a click
const NOTCH = 0.35; // one event of the wheel zooms by at most exp(0.35) = 1.4
const TWICE_MS = 500; // two clicks within are one double click

class Gestures {
  constructor(panel) {
    this.panel = panel;
    this.explorer = panel.explorer;
    this.field = panel.field;
    this.lasso = null; // where the pointer has been, in pixels of the field
    this.grip = null; // where the map was taken hold of, and where the pointer is
    this.clicked = { at: -Infinity, ids: new Set() };
    const on = (name, act, options) => this.field.addEventListener(name, (event) => panel.xy && act.call(this, event), options);
    on("pointerdown", this.press);
    on("mousedown", (event) => event.button === 1 && event.preventDefault()); // or the page would scroll
    on("pointermove", this.move);
    on("pointerup", this.release);
    on("pointercancel", this.drop);
    on("pointerleave", () => this.idle && this.explorer.hover(null));
    on("dblclick", this.whole);
    on("wheel", this.wheel, { passive: false });
    on("blur", () => this.explorer.hover(null));
    on("keydown", (event) => panel.key(event));
  }

  get idle() {
    return !this.lasso && !this.grip;
  }

  place(event) {
    const box = this.field.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (!this.idle || event.button > 1) return;
    this.field.setPointerCapture(event.pointerId);
    this.explorer.hover(null);
    const place = this.place(event);
    if (event.button === 1 || this.explorer.state.drag === "move") this.hold(place);
    else this.lasso = [place];
  }

  hold(place) {
    this.grip = { first: place, last: place, far: false };
    this.field.classList.add("held");
  }

  move(event) {
    if (this.grip) this.pull(this.place(event));
    else if (this.lasso) {
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.lasso.push(this.place(each));
      this.panel.markSoon();
    } else this.explorer.hover(this.panel.idAt(this.place(event)), this.panel, event);
  }

  pull(place) {
    const { grip, panel } = this;
    grip.far ||= isFar(place, grip.first);
    if (!grip.far) return;
    const [fromX, fromY] = panel.frameXY(grip.last);
    const [toX, toY] = panel.frameXY(place);
    grip.last = place;
    this.explorer.lookAt(moved(this.explorer.state.zoom, [fromX - toX, fromY - toY]));
  }

  release(event) {
    const { lasso, grip, panel } = this;
    if (!lasso && !grip) return;
    this.drop();
    const how = event.altKey ? "remove" : event.shiftKey || event.ctrlKey || event.metaKey ? "add" : "replace";
    if (lasso?.some((place) => isFar(place, lasso[0]))) panel.take(lasso, how);
    else if (lasso || (!grip.far && event.button === 0)) this.click(lasso?.[0] ?? grip.first, how);
  }

  click(place, how) {
    const now = performance.now();
    if (now - this.clicked.at > TWICE_MS) this.clicked = { at: now, ids: this.explorer.ids() };
    this.panel.pick(this.panel.indexAt(place), how);
  }

  drop() {
    this.lasso = this.grip = null;
    this.field.classList.remove("held");
    this.panel.mark();
  }

  // A double click shows the whole map again and leaves the selection as it was before it.
  whole() {
    if (this.explorer.state.zoom.scale === 1) return;
    this.explorer.apply(this.clicked.ids);
    this.explorer.lookAt(WHOLE);
  }

  // Without Ctrl the wheel scrolls the page, unless the maps are being moved. A pinch comes with Ctrl.
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey && this.explorer.state.drag !== "move") return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 33 : 1);
    const turn = Math.min(NOTCH, Math.max(-NOTCH, -0.01 * pixels));
    this.explorer.zoomBy(Math.exp(turn), this.panel.frameXY(this.place(event)));
  }
}

function isFar([x, y], [fromX, fromY]) {
  return Math.hypot(x - fromX, y - fromY) > CLICK;
}
