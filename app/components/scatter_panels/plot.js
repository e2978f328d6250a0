// Draws points into a canvas without a GPU: each is a small stamp with soft edges, laid into the
// pixels at a quarter of a pixel. All points are drawn when something moves or changes its colour;
// a selection fades that picture and draws only the selected points anew.

const STEPS = 4; // stamps per pixel and direction, so that moving points glide
const EDGE = 20; // pixels around the canvas, so that a point half outside is drawn half
const STAMPS_KEPT = 200;
const FADED = 210; // of 256: how much of the ground is in what is not selected
const stampCache = new Map();

const OUTLINE = {
  disc: (x, y, r) => x * x + y * y <= r * r,
  square: (x, y, r) => Math.abs(x) <= 0.85 * r && Math.abs(y) <= 0.85 * r,
  triangle: (x, y, r) => y <= 0.75 * r && y >= -1.1 * r && Math.abs(x) <= (y + 1.1 * r) * 0.6,
  diamond: (x, y, r) => Math.abs(x) + Math.abs(y) <= 1.25 * r,
  cross: (x, y, r) => Math.min(Math.abs(x), Math.abs(y)) <= 0.34 * r && Math.max(Math.abs(x), Math.abs(y)) <= 1.1 * r,
  drop: (x, y, r) => y >= -0.75 * r && y <= 1.1 * r && Math.abs(x) <= (1.1 * r - y) * 0.6,
};

// All stamps of a shape and radius for rows of `width` pixels, for 16 offsets: which pixels from the
// middle are covered, and how much (1..256).
function stampsOf(shape, radius, width) {
  const key = `${shape}:${radius.toFixed(2)}:${width}`;
  if (stampCache.has(key)) return stampCache.get(key);
  if (stampCache.size >= STAMPS_KEPT) stampCache.clear();
  const half = Math.ceil(1.3 * radius + 1);
  const stamps = [];
  for (let v = 0; v < STEPS; v += 1) {
    for (let u = 0; u < STEPS; u += 1) stamps.push(stamp(OUTLINE[shape], radius, { half, width, shiftX: u / STEPS, shiftY: v / STEPS }));
  }
  const made = { half, stamps };
  stampCache.set(key, made);
  return made;
}

function stamp(inside, radius, { half, width, shiftX, shiftY }) {
  const to = [];
  const cover = [];
  for (let row = -half; row <= half; row += 1) {
    for (let column = -half; column <= half; column += 1) {
      let hits = 0;
      for (let s = 0; s < 16; s += 1) {
        const x = column - shiftX + ((s % 4) + 0.5) / 4 - 0.5;
        const y = row - shiftY + ((s >> 2) + 0.5) / 4 - 0.5;
        if (inside(x, y, radius)) hits += 1;
      }
      if (!hits) continue;
      to.push(row * width + column);
      cover.push(16 * hits);
    }
  }
  return { to: Int32Array.from(to), cover: Uint16Array.from(cover) };
}

