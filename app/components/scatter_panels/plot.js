// Draws points into a canvas without a GPU: each is a small stamp with soft edges, laid into the
// pixels at a quarter of a pixel. Six panels of 10,000 points take a few milliseconds each.

const STEPS = 4; // stamps per pixel and direction, so that moving points glide
const stampCache = new Map();

const OUTLINE = {
  disc: (x, y, r) => x * x + y * y <= r * r,
  square: (x, y, r) => Math.abs(x) <= 0.85 * r && Math.abs(y) <= 0.85 * r,
  triangle: (x, y, r) => y <= 0.75 * r && y >= -1.1 * r && Math.abs(x) <= (y + 1.1 * r) * 0.6,
  diamond: (x, y, r) => Math.abs(x) + Math.abs(y) <= 1.25 * r,
  cross: (x, y, r) => Math.min(Math.abs(x), Math.abs(y)) <= 0.34 * r && Math.max(Math.abs(x), Math.abs(y)) <= 1.1 * r,
  drop: (x, y, r) => y >= -0.75 * r && y <= 1.1 * r && Math.abs(x) <= (1.1 * r - y) * 0.6,
};

// All stamps of a shape and radius: coverage 0..255 of (2h + 1) x (2h + 1) pixels, for 16 offsets.
function stampsOf(shape, radius) {
  const key = `${shape}:${radius.toFixed(2)}`;
  if (stampCache.has(key)) return stampCache.get(key);
  const half = Math.ceil(1.3 * radius + 1);
  const side = 2 * half + 1;
  const stamps = [];
  for (let v = 0; v < STEPS; v += 1) {
    for (let u = 0; u < STEPS; u += 1) stamps.push(stamp(OUTLINE[shape], radius, half, side, u / STEPS, v / STEPS));
  }
  const made = { half, side, stamps };
  stampCache.set(key, made);
  return made;
}

function stamp(inside, radius, half, side, shiftX, shiftY) {
  const cover = new Uint8Array(side * side);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      let hits = 0;
      for (let s = 0; s < 16; s += 1) {
        const x = column - half - shiftX + ((s % 4) + 0.5) / 4 - 0.5;
        const y = row - half - shiftY + ((s >> 2) + 0.5) / 4 - 0.5;
        if (inside(x, y, radius)) hits += 1;
      }
      cover[row * side + column] = Math.round((255 * hits) / 16);
    }
  }
  return cover;
}

class Plot {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  size(width, height, ratio) {
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.width === w && this.height === h) return;
    [this.width, this.height, this.ratio] = [w, h, ratio];
    this.canvas.width = w;
    this.canvas.height = h;
    this.image = this.context.createImageData(w, h);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  // Map coordinates to pixels: x' = x * scale + left, y' = top - y * scale.
  place([centreX, centreY, half]) {
    this.scale = (0.94 * Math.min(this.width, this.height)) / (2 * half);
    this.left = this.width / 2 - centreX * this.scale;
    this.top = this.height / 2 + centreY * this.scale;
  }

  radius(number) {
    const room = Math.sqrt((this.width * this.height) / Math.max(1, number));
    return Math.min(4.2 * this.ratio, Math.max(1.5 * this.ratio, 0.26 * room));
  }

  // `shown` and `selected` are masks; with `focus` what is not selected fades.
  draw(xy, look, { shown, selected, focus, ground }) {
    this.pixels.fill(packed(ground));
    const radius = this.radius(shown.length);
    const strong = look.colours.map(packed);
    const faint = look.colours.map((colour) => packed(mixed(colour, ground, 0.82)));
    const sets = look.shapes.map((shape) => stampsOf(SHAPES[shape], radius));
    const large = look.shapes.map((shape) => stampsOf(SHAPES[shape], radius + 0.5 * this.ratio));
    const { codes, top } = look;
    for (let i = 0; i < shown.length; i += 1) {
      if (!shown[i] || (focus && !selected[i])) this.put(xy, i, sets[codes[i]], faint[codes[i]]);
    }
    if (!focus) {
      for (let i = 0; i < shown.length; i += 1) if (shown[i] && codes[i] !== top) this.put(xy, i, sets[codes[i]], strong[codes[i]]);
      for (let i = 0; i < shown.length && top >= 0; i += 1) if (shown[i] && codes[i] === top) this.put(xy, i, sets[top], strong[top]);
    } else {
      for (let i = 0; i < shown.length; i += 1) if (shown[i] && selected[i]) this.put(xy, i, large[codes[i]], strong[codes[i]]);
    }
    this.context.putImageData(this.image, 0, 0);
  }

  put(xy, i, { half, side, stamps }, colour) {
    const x = xy[2 * i] * this.scale + this.left;
    const y = this.top - xy[2 * i + 1] * this.scale;
    const column = Math.floor(x);
    const row = Math.floor(y);
    if (!(column >= half && row >= half && column < this.width - half && row < this.height - half)) return;
    const cover = stamps[((y - row) * STEPS | 0) * STEPS + ((x - column) * STEPS | 0)];
    const { pixels, width } = this;
    const b = (colour >> 16) & 255;
    const g = (colour >> 8) & 255;
    const r = colour & 255;
    for (let v = 0, at = 0; v < side; v += 1) {
      let to = (row - half + v) * width + column - half;
      for (let u = 0; u < side; u += 1, at += 1, to += 1) {
        const share = cover[at];
        if (share === 255) pixels[to] = colour;
        else if (share) {
          const under = pixels[to];
          const rest = 255 - share;
          const red = (r * share + (under & 255) * rest) / 255;
          const green = (g * share + ((under >> 8) & 255) * rest) / 255;
          const blue = (b * share + ((under >> 16) & 255) * rest) / 255;
          pixels[to] = (255 << 24) | (blue << 16) | (green << 8) | red;
        }
      }
    }
  }
}
