// Sends one file in pieces of 8 MB straight to disk. A piece that got no answer is sent again from
// the offset that the server has; a file picked again after a reload goes on where it stopped.

const PIECE = 8 * 1024 * 1024;
const TRIES = 8;
const HEADERS = { "X-Turn-Audit": "1" };

class Problem extends Error {}

function readable(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

class Upload {
  constructor(api, file, onProgress) {
    Object.assign(this, { api, file, onProgress, offset: 0, token: null });
    this.abort = new AbortController();
    this.memory = `turn-upload:${file.name}:${file.size}:${file.lastModified}`;
  }

  async run() {
    await this.open();
    this.started = performance.now();
    this.from = this.offset;
    while (this.offset < this.file.size) await this.piece();
    await this.call(`${this.api}/${this.token}/finish`, { method: "POST" });
    localStorage.removeItem(this.memory);
    return { token: this.token, name: this.file.name, size: this.file.size };
  }

  async open() {
    const earlier = localStorage.getItem(this.memory);
    if (earlier) {
      const answer = await this.fetch(`${this.api}/${earlier}`, { method: "GET" }).catch(() => null);
      if (answer?.ok) {
        this.token = earlier;
        this.offset = (await answer.json()).offset;
        return;
      }
    }
    const body = JSON.stringify({ name: this.file.name, size: this.file.size });
    ({ token: this.token } = await this.call(this.api, { method: "POST", body }));
    localStorage.setItem(this.memory, this.token);
  }

  async piece() {
    const body = this.file.slice(this.offset, this.offset + PIECE);
    const url = `${this.api}/${this.token}`;
    const answer = await this.call(`${url}?offset=${this.offset}`, { method: "PUT", body }, async () => {
      this.offset = (await (await this.fetch(url, { method: "GET" })).json()).offset;
      return { offset: this.offset };
    });
    this.offset = answer.offset;
    const seconds = (performance.now() - this.started) / 1000;
    this.onProgress(this.offset / this.file.size, (this.offset - this.from) / Math.max(seconds, 0.01));
  }

  // Retries what got no answer or a server fault; `recover` asks how far the file really is.
  async call(url, options, recover) {
    for (let attempt = 1; ; attempt += 1) {
      let fault = "The connection broke.";
      try {
        const answer = await this.fetch(url, options);
        if (answer.ok) return await answer.json();
        const { error } = await answer.json().catch(() => ({}));
        if (answer.status === 409 && recover) return await recover();
        if (answer.status < 500 || answer.status === 507) throw new Problem(error || `The server refused the upload (${answer.status}).`);
        fault = `The server failed (${answer.status}); its log says why.`;
      } catch (error) {
        if (error instanceof Problem || this.abort.signal.aborted) throw error;
      }
      if (attempt === TRIES) throw new Problem(`${fault} Choose the same file again: it goes on where it stopped.`);
      this.onProgress(this.offset / this.file.size, null);
      await new Promise((resolve) => setTimeout(resolve, 400 * attempt));
      if (recover) {
        const now = await recover().catch(() => null);
        if (now) return now;
      }
    }
  }

  fetch(url, options) {
    return fetch(url, { credentials: "same-origin", headers: HEADERS, signal: this.abort.signal, ...options });
  }

  async cancel() {
    this.abort.abort();
    localStorage.removeItem(this.memory);
    if (this.token) await fetch(`${this.api}/${this.token}`, { method: "DELETE", headers: HEADERS, keepalive: true });
  }
}

class Uploader {
  constructor(root) {
    this.root = root;
    this.zone = root.querySelector(".zone");
    this.input = root.querySelector("input");
    this.going = root.querySelector(".going");
    this.problem = root.querySelector(".problem");
    this.input.addEventListener("change", () => this.start(this.input.files[0]));
    root.querySelector("button").addEventListener("click", () => this.cancel());
    for (const kind of ["dragenter", "dragover"]) this.zone.addEventListener(kind, (event) => this.over(event, true));
    for (const kind of ["dragleave", "drop"]) this.zone.addEventListener(kind, (event) => this.over(event, false));
    this.zone.addEventListener("drop", (event) => this.start(event.dataTransfer.files[0]));
  }

  update(component) {
    this.component = component;
    this.root.querySelector(".js-title").textContent = component.data.title;
    this.root.querySelector(".js-hint").textContent = component.data.hint;
    this.input.accept = component.data.accept;
  }

  over(event, is) {
    event.preventDefault();
    this.zone.classList.toggle("over", is);
  }

  async start(file) {
    this.input.value = "";
    if (!file || this.upload) return;
    const { api, maxBytes } = this.component.data;
    if (file.size > maxBytes) {
      this.fail(`${file.name} has ${readable(file.size)}; an upload may have at most ${readable(maxBytes)}. Put larger sets into a folder on the server.`);
      return;
    }
    this.show(file);
    this.upload = new Upload(api, file, (share, rate) => this.progress(share, rate, file.size));
    const mine = this.upload;
    try {
      const result = await mine.run();
      this.component.setTriggerValue("done", result);
    } catch (error) {
      if (!mine.abort.signal.aborted) this.fail(error.message);
    } finally {
      if (this.upload === mine) this.reset();
    }
  }

  show(file) {
    this.problem.hidden = true;
    this.zone.hidden = true;
    this.going.hidden = false;
    this.root.querySelector(".js-name").textContent = file.name;
    this.progress(0, 0, file.size);
  }

  progress(share, rate, size) {
    const bar = this.root.querySelector(".track");
    bar.firstElementChild.style.width = `${100 * share}%`;
    bar.setAttribute("aria-valuenow", Math.round(100 * share));
    const speed = rate === null ? "waiting for the connection" : rate ? `${readable(rate)}/s` : "starting";
    this.root.querySelector(".js-state").textContent = `${readable(share * size)} of ${readable(size)} · ${speed}`;
  }

  async cancel() {
    const { upload } = this;
    this.reset();
    await upload?.cancel().catch(() => {}); // what stays on the server is swept after a day
  }

  reset() {
    this.upload = null;
    this.zone.hidden = false;
    this.going.hidden = true;
  }

  fail(text) {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }
}

export default function (component) {
  const host = component.parentElement;
  host.turnUploader ??= new Uploader(host.querySelector(".up"));
  host.turnUploader.update(component);
  return () => {
    host.turnUploader?.upload?.abort.abort();
    delete host.turnUploader;
  };
}
