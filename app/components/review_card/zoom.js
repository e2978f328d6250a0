// A closer look at the image: wheel and keys change the size, dragging moves it.

const MOST_ZOOM = 12;
const ZOOM_STEP = 1.4;

class Zoom {
  constructor(frame, image, onChange) {
    Object.assign(this, { frame, image, onChange });
    this.reset();
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    frame.addEventListener("dblclick", (event) => this.by(this.scale > 1 ? 1 / this.scale : 2.5, event));
    frame.addEventListener("pointerdown", (event) => this.grab(event));
    frame.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => this.drop());
  }

  reset() {
    Object.assign(this, { scale: 1, x: 0, y: 0, held: null });
    this.draw();
  }

  wheel(event) {
    if (event.ctrlKey || !event.deltaY) return; // the browser's own zoom
    if (event.deltaY > 0 && this.scale === 1) return; // let the page scroll
    event.preventDefault();
    this.by(Math.exp(-event.deltaY * 0.0022), event);
  }

  // Larger by a factor; the point below the pointer, or the middle, stays where it is.
  by(factor, point) {
    const box = this.frame.getBoundingClientRect();
    const px = point ? point.clientX - box.left - box.width / 2 : 0;
    const py = point ? point.clientY - box.top - box.height / 2 : 0;
    const scale = Math.max(1, Math.min(MOST_ZOOM, this.scale * factor));
    const change = scale / this.scale;
    this.x = px - (px - this.x) * change;
    this.y = py - (py - this.y) * change;
    this.scale = scale < 1.02 ? 1 : scale;
    this.draw();
  }

  grab(event) {
    if (this.scale === 1 || event.button) return;
    this.held = { x: event.clientX - this.x, y: event.clientY - this.y };
    this.frame.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (!this.held) return;
    this.x = event.clientX - this.held.x;
    this.y = event.clientY - this.held.y;
    this.draw();
  }

  drop() {
    this.held = null;
  }

  draw() {
    const roomX = (this.frame.clientWidth * (this.scale - 1)) / 2;
    const roomY = (this.frame.clientHeight * (this.scale - 1)) / 2;
    this.x = Math.max(-roomX, Math.min(roomX, this.x));
    this.y = Math.max(-roomY, Math.min(roomY, this.y));
    const far = this.scale > 1;
    this.image.style.transform = far ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
    this.frame.style.cursor = far ? "grab" : "";
    this.onChange(far ? `${this.scale.toFixed(1)}×` : "");
  }
}
