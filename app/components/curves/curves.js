// Small line charts side by side, drawn as SVG: one figure per curve, the last value in the title.

const W = 280;
const H = 96;
const PAD = { left: 34, right: 6, top: 8, bottom: 16 };
const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function label(value, percent) {
  if (percent) return `${(100 * value).toFixed(1)} %`;
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3);
}

function range(values, percent) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return percent ? [Math.max(0, low - room), Math.min(1, high + room)] : [low - room, high + room];
}

function chart({ points, percent, title }) {
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" });
  const xs = points.map(([x]) => x);
  const [low, high] = range(points.map(([, y]) => y), percent);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const px = (x) => PAD.left + ((x - first) / (last - first || 1)) * (W - PAD.left - PAD.right);
  const py = (y) => H - PAD.bottom - ((y - low) / (high - low)) * (H - PAD.top - PAD.bottom);
  for (const y of [low + (high - low) * 0.08, high - (high - low) * 0.08]) {
    svg.append(shape("line", { x1: PAD.left, x2: W - PAD.right, y1: py(y), y2: py(y), class: "grid" }));
    svg.append(shape("text", { x: PAD.left - 4, y: py(y) + 3, "text-anchor": "end" }, percent ? Math.round(100 * y) : label(y)));
  }
  for (const x of new Set([first, last])) {
    svg.append(shape("text", { x: px(x), y: H - 3, "text-anchor": x === first ? "start" : "end" }, x));
  }
  svg.append(shape("polyline", { points: points.map(([x, y]) => `${px(x)},${py(y)}`).join(" "), class: "line" }));
  const [x, y] = points.at(-1);
  svg.append(shape("circle", { cx: px(x), cy: py(y), r: 3, class: "dot" }));
  svg.setAttribute("aria-label", `${title}: ${points.map((p) => label(p[1], percent)).join(", ")}`);
  return svg;
}

export default function ({ data, parentElement }) {
  const figures = data.curves.map((curve) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    name.textContent = curve.title;
    const now = document.createElement("b");
    now.textContent = label(curve.points.at(-1)[1], curve.percent);
    caption.append(name, now);
    figure.append(caption, chart(curve));
    return figure;
  });
  parentElement.querySelector(".curves").replaceChildren(...figures);
}
