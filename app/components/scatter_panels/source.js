// Fetches what the server keeps as plain bytes: the samples of an exploration and the maps.

async function bytes(address) {
  const answer = await fetch(address, { headers: { "X-Turn-Audit": "1" } });
  if (answer.ok) return answer.arrayBuffer();
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error || `the server answered ${answer.status}`);
}

const READERS = {
  f8: Float64Array, f4: Float32Array, i4: Int32Array, u1: Uint8Array,
};

// u32 length of a JSON header, the header, zeros up to a multiple of 8, then one column after the other.
function readTable(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = Math.ceil((4 + length) / 8) * 8;
  const columns = {};
  for (const [name, kind, width] of header.columns) {
    const Reader = READERS[kind];
    const number = header.number * width;
    columns[name] = new Reader(buffer, at, number);
    at += Math.ceil((number * Reader.BYTES_PER_ELEMENT) / 8) * 8;
  }
  return { number: header.number, names: header.names, ...columns };
}

// One exploration in the browser: its samples, its maps as far as they were needed, and the masks.
class Samples {
  constructor(api, view) {
    this.api = api;
    this.maps = new Map();
    this.number = 0;
    this.update(view);
  }

  update(view) {
    this.view = view;
    this.address = `${this.api}/explorations/${view.id}`;
  }

  async load() {
    if (this.loaded === this.view.version) return;
    const version = this.view.version;
    const table = readTable(await bytes(`${this.address}/points?v=${version}`));
    this.loaded = version;
    this.table = table;
    this.number = table.number;
    this.place = new Map(Array.from(table.id, (id, at) => [id, at]));
    this.shown = new Uint8Array(this.number).fill(1);
    this.selected = new Uint8Array(this.number);
  }

  // A map (pca, tsne, umap: x, y pairs) or the purity of a panel; fetched once.
  array(panel, name) {
    const key = `${panel.index}/${name}`;
    if (!this.maps.has(key)) {
      const wanted = bytes(`${this.address}/panels/${key}?v=${panel.version}`).then((buffer) => new Float32Array(buffer));
      this.maps.set(key, wanted);
      wanted.catch(() => this.maps.delete(key));
    }
    return this.maps.get(key);
  }

  sha(at) {
    return Array.from(this.table.sha.subarray(8 * at, 8 * at + 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  thumb(at) {
    return `${this.api}/samples/${this.table.id[at]}/thumb?v=${this.sha(at)}`;
  }

  fact(at, names) {
    const { table } = this;
    const label = (id) => (id < 0 ? null : (names.get(id) ?? "unknown class"));
    const thumb = () => this.thumb(at);
    return {
      id: table.id[at], name: table.names[at],
      get thumb() {
        return thumb(); // only what is shown needs an address
      },
      given: label(table.given[at]), suggested: label(table.suggested[at]), current: label(table.current[at]),
      truth: label(table.true[at]), clean: Number.isNaN(table.clean[at]) ? null : table.clean[at],
      issue: table.issue[at] === 1,
    };
  }

  has(column) {
    const values = this.table?.[column];
    if (!values) return false;
    if (column === "clean") return values.some((value) => !Number.isNaN(value));
    return column === "issue" ? values.some((value) => value < 2) : values.some((value) => value >= 0);
  }
}