class Plot {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  }

  size(width, height, ratio) {
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.width === w && this.height === h && this.ratio === ratio) return;
    [this.width, this.height, this.ratio] = [w, h, ratio];
    [this.wide, this.high] = [w + 2 * EDGE, h + 2 * EDGE];
    this.canvas.width = w;
    this.canvas.height = h;
    this.image = this.context.createImageData(w, h);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.all = new Uint32Array(this.wide * this.high); // every point, as without a selection
    this.ink = new Uint32Array(this.wide * this.high); // what is shown
    this.drawn = null;
  }

  // Map coordinates to pixels: x' = x * scale + left, y' = top - y * scale.
  place([centreX, centreY, half]) {
    this.scale = (0.94 * Math.min(this.width, this.height)) / (2 * half);
    this.left = this.width / 2 - centreX * this.scale;
    this.top = this.height / 2 + centreY * this.scale;
  }

  // In quarters of a pixel: a zoom goes through few sizes, and their stamps are kept.
  radius(number, zoom) {
    const room = zoom * Math.sqrt((this.width * this.height) / Math.max(1, number));
    const wanted = Math.min(4.2 * this.ratio, Math.max(1.5 * this.ratio, 0.26 * room));
    return Math.round(4 * wanted) / 4;
  }

  // `shown` and `selected` are masks; with `focus` what is not selected fades.
  draw(xy, look, { shown, selected, focus, ground, zoom }) {
    const radius = this.radius(shown.length, zoom);
    this.drawAll(xy, look, { shown, ground, radius });
    if (!focus) this.ink.set(this.all);
    else {
      fade(this.all, this.ink, packed(ground));
      const sets = look.shapes.map((shape) => stampsOf(SHAPES[shape], radius + 0.5 * this.ratio, this.wide));
      const colours = look.colours.map(packed);
      for (let i = 0; i < shown.length; i += 1) if (selected[i] && shown[i]) this.put(xy, i, sets[look.codes[i]], colours[look.codes[i]]);
    }
    this.show();
  }

  // Draws every point, unless the same picture is there already.
  drawAll(xy, look, { shown, ground, radius }) {
    const wanted = [xy, look, shown, radius, this.scale, this.left, this.top];
    if (this.drawn && wanted.every((value, at) => value === this.drawn[at])) return;
    this.drawn = wanted;
    const sets = look.shapes.map((shape) => stampsOf(SHAPES[shape], radius, this.wide));
    const colours = look.colours.map(packed);
    const { codes, top } = look;
    this.ink.fill(packed(ground));
    for (let i = 0; i < shown.length; i += 1) if (shown[i] && codes[i] !== top) this.put(xy, i, sets[codes[i]], colours[codes[i]]);
    for (let i = 0; i < shown.length && top >= 0; i += 1) if (shown[i] && codes[i] === top) this.put(xy, i, sets[top], colours[top]);
    this.all.set(this.ink);
  }

  // Two colour channels are mixed at once: each has eight bits of room above it.
  put(xy, i, { half, stamps }, colour) {
    const x = xy[2 * i] * this.scale + this.left + EDGE;
    const y = this.top - xy[2 * i + 1] * this.scale + EDGE;
    const column = Math.floor(x);
    const row = Math.floor(y);
    if (!(column >= half && row >= half && column < this.wide - half && row < this.high - half)) return;
    const { to, cover } = stamps[(((y - row) * STEPS) | 0) * STEPS + (((x - column) * STEPS) | 0)];
    const { ink } = this;
    const middle = row * this.wide + column;
    const redBlue = colour & 0xff00ff;
    const green = (colour >> 8) & 255;
    for (let k = 0; k < to.length; k += 1) {
      const at = middle + to[k];
      const share = cover[k];
      const under = ink[at];
      ink[at] = share === 256 ? colour : mixedPixel(under, redBlue, green, share);
    }
  }

  show() {
    const { width, wide } = this;
    for (let row = 0; row < this.height; row += 1) {
      const from = (row + EDGE) * wide + EDGE;
      this.pixels.set(this.ink.subarray(from, from + width), row * width);
    }
    this.context.putImageData(this.image, 0, 0);
  }
}

function mixedPixel(under, redBlue, green, share) {
  const rest = 256 - share;
  const both = ((redBlue * share + (under & 0xff00ff) * rest) >>> 8) & 0xff00ff;
  const middle = (green * share + ((under >> 8) & 255) * rest) & 0xff00;
  return (0xff000000 | both | middle) >>> 0;
}

// The points are mixed of their colours and the ground, so a faded picture is the picture mixed with
// the ground.
function fade(from, to, ground) {
  const redBlue = ground & 0xff00ff;
  const green = (ground >> 8) & 255;
  for (let at = 0; at < from.length; at += 1) {
    const pixel = from[at];
    to[at] = pixel === ground ? pixel : mixedPixel(pixel, redBlue, green, FADED);
  }
}
