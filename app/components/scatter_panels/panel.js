// One map: points, the lasso over them, and the sample under the pointer or reached by arrow keys.

const REACH = 12; // pixels around the pointer within which a point counts as meant
const CLICK = 4; // a lasso that stays this small is a click
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

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
    this.listen();
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
    const keys = "Arrow keys go from sample to sample, Enter selects, Escape clears.";
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
    return Boolean(this.afterXY && this.afterXY.length === 2 * this.samples.number && this.frame);
  }

  draw() {
    if (!this.ready || !this.field.clientWidth) return;
    const { state, theme } = this.explorer;
    this.plot.size(this.field.clientWidth, this.field.clientHeight, Math.min(2, window.devicePixelRatio || 1));
    this.plot.place(this.frame);
    this.xy = between(this.beforeXY, this.afterXY, state.share);
    const { shown, selected, numSelected } = this.samples;
    this.plot.draw(this.xy, this.explorer.look(this), { shown, selected, focus: numSelected > 0, ground: theme.ground });
    this.mark();
  }

  mark() {
    const { marks, plot } = this;
    if (marks.width !== plot.width || marks.height !== plot.height) [marks.width, marks.height] = [plot.width, plot.height];
    const context = marks.getContext("2d");
    context.clearRect(0, 0, marks.width, marks.height);
    if (!this.xy) return;
    const at = this.samples.place?.get(this.explorer.hovered) ?? -1;
    if (at >= 0) this.ring(context, at);
    if (this.lasso?.length > 1) this.outline(context);
  }

  ring(context, at) {
    const { plot } = this;
    const x = this.xy[2 * at] * plot.scale + plot.left;
    const y = plot.top - this.xy[2 * at + 1] * plot.scale;
    for (const [width, colour] of [[5, this.explorer.theme.ground], [2.2, this.explorer.theme.text]]) {
      context.beginPath();
      context.arc(x, y, plot.radius(this.samples.number) + 4 * plot.ratio, 0, 2 * Math.PI);
      context.lineWidth = width * plot.ratio;
      context.strokeStyle = cssOf(colour);
      context.stroke();
    }
  }

  outline(context) {
    const { ratio } = this.plot;
    context.beginPath();
    for (const [x, y] of this.lasso) context.lineTo(x * ratio, y * ratio);
    context.closePath();
    const [r, g, b] = this.explorer.theme.accent;
    context.fillStyle = `rgb(${r} ${g} ${b} / 12%)`;
    context.fill();
    context.lineWidth = 1.6 * ratio;
    context.strokeStyle = cssOf(this.explorer.theme.accent);
    context.stroke();
  }

  listen() {
    const { field } = this;
    const place = (event) => {
      const box = field.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    field.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.xy) return;
      field.setPointerCapture(event.pointerId);
      this.lasso = [place(event)];
      this.explorer.hover(null);
    });
    field.addEventListener("pointermove", (event) => {
      if (!this.xy) return;
      if (!this.lasso) this.explorer.hover(this.idAt(place(event)), this, event);
      else {
        for (const each of event.getCoalescedEvents?.() ?? [event]) this.lasso.push(place(each));
        this.mark();
      }
    });
    field.addEventListener("pointerup", (event) => this.release(event));
    field.addEventListener("pointercancel", () => this.drop());
    field.addEventListener("pointerleave", () => !this.lasso && this.explorer.hover(null));
    field.addEventListener("blur", () => this.explorer.hover(null));
    field.addEventListener("keydown", (event) => this.key(event));
  }

  drop() {
    this.lasso = null;
    this.mark();
  }

  mapXY([x, y]) {
    const { plot } = this;
    return [(x * plot.ratio - plot.left) / plot.scale, (plot.top - y * plot.ratio) / plot.scale];
  }

  indexAt(place) {
    const [x, y] = this.mapXY(place);
    return nearest(this.xy, this.samples.shown, x, y, (REACH * this.plot.ratio) / this.plot.scale);
  }

  idAt(place) {
    const at = this.indexAt(place);
    return at < 0 ? null : this.samples.table.id[at];
  }

  release(event) {
    const { lasso } = this;
    if (!lasso) return;
    this.lasso = null;
    const how = event.altKey ? "remove" : event.shiftKey || event.ctrlKey || event.metaKey ? "add" : "replace";
    const far = lasso.some(([x, y]) => Math.hypot(x - lasso[0][0], y - lasso[0][1]) > CLICK);
    if (far) {
      this.explorer.select(this.samples, caught(lasso.map((place) => this.mapXY(place)), this.xy, this.samples.shown), how);
    } else this.pick(this.indexAt(lasso[0]), how);
    this.mark();
  }

  pick(at, how) {
    const mask = new Uint8Array(this.samples.number);
    if (at >= 0) mask[at] = 1;
    const again = how === "add" && at >= 0 && this.samples.selected[at];
    this.explorer.select(this.samples, mask, again ? "remove" : how);
  }

  key(event) {
    if (!this.xy) return;
    if (event.key === "Escape") this.explorer.clear();
    else if (ARROWS[event.key]) this.step(ARROWS[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && this.at >= 0) this.pick(this.at, "add");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  step(direction) {
    const [x, y] = this.frame;
    this.at = this.at < 0 || !this.samples.shown[this.at]
      ? nearest(this.xy, this.samples.shown, x, y, Infinity)
      : towards(this.xy, this.samples.shown, this.at, direction);
    if (this.at < 0) return;
    const box = this.field.getBoundingClientRect();
    const { plot } = this;
    this.explorer.hover(this.samples.table.id[this.at], this, {
      clientX: box.left + (this.xy[2 * this.at] * plot.scale + plot.left) / plot.ratio,
      clientY: box.top + (plot.top - this.xy[2 * this.at + 1] * plot.scale) / plot.ratio,
    }, true);
  }
}
