// Small helpers that every part uses. Names from data are set as text only.

const STATUS_TEXT = {
  pending: "Pending", kept: "Kept", relabeled: "Relabeled", excluded: "Excluded",
  needs_review: "Needs review", skipped: "Skipped",
};

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function pushButton(className, text, action) {
  const button = element("button", className, text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

function percent(share) {
  if (share < 0.0005) return "<0.1 %";
  if (share > 0.9995) return ">99.9 %";
  if (share > 0.995) return `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
  if (share < 0.095) return `${(100 * share).toFixed(1)} %`;
  return `${Math.round(100 * share)} %`;
}

function amount(number, noun) {
  const many = noun.endsWith("s") ? `${noun}es` : `${noun}s`;
  return `${number.toLocaleString("en")} ${number === 1 ? noun : many}`;
}

// Warm for low, cool for high; the number always stands beside it.
function rampColor(share) {
  return `color-mix(in oklab, var(--cool) ${Math.round(100 * share)}%, var(--warm))`;
}

function cleanText(share) {
  return share.toFixed(share < 0.1 ? 3 : 2);
}

// Whether a key press goes into a text field, where it is text and nothing else.
function isTyping(target) {
  if (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName)) return true;
  const silent = ["checkbox", "radio", "range", "button", "submit"];
  return target.tagName === "INPUT" && !silent.includes(target.type);
}

// The dialogs above the page, the topmost last. The keys of a page behind one are dead.
class Overlays {
  constructor(root) {
    this.root = root;
    this.stack = [];
    for (const panel of root.querySelectorAll("dialog")) {
      panel.addEventListener("cancel", (event) => {
        event.preventDefault();
        this.close(panel);
      });
    }
  }

  get top() {
    return this.stack.at(-1);
  }

  show(panel, box, { onKey, onClose } = {}) {
    this.stack = this.stack.filter((entry) => entry.panel !== panel);
    this.stack.push({ panel, onKey, onClose });
    panel.replaceChildren(box);
    if (!panel.open) panel.showModal();
    box.querySelector("[data-first]")?.focus({ preventScroll: true });
  }

  isOpen(panel) {
    return panel.open;
  }

  close(panel) {
    const entry = this.stack.find((open) => open.panel === panel);
    if (!entry) return;
    this.stack = this.stack.filter((open) => open !== entry);
    panel.close();
    panel.replaceChildren();
    entry.onClose?.();
    if (!this.top) this.root.focus({ preventScroll: true });
  }

  // True when a dialog is open: the key is then no command of the page.
  key(event) {
    const { top } = this;
    if (!top) return false;
    if (top.onKey?.(event)) event.preventDefault();
    else if (event.key === "Escape") {
      event.preventDefault();
      this.close(top.panel);
    } else return true;
    event.stopPropagation();
    return true;
  }
}
