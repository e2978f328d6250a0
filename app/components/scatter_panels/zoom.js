// Which part of the maps is looked at. It is one for all maps, relative to the frame that holds a
// map as a whole: `x` and `y` are the middle of what is seen, in halves of the frame's side.

const WHOLE = { scale: 1, x: 0, y: 0 };
const DEEPEST = 40;
const KEY_FACTOR = 1.5; // of a key or a button
const KEY_SHIFT = 0.5; // of half of what is seen

// The point (u, v) stays where it is on the screen.
function zoomed({ scale, x, y }, factor, [u, v]) {
  const next = Math.min(DEEPEST, Math.max(1, scale * factor));
  const rest = scale / next;
  return within({ scale: next, x: u - (u - x) * rest, y: v - (v - y) * rest });
}

function moved({ scale, x, y }, [du, dv]) {
  return within({ scale, x: x + du, y: y + dv });
}

// No further than the edge of the frame, so that nobody gets lost beside the points.
function within({ scale, x, y }) {
  const far = 1 - 1 / scale;
  const held = (value) => Math.min(far, Math.max(-far, value));
  return { scale, x: held(x), y: held(y) };
}

// What is seen of a frame: [centre x, centre y, half its side], like the frame.
function seenOf([centreX, centreY, half], { scale, x, y }) {
  return [centreX + x * half, centreY + y * half, half / scale];
}

class Zooming extends Selection {
  watchZoom() {
    this.$("in").addEventListener("click", () => this.zoomBy(KEY_FACTOR));
    this.$("out").addEventListener("click", () => this.zoomBy(1 / KEY_FACTOR));
    this.$("whole").addEventListener("click", () => this.lookAt(WHOLE));
    this.$("drag").addEventListener("change", (event) => this.dragTo(event.target.value));
  }

  // Zooms about a point of the frame; without one, about the middle of what is seen.
  zoomBy(factor, about) {
    const { zoom } = this.state;
    this.lookAt(zoomed(zoom, factor, about ?? [zoom.x, zoom.y]));
  }

  shiftBy([right, up]) {
    const step = KEY_SHIFT / this.state.zoom.scale;
    this.lookAt(moved(this.state.zoom, [right * step, up * step]));
  }

  lookAt(zoom) {
    const changed = zoom.scale !== this.state.zoom.scale;
    this.state.zoom = zoom;
    this.hover(null);
    this.sayZoom();
    if (changed) this.$("status").textContent = zoom.scale > 1 ? `Zoom ${this.percent()}` : "Whole maps";
    this.paint();
    this.remember();
  }

  // Brings a point of the frame into sight, for the arrow keys.
  reveal([u, v]) {
    const { scale, x, y } = this.state.zoom;
    const reach = 0.95 / scale;
    if (Math.abs(u - x) > reach || Math.abs(v - y) > reach) this.lookAt(within({ scale, x: u, y: v }));
  }

  // What the left button does: draw a lasso, or move the maps.
  dragTo(kind) {
    this.state.drag = kind;
    this.sayZoom();
    this.remember();
  }

  percent() {
    return `${Math.round(100 * this.state.zoom.scale)} %`;
  }

  sayZoom() {
    const { zoom, drag } = this.state;
    this.$("whole").textContent = this.percent();
    this.$("whole").disabled = this.$("out").disabled = zoom.scale === 1;
    this.$("in").disabled = zoom.scale >= DEEPEST;
    for (const input of this.$("drag").querySelectorAll("input")) input.checked = input.value === drag;
    this.root.dataset.zoom = this.percent();
    this.root.dataset.drag = drag;
  }
}
