// Measures over the noise level: a small chart each, the same lines in all, the project's own noise
// rate marked. Methods differ by colour, dash and the shape of their points.

const W = 270;
const H = 150;
const PAD = { left: 34, right: 14, top: 14, bottom: 26 };
const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function dot(kind, x, y) {
  if (kind === "turn") return shape("rect", { x: x - 3.6, y: y - 3.6, width: 7.2, height: 7.2, class: "dot turn" });
  if (kind === "probe") return shape("path", { d: `M${x} ${y - 4.6}L${x + 4.6} ${y}L${x} ${y + 4.6}L${x - 4.6} ${y}Z`, class: "dot probe" });
  return shape("circle", { cx: x, cy: y, r: 4, class: "dot fft" });
}

// Round steps, so that the axis reads 0.6, 0.7, 0.8 and not 0.634.
function ticks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9; at += step) found.push(Math.abs(at) < 1e-12 ? 0 : at);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function scales(chart) {
  const values = chart.lines.flatMap((line) => line.points.map(([, y]) => y));
  if (chart.before !== null) values.push(chart.before);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.12, 0.02);
  const [from, to] = [low - room, high + room];
  return {
    low: from, high: to,
    px: (level) => PAD.left + level * (W - PAD.left - PAD.right),
    py: (value) => H - PAD.bottom - ((value - from) / (to - from)) * (H - PAD.top - PAD.bottom),
  };
}

function draw(chart, band) {
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", class: "chart" });
  const { low, high, px, py } = scales(chart);
  const { found, digits } = ticks(low, high);
  for (const value of found) {
    svg.append(shape("line", { x1: PAD.left, x2: W - PAD.right, y1: py(value), y2: py(value), class: "grid" }));
    svg.append(shape("text", { x: PAD.left - 6, y: py(value) + 3.5, "text-anchor": "end" }, value.toFixed(digits)));
  }
  for (const level of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(shape("text", { x: px(level), y: H - 12, "text-anchor": "middle" }, `${100 * level}${level === 1 ? " %" : ""}`));
  }
  svg.append(shape("text", { x: px(0.5), y: H - 0.5, "text-anchor": "middle" }, "wrong labels trained on"));
  if (band) mark(svg, band, px);
  if (chart.before !== null) svg.append(shape("line", { x1: px(0), x2: px(1), y1: py(chart.before), y2: py(chart.before), class: "before" }));
  for (const line of chart.lines) {
    svg.append(shape("polyline", { points: line.points.map(([x, y]) => `${px(x)},${py(y)}`).join(" "), class: `line ${line.kind}` }));
  }
  for (const line of chart.lines) {
    for (const [x, y] of line.points) {
      const point = dot(line.kind, px(x), py(y));
      point.append(shape("title", {}, `${line.name}, ${Math.round(1000 * x) / 10} % wrong: ${y.toFixed(3)}`));
      svg.append(point);
    }
  }
  svg.setAttribute("aria-label", spoken(chart));
  return svg;
}

function mark(svg, band, px) {
  const [left, right] = [px(Math.max(0, band.low)), px(Math.min(1, band.high))];
  svg.append(shape("rect", { x: left, y: PAD.top, width: Math.max(1, right - left), height: H - PAD.top - PAD.bottom, class: "band" }));
  svg.append(shape("line", { x1: px(band.value), x2: px(band.value), y1: PAD.top, y2: H - PAD.bottom, class: "rate" }));
  const end = band.value > 0.7;
  svg.append(shape("text", { x: px(band.value) + (end ? -3 : 3), y: PAD.top - 4, "text-anchor": end ? "end" : "start", class: "rate-text" }, band.text));
}

function spoken(chart) {
  const before = chart.before === null ? "" : `before ${chart.before.toFixed(3)}; `;
  const lines = chart.lines.map((line) => `${line.name}: ${line.points.map(([x, y]) => `${y.toFixed(3)} at ${Math.round(100 * x)} %`).join(", ")}`);
  return `${chart.title}; ${before}${lines.join("; ")}`;
}

function keyOf(charts) {
  const lines = new Map();
  for (const chart of charts) for (const line of chart.lines) lines.set(line.kind, line.name);
  const items = [...lines].map(([kind, name]) => {
    const sample = shape("svg", { viewBox: "0 0 30 12", "aria-hidden": "true" });
    sample.append(shape("line", { x1: 0, x2: 30, y1: 6, y2: 6, class: `line ${kind}` }), dot(kind, 15, 6));
    return [sample, name];
  });
  if (charts.some((chart) => chart.before !== null)) {
    const sample = shape("svg", { viewBox: "0 0 30 12", "aria-hidden": "true" });
    sample.append(shape("line", { x1: 0, x2: 30, y1: 6, y2: 6, class: "before" }));
    items.push([sample, "Before"]);
  }
  return items.map(([sample, name]) => {
    const item = document.createElement("li");
    item.append(sample, name);
    return item;
  });
}

export default function ({ data, parentElement }) {
  const figures = data.charts.map((chart) => {
    const figure = document.createElement("figure");
    figure.dataset.metric = chart.name;
    const caption = document.createElement("figcaption");
    const title = document.createElement("b");
    title.textContent = chart.title;
    const text = document.createElement("span");
    text.textContent = chart.explanation;
    caption.append(title, text);
    figure.append(caption, draw(chart, data.band));
    return figure;
  });
  parentElement.querySelector(".charts").replaceChildren(...figures);
  parentElement.querySelector(".key").replaceChildren(...keyOf(data.charts));
}
