// One map: points, the lasso over them, and the sample under the pointer or reached by arrow keys.

const REACH = 12; // pixels around the pointer within which a point counts as meant
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOM_KEYS = { "+": KEY_FACTOR, "=": KEY_FACTOR, "-": 1 / KEY_FACTOR };

function part(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

class Panel {
  constructor(explorer, samples, info) {
    this.explorer = explorer;
    this.samples = samples;
    this.info = info;
    this.id = `${samples.view.id}/${info.index}`;
    this.at = -1; // the sample that the arrow keys have reached
    this.root = part("figure", "map");
    this.root.dataset.panel = info.index;
    this.field = part("div", "field");
    this.field.tabIndex = 0;
    this.field.setAttribute("role", "application");
    this.points = part("canvas", "points");
    this.marks = part("canvas", "marks");
    this.field.append(this.points, this.marks);
    this.plot = new Plot(this.points);
    this.root.append(this.caption(), this.field);
    this.gestures = new Gestures(this);
  }

  caption() {
    const { info } = this;
    const line = part("figcaption");
    const title = part("b", "", info.title);
    title.title = info.spoken;
    const large = part("button", "quiet icon", "⤢");
    large.type = "button";
    large.title = "Enlarge this map, or show all again";
    large.setAttribute("aria-label", `Enlarge ${info.title}`);
    large.addEventListener("click", () => this.explorer.enlarge(this));
    const facts = part("span", "facts");
    for (const [name, value, help] of info.facts) {
      const fact = part("span", "", `${name} `);
      fact.title = help;
      fact.append(part("i", "", value));
      facts.append(fact);
    }
    line.append(title, large, facts);
    this.field.setAttribute("aria-label", this.spoken());
    return line;
  }

  spoken() {
    const facts = this.info.facts.map(([name, value]) => `${name} ${value}`).join(", ");
    const keys = "Arrow keys go from sample to sample, Enter selects, Escape clears. "
      + "Plus and minus zoom, Shift with an arrow moves the maps, zero shows them whole.";
    return `Map, ${this.info.spoken}. ${facts}. ${keys}`;
  }

  async load() {
    const name = this.explorer.mapOf(this.info);
    const [after, before] = await Promise.all([
      this.samples.array(this.info, name), this.samples.array(this.before?.info ?? this.info, name),
    ]);
    if (this.explorer.state.colour === "purity") this.purity = await this.samples.array(this.info, "purity");
    [this.afterXY, this.beforeXY] = [after, before];
  }

  // Points that are not as many as the samples would put every label on the wrong point.
  get ready() {
    const coloured = this.explorer.state.colour !== "purity" || this.purity;
    return Boolean(coloured && this.afterXY && this.afterXY.length === 2 * this.samples.number && this.frame);
  }

  // Where the points are on the canvas, as of now.
  aim() {
    this.plot.place(seenOf(this.frame, this.explorer.state.zoom));
  }

  draw() {
    if (!this.ready || !this.field.clientWidth) return;
    const { state, theme } = this.explorer;
    this.plot.size(this.field.clientWidth, this.field.clientHeight, Math.min(2, window.devicePixelRatio || 1));
    this.aim();
    this.xy = this.placesAt(state.share);
    const { shown, selected, numSelected } = this.samples;
    this.plot.draw(this.xy, this.explorer.look(this), {
      shown, selected, focus: numSelected > 0, ground: theme.ground, zoom: state.zoom.scale,
    });
    this.mark();
  }

  // The same array for the same share: the plot then knows that no point has moved.
  placesAt(share) {
    const { beforeXY, afterXY, placed } = this;
    if (placed?.share !== share || placed.beforeXY !== beforeXY || placed.afterXY !== afterXY) {
      this.placed = { share, beforeXY, afterXY, xy: between(beforeXY, afterXY, share) };
    }
    return this.placed.xy;
  }

  // The lasso follows the pointer once per frame, however many events come between.
  markSoon() {
    this.soon ??= requestAnimationFrame(() => {
      this.soon = null;
      this.mark();
    });
  }

  mark() {
    const { marks, plot, gestures } = this;
    const at = this.xy ? (this.samples.place?.get(this.explorer.hovered) ?? -1) : -1;
    const drawn = Boolean(this.xy) && gestures.lasso?.length > 1;
    if (at < 0 && !drawn && !this.marked) return;
    if (marks.width !== plot.width || marks.height !== plot.height) [marks.width, marks.height] = [plot.width, plot.height];
    const context = marks.getContext("2d");
    context.clearRect(0, 0, marks.width, marks.height);
    if (at >= 0) this.ring(context, at);
    if (drawn) this.outline(context, gestures.lasso);
    this.marked = at >= 0 || drawn;
  }

  ring(context, at) {
    const { plot } = this;
    const x = this.xy[2 * at] * plot.scale + plot.left;
    const y = plot.top - this.xy[2 * at + 1] * plot.scale;
    for (const [width, colour] of [[5, this.explorer.theme.ground], [2.2, this.explorer.theme.text]]) {
      context.beginPath();
      context.arc(x, y, plot.radius(this.samples.number, this.explorer.state.zoom.scale) + 4 * plot.ratio, 0, 2 * Math.PI);
      context.lineWidth = width * plot.ratio;
      context.strokeStyle = cssOf(colour);
      context.stroke();
    }
  }

  outline(context, lasso) {
    const { ratio } = this.plot;
    context.beginPath();
    for (const [x, y] of lasso) context.lineTo(x * ratio, y * ratio);
    context.closePath();
    const [r, g, b] = this.explorer.theme.accent;
    context.fillStyle = `rgb(${r} ${g} ${b} / 12%)`;
    context.fill();
    context.lineWidth = 1.6 * ratio;
    context.strokeStyle = cssOf(this.explorer.theme.accent);
    context.stroke();
  }

  mapXY([x, y]) {
    const { plot } = this;
    return [(x * plot.ratio - plot.left) / plot.scale, (plot.top - y * plot.ratio) / plot.scale];
  }

  // The same in halves of the frame from its centre, as the zoom counts.
  frameXY(place) {
    this.aim();
    return this.inFrame(...this.mapXY(place));
  }

  inFrame(x, y) {
    const [centreX, centreY, half] = this.frame;
    return [(x - centreX) / half, (y - centreY) / half];
  }

  indexAt(place) {
    const [x, y] = this.mapXY(place);
    return nearest(this.xy, this.samples.shown, x, y, (REACH * this.plot.ratio) / this.plot.scale);
  }

  idAt(place) {
    const at = this.indexAt(place);
    return at < 0 ? null : this.samples.table.id[at];
  }

  take(lasso, how) {
    const inside = caught(lasso.map((place) => this.mapXY(place)), this.xy, this.samples.shown);
    this.explorer.select(this.samples, inside, how);
  }

  pick(at, how) {
    const mask = new Uint8Array(this.samples.number);
    if (at >= 0) mask[at] = 1;
    const again = how === "add" && at >= 0 && this.samples.selected[at];
    this.explorer.select(this.samples, mask, again ? "remove" : how);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { explorer } = this;
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") explorer.clear();
    else if (arrow && event.shiftKey) explorer.shiftBy(arrow);
    else if (arrow) this.step(arrow);
    else if (ZOOM_KEYS[event.key]) explorer.zoomBy(ZOOM_KEYS[event.key], this.reached());
    else if (event.key === "0") explorer.lookAt(WHOLE);
    else if (event.key === "m") explorer.dragTo(explorer.state.drag === "move" ? "lasso" : "move");
    else if ((event.key === "Enter" || event.key === " ") && this.at >= 0) this.pick(this.at, "add");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Where the sample is that the arrow keys have reached, for the zoom.
  reached() {
    return this.at < 0 ? undefined : this.inFrame(this.xy[2 * this.at], this.xy[2 * this.at + 1]);
  }

  step(direction) {
    const [x, y] = seenOf(this.frame, this.explorer.state.zoom);
    this.at = this.at < 0 || !this.samples.shown[this.at]
      ? nearest(this.xy, this.samples.shown, x, y, Infinity)
      : towards(this.xy, this.samples.shown, this.at, direction);
    if (this.at < 0) return;
    this.explorer.reveal(this.reached());
    this.aim();
    const box = this.field.getBoundingClientRect();
    const { plot } = this;
    this.explorer.hover(this.samples.table.id[this.at], this, {
      clientX: box.left + (this.xy[2 * this.at] * plot.scale + plot.left) / plot.ratio,
      clientY: box.top + (plot.top - this.xy[2 * this.at + 1] * plot.scale) / plot.ratio,
    }, true);
  }
}
