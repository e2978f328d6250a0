// What a point looks like: a code per sample, and for each code a colour and a shape.
// Ten colours that stay apart for every common colour vision (least difference in OKLab above 0.1)
// and from the ground (contrast of 2 and more, so that a selected point never looks faded);
// from the eleventh class on the colours come again with another shape.

const LIGHT = ["#48b5ff", "#fa9f08", "#0b9059", "#7c00d5", "#ff1a0e", "#255a80", "#a06fb4", "#400075", "#a3040f", "#4e0605"];
const DARK = ["#1dd0fa", "#f7e60d", "#2e9a94", "#a37ef9", "#f9b095", "#c21a3c", "#c1faec", "#9f05e1", "#bc870c", "#615e8e"];
const SHAPES = ["disc", "square", "triangle", "diamond", "cross", "drop"];
const BINS = 64;

const MODES = {
  given: { title: "Given label", column: "given", kind: "class" },
  suggested: { title: "Suggested label", column: "suggested", kind: "class" },
  current: { title: "Label now", column: "current", kind: "class" },
  true: { title: "True label", column: "true", kind: "class" },
  clean: { title: "Clean probability", column: "clean", kind: "share", low: "likely wrong", high: "likely right" },
  issue: { title: "Label issue", column: "issue", kind: "issue" },
  purity: { title: "Neighbour purity", kind: "share", low: "mixed", high: "pure" },
};

const packed = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
const rgbOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const mixed = (a, b, share) => a.map((value, at) => Math.round(value + (b[at] - value) * share));
const cssOf = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

// The colours of the theme, read once per theme: canvases know no CSS variables.
function themeOf(root) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(root);
  const read = (name) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = "#888888";
    probe.fillStyle = style.getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const ground = read("--st-background-color");
  const dark = ground[0] + ground[1] + ground[2] < 384;
  return {
    ground, dark, text: read("--st-text-color"), accent: read("--st-primary-color"),
    warm: read("--st-orange-color"), cool: read("--st-blue-color"), grey: read("--st-gray-color"),
    classes: (dark ? DARK : LIGHT).map(rgbOf),
  };
}

const rampColour = (theme, share) => {
  const middle = mixed(theme.ground, theme.grey, 0.45);
  return share < 0.5 ? mixed(theme.warm, middle, 2 * share) : mixed(middle, theme.cool, 2 * share - 1);
};

// Gives { codes, colours, shapes, labels, top }; `top` is the code that is drawn over the others.
function colouring(mode, column, classes, theme) {
  const { kind } = MODES[mode];
  if (kind === "class") return classColouring(column, classes, theme);
  if (kind === "issue") return issueColouring(column, theme);
  return shareColouring(column, theme);
}

function classColouring(column, classes, theme) {
  const place = new Map(classes.map(([id], at) => [id, at]));
  const none = classes.length;
  const codes = Uint16Array.from(column, (id) => place.get(id) ?? none);
  const colours = classes.map((_, at) => theme.classes[at % theme.classes.length]);
  const shapes = classes.map((_, at) => Math.floor(at / theme.classes.length) % SHAPES.length);
  return {
    codes, colours: [...colours, mixed(theme.grey, theme.ground, 0.35)], shapes: [...shapes, 4],
    labels: [...classes.map(([, name]) => name), "no label"], top: -1,
  };
}

function issueColouring(column, theme) {
  const codes = Uint16Array.from(column, (value) => (value > 1 ? 2 : value));
  return {
    codes, colours: [mixed(theme.cool, theme.ground, 0.3), theme.warm, mixed(theme.grey, theme.ground, 0.4)],
    shapes: [0, 3, 4], labels: ["looks right", "label issue", "not scored"], top: 1,
  };
}

function shareColouring(column, theme) {
  const last = BINS - 1;
  const codes = Uint16Array.from(column, (value) => (Number.isNaN(value) ? BINS : Math.min(last, Math.max(0, Math.floor(value * BINS)))));
  const colours = Array.from({ length: BINS }, (_, at) => rampColour(theme, at / last));
  return {
    codes, colours: [...colours, mixed(theme.grey, theme.ground, 0.4)], shapes: new Array(BINS).fill(0).concat(4),
    labels: null, top: -1,
  };
}
