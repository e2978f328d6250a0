// The explorer: maps side by side whose samples are selected, coloured and moved together. All of it
// stays in the browser; only Send to review and Tag tell the server which samples are meant.

class Explorer extends Zooming {
  constructor(component) {
    super();
    this.root = component.parentElement.querySelector(".explorer");
    this.$ = (name) => this.root.querySelector(`.js-${name}`);
    this.state = { map: null, colour: "given", share: 1, zoom: WHOLE, drag: "lasso" };
    this.isolated = new Set();
    this.views = [];
    this.panels = [];
    this.hovered = null;
    this.legend = new Legend(this.$("legend"), this);
    this.picked = new Picked(this.$("picked"), this);
    this.tip = new Tip(this.$("tip"));
    this.watch();
  }

  watch() {
    this.resized = new ResizeObserver(() => this.paint());
    this.resized.observe(this.$("boards"));
    // The page follows the system's look without running again: the canvases must, too.
    this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => setTimeout(() => this.recolour(), 300);
    this.scheme.addEventListener("change", this.onScheme);
    this.onKey = (event) => event.key === "Escape" && !document.querySelector("[role=dialog]") && this.clear();
    this.root.addEventListener("keydown", this.onKey);
    this.$("share").addEventListener("input", (event) => this.slide(Number(event.target.value) / 100));
    this.$("play").addEventListener("click", () => this.play());
    this.$("colour").addEventListener("change", (event) => this.choose({ colour: event.target.value }));
    this.$("maps").addEventListener("change", (event) => this.choose({ map: event.target.value, zoom: WHOLE }));
    this.watchZoom();
  }

  unmount() {
    this.resized.disconnect();
    this.scheme.removeEventListener("change", this.onScheme);
    cancelAnimationFrame(this.playing);
    cancelAnimationFrame(this.waiting);
  }

  async update(component) {
    this.component = component;
    const { data } = component;
    this.theme = themeOf(this.root);
    this.picked.tags(data.tags);
    const signature = JSON.stringify([data.views, data.classes]);
    if (signature === this.signature) {
      this.recolour();
      return;
    }
    this.signature = signature;
    const fresh = this.data?.key !== data.key;
    this.data = data;
    this.names = new Map(data.classes);
    this.picked.allow(data.canReview);
    if (fresh) {
      this.isolated.clear();
      this.restore(data.key);
    }
    await this.rebuild(fresh);
  }

