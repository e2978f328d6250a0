// A chart of bars and lines, drawn as SVG. The width follows the place it stands in.

const H = 250;
const PAD = { left: 52, right: 14, top: 10, bottom: 38 };
const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Round steps: 0, 50, 100 and not 0, 47, 94.
function ticks(high, wanted) {
  const rough = (high || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let at = 0; at <= high * 1.0001; at += step) found.push([at, at.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })]);
  return found;
}

// On a square-root axis: 0, and round numbers that lie apart.
function roots(top) {
  const found = [[0, "0"]];
  for (let power = 10 ** Math.floor(Math.log10(top)); power >= Math.max(1, top / 200); power /= 10) {
    for (const factor of [5, 2, 1]) {
      const at = factor * power;
      const apart = found.every(([other]) => Math.abs(Math.sqrt(at / top) - Math.sqrt(other / top)) > 0.13);
      if (at <= top && apart) found.push([at, at.toLocaleString("en")]);
    }
  }
  return found;
}

function draw(data, width) {
  const xs = data.lines.flatMap((line) => line.x).concat(data.bars ? data.bars.edges : []);
  const ys = data.lines.flatMap((line) => line.y).concat(data.bars ? data.bars.heights : []);
  const right = Math.max(...xs, 1e-9);
  const top = Math.max(...ys, 1e-9) * 1.04;
  const px = (x) => PAD.left + (x / right) * (width - PAD.left - PAD.right);
  const high = data.root ? (y) => Math.sqrt(Math.max(0, y) / top) : (y) => y / top;
  const py = (y) => H - PAD.bottom - high(y) * (H - PAD.top - PAD.bottom);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${H}`, role: "img", "aria-label": data.description });
  for (const [y, text] of data.root ? roots(top) : ticks(top, 5)) {
    svg.append(shape("line", { x1: PAD.left, x2: width - PAD.right, y1: py(y), y2: py(y), class: "grid" }));
    svg.append(shape("text", { x: PAD.left - 7, y: py(y) + 4, "text-anchor": "end" }, text));
  }
  for (const [x, text] of ticks(right, Math.max(3, Math.floor(width / 110)))) {
    svg.append(shape("text", { x: px(x), y: H - PAD.bottom + 16, "text-anchor": "middle" }, text));
  }
  const across = (PAD.left + width - PAD.right) / 2;
  svg.append(shape("text", { x: across, y: H - 4, "text-anchor": "middle" }, data.x));
  const middle = (H - PAD.bottom + PAD.top) / 2;
  svg.append(shape("text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(11 ${middle}) rotate(-90)` }, data.y));
  if (data.bars) {
    data.bars.heights.forEach((height, i) => {
      const [from, to] = [px(data.bars.edges[i]), px(data.bars.edges[i + 1])];
      svg.append(shape("rect", { x: from + 0.5, width: Math.max(0.5, to - from - 1), y: py(height), height: py(0) - py(height), class: "bar" }));
    });
  }
  for (const line of data.lines) {
    const points = line.x.map((x, i) => `${px(x).toFixed(1)},${py(line.y[i]).toFixed(1)}`).join(" ");
    svg.append(shape("polyline", { points, class: `line ${line.kind}` }));
  }
  return svg;
}

function entry(name, kind) {
  const row = document.createElement("li");
  const sign = shape("svg", { viewBox: "0 0 28 12", "aria-hidden": "true" });
  if (kind === "bar") sign.append(shape("rect", { x: 6, y: 1, width: 16, height: 10, class: "bar" }));
  else sign.append(shape("polyline", { points: "1,6 27,6", class: `line ${kind}` }));
  const text = document.createElement("span");
  text.textContent = name;
  row.append(sign, text);
  return row;
}

export default function ({ data, parentElement }) {
  const entries = data.lines.map((line) => entry(line.name, line.kind));
  if (data.bars) entries.unshift(entry(data.bars.name, "bar"));
  parentElement.querySelector(".key").replaceChildren(...entries);
  const canvas = parentElement.querySelector(".canvas");
  const show = () => canvas.replaceChildren(draw(data, Math.max(280, canvas.clientWidth)));
  show();
  const watch = new ResizeObserver(show);
  watch.observe(canvas);
  return () => watch.disconnect();
}
