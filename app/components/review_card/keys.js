// From a key press to a command of the page. Dead while a person types, and behind any dialog.

const REPEATABLE = new Set(["left", "right", "up", "down", "extend", "zoomIn", "zoomOut"]);

class Keys {
  constructor(root, keymap, overlays, { mode, onCommand }) {
    Object.assign(this, { root, keymap, overlays, mode, onCommand });
    this.listener = (event) => this.key(event);
    document.addEventListener("keydown", this.listener, true);
  }

  stop() {
    document.removeEventListener("keydown", this.listener, true);
  }

  key(event) {
    if (!this.root.isConnected || document.querySelector("[role=dialog]") || event.isComposing) return;
    const target = event.composedPath()[0];
    const typing = isTyping(target);
    if (typing && !this.root.contains(target)) return;
    if (this.overlays.key(event) || typing) return;
    const name = keyName(event);
    const command = this.keymap.find(name, this.mode());
    if (!command || (event.repeat && !REPEATABLE.has(command.id))) return;
    if ((name === "Enter" || name === "Space") && this.pressesButton(target)) return;
    if (this.onCommand(command, event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Enter and Space press a focused button; they are commands everywhere else.
  pressesButton(target) {
    return Boolean(target.closest?.("button, a[href], summary, label, input"));
  }
}