  async rebuild(fresh) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const known = new Map(fresh ? [] : this.views.map((view) => [view.view.id, view]));
    const views = this.data.views.map((view) => {
      const samples = known.get(view.id) ?? new Samples(this.data.api, view);
      samples.update(view);
      return samples;
    });
    const chosen = this.kept ?? this.ids();
    this.kept = null;
    this.root.setAttribute("aria-busy", "true");
    if (!this.panels.length) this.say("Loading the maps…");
    try {
      await Promise.all(views.map((view) => view.load()));
      if (turn !== this.turn) return;
      this.views = views;
      this.buildBoards();
      this.apply(chosen);
      this.controls();
      await this.load();
      if (this.isolated.size) this.isolate();
      this.say("");
    } catch (error) {
      if (turn === this.turn) this.say(`The maps cannot be shown: ${error.message}`);
    }
    this.root.removeAttribute("aria-busy");
  }

  buildBoards() {
    const boards = this.views.map((samples) => buildBoard(this, samples));
    this.panels = boards.flatMap((board) => board.panels);
    this.$("boards").replaceChildren(...boards.map((board) => board.root));
    this.$("boards").dataset.number = boards.length;
    this.root.dataset.panels = this.panels.length;
    const open = this.panels.find((panel) => panel.id === this.enlarged);
    this.enlarged = null;
    this.root.removeAttribute("data-large");
    if (open) this.enlarge(open);
  }

  get compared() {
    return this.views.length > 1;
  }

  controls() {
    const maps = MAPS.filter(([name]) => this.panels.some((panel) => panel.info.maps.includes(name)));
    if (!maps.some(([name]) => name === this.state.map)) this.state.map = (maps.find(([name]) => name !== "pca") ?? maps[0])?.[0];
    fillRadios(this.$("maps"), maps, this.state.map);
    const modes = Object.entries(MODES).filter(([name, mode]) => name === "purity" || this.views.some((view) => view.has(mode.column)));
    if (!modes.some(([name]) => name === this.state.colour)) this.state.colour = modes[0][0];
    fillSelect(this.$("colour"), modes.map(([name, mode]) => [name, mode.title]), this.state.colour);
    this.$("share").value = 100 * this.state.share;
    this.sayZoom();
  }

  mapOf(info) {
    return info.maps.includes(this.state.map) ? this.state.map : info.maps[0];
  }

  // Gets the arrays that the present map and colour need; then frames that hold before and after.
  async load() {
    await Promise.all(this.panels.map((panel) => panel.load()));
    for (const family of new Set(this.panels.map((panel) => panel.family))) {
      const members = this.panels.filter((panel) => panel.family === family);
      const frame = frameOf(members.map((panel) => panel.afterXY));
      for (const panel of members) panel.frame = frame;
    }
    this.wanted = `${this.state.map} ${this.state.colour}`;
    this.recolour();
  }

  async choose(change) {
    Object.assign(this.state, change);
    if (change.colour) this.isolated.clear();
    if (change.zoom) this.sayZoom();
    this.settleShown();
    this.remember();
    try {
      await this.load();
    } catch (error) {
      this.say(`This cannot be shown: ${error.message}`);
    }
  }

  // --- colours -------------------------------------------------------------------------------

  look(panel) {
    const { colour } = this.state;
    const key = colour === "purity" ? panel : panel.samples;
    if (!this.looks.has(key)) {
      const column = colour === "purity" ? panel.purity : panel.samples.table[MODES[colour].column];
      this.looks.set(key, colouring(colour, column, this.data.classes, this.theme));
    }
    return this.looks.get(key);
  }

  recolour() {
    this.theme = themeOf(this.root);
    this.root.style.colorScheme = this.theme.dark ? "dark" : "light";
    this.looks = new Map();
    this.describe();
    this.paint();
  }

  describe() {
    const found = this.tally();
    if (found) this.legend.show(found.look, { ...found, mode: this.state.colour, isolated: this.isolated, theme: this.theme });
  }

  // How many samples have each code of the legend, of all and of the selected ones.
  tally() {
    const panel = this.panels.find((each) => each.ready);
    if (!panel || !this.looks) return null;
    const look = this.look(panel);
    const counts = new Array(look.colours.length).fill(0);
    const picked = new Array(look.colours.length).fill(0);
    if (!look.labels) return { look, counts, picked };
    for (const view of this.views) {
      const { codes } = this.look(this.panels.find((each) => each.samples === view));
      for (let i = 0; i < view.number; i += 1) {
        counts[codes[i]] += 1;
        if (view.selected[i]) picked[codes[i]] += 1;
      }
    }
    return { look, counts, picked };
  }

  paint() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => {
      for (const panel of this.panels) panel.draw();
      if (this.panels.length && this.panels.every((panel) => panel.xy)) this.root.dataset.shown = this.wanted;
      this.root.dataset.painted = Number(this.root.dataset.painted ?? 0) + 1;
    });
  }

  // Shows or hides a class, all with null; without a code what is chosen holds for new points, too.
  isolate(code) {
    if (code === null) this.isolated.clear();
    else if (code !== undefined && !this.isolated.delete(code)) this.isolated.add(code);
    this.settleShown();
    this.describe();
    this.paint();
  }

  settleShown() {
    for (const view of this.views) {
      view.shown = new Uint8Array(view.number).fill(1); // another array: the plots see that it changed
      if (!this.isolated.size) continue;
      const { codes } = this.look(this.panels.find((panel) => panel.samples === view));
      for (let i = 0; i < view.number; i += 1) view.shown[i] = this.isolated.has(codes[i]) ? 1 : 0;
    }
  }

  // --- moving --------------------------------------------------------------------------------

  slide(share) {
    this.state.share = share;
    this.$("share").value = 100 * share;
    this.$("share").setAttribute("aria-valuetext", share === 0 ? "before" : share === 1 ? "after" : `${Math.round(100 * share)} % of the way`);
    this.paint();
    this.remember();
  }

  play() {
    cancelAnimationFrame(this.playing);
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.slide(this.state.share < 0.5 ? 1 : 0);
      return;
    }
    const begun = performance.now();
    const step = (now) => {
      const way = Math.min(1, Math.max(0, (now - begun - 350) / 1600));
      this.slide(way * way * (3 - 2 * way));
      if (way < 1) this.playing = requestAnimationFrame(step);
    };
    this.slide(0);
    this.playing = requestAnimationFrame(step);
  }

  enlarge(panel) {
    const open = this.enlarged !== panel.id;
    this.enlarged = open ? panel.id : null;
    this.root.toggleAttribute("data-large", open);
    for (const each of this.panels) each.root.toggleAttribute("data-open", open && each === panel);
    this.paint();
  }

  // --- remembering: what was chosen comes back after a visit to another page -------------------

  remember() {
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      const ids = [...this.ids()].slice(0, 20_000);
      const text = JSON.stringify({ ...this.state, ids });
      try {
        sessionStorage.setItem(`turn-explorer-${this.data.key}`, text);
      } catch {
        sessionStorage.clear(); // full: nothing in it is more than a convenience
      }
    }, 200);
  }

  restore(key) {
    const { ids, ...state } = JSON.parse(sessionStorage.getItem(`turn-explorer-${key}`) ?? "{}");
    Object.assign(this.state, state);
    this.kept = new Set(ids ?? []);
  }
}

export default function (component) {
  const host = component.parentElement;
  if (!host.turnExplorer) host.turnExplorer = new Explorer(component);
  host.turnExplorer.update(component);
  return () => {
    host.turnExplorer?.unmount();
    delete host.turnExplorer;
  };
}
