// Sends decisions to the server. A decision counts as saved only when the server said so; an
// unknown result (no answer, 5xx) is retried with the same key, so it is recorded once.

const WAITS_MS = [400, 1000, 2000, 4000, 8000];
const ANSWER_MS = 10000;
const KEPT_ALIVE = 60000; // browsers allow 64 KiB

class Refused extends Error {}

function newKey() {
  // crypto.randomUUID exists on https and localhost only; random bytes are there everywhere.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

class Saver {
  constructor(getContext) {
    this.getContext = getContext; // () => {api, reviewer}
    this.wake = () => {};
    this.stopped = false;
  }

  async save(decision, onRetry) {
    const answer = await this.post("decisions", { decisions: [decision] }, onRetry);
    return answer.results[0];
  }

  // Sends until there is an answer: each body carries its own key, so it is carried out once.
  async post(path, body, onRetry) {
    for (let attempt = 0; !this.stopped; attempt += 1) {
      const answer = await this.attempt(path, body);
      if (answer.body) return answer.body;
      if (answer.refused) throw new Refused(answer.refused);
      onRetry(attempt + 1);
      await this.pause(WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)]);
    }
    throw new Refused("The page was left before this decision was saved.");
  }

  async attempt(path, body) {
    const { api, reviewer } = this.getContext();
    try {
      const response = await send(`${api}/${path}`, { reviewer, ...body });
      if (response.ok) return { body: await response.json() };
      if (response.status === 401) await fetch(document.baseURI, { credentials: "same-origin" });
      if (response.status === 401 || response.status === 429 || response.status >= 500) return {};
      const told = await response.json().catch(() => ({}));
      return { refused: told.error || `The server refused the decision (${response.status}).` };
    } catch {
      return {}; // no answer: the result is unknown
    }
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  stop() {
    this.stopped = true;
    this.wake();
  }
}

function send(url, content) {
  const body = JSON.stringify(content);
  return fetch(url, {
    method: "POST",
    credentials: "same-origin",
    keepalive: body.length < KEPT_ALIVE, // is sent although the page is left
    headers: { "Content-Type": "application/json", "X-Turn-Audit": "1" },
    body,
    signal: AbortSignal.timeout(ANSWER_MS),
  });
}
