// The one map from keys to commands, for the card and the grid. The sheet behind `?`, every key hint
// and every shortcut come from it. A key name is `mod+shift+z`: mod is Ctrl, or Cmd on a Mac.

const APPLE = /mac|iphone|ipad/i.test(navigator.platform || navigator.userAgent);
const COMMANDS = [
  { id: "keep", group: "Decide", keys: ["q"], text: "Keep the given label" },
  { id: "accept", group: "Decide", keys: ["w"], text: "Use the suggested label" },
  { id: "digit", group: "Decide", keys: ["1", "9"], text: "Choose the class with this number", fixed: true, between: " – " },
  { id: "search", group: "Decide", keys: ["/"], text: "Find any class by its name" },
  { id: "exclude", group: "Decide", keys: ["e"], text: "Exclude from training and clean exports" },
  { id: "needs_review", group: "Decide", keys: ["n"], text: "Needs review: leave it to a second reader" },
  { id: "skip", group: "Decide", keys: ["s"], text: "Skip: it comes back at the end" },
  { id: "undo", group: "Decide", keys: ["mod+z"], text: "Undo" },
  { id: "redo", group: "Decide", keys: ["mod+shift+z", "mod+y"], text: "Redo" },
  { id: "left", group: "Move", keys: ["ArrowLeft"], text: "Back, without deciding", fixed: true },
  { id: "right", group: "Move", keys: ["ArrowRight"], text: "On, without deciding", fixed: true },
  { id: "grid", group: "Move", keys: ["g"], text: "One image, or a grid of them" },
  { id: "up", group: "Move", keys: ["ArrowUp"], text: "A row up", mode: "grid", fixed: true },
  { id: "down", group: "Move", keys: ["ArrowDown"], text: "A row down", mode: "grid", fixed: true },
  { id: "nextGrid", group: "Move", keys: ["PageDown"], text: "The next 60", mode: "grid" },
  { id: "prevGrid", group: "Move", keys: ["PageUp"], text: "The 60 before", mode: "grid" },
  { id: "select", group: "Select", keys: ["Space", "x"], text: "Select the image, or not", mode: "grid" },
  { id: "extend", group: "Select", keys: ["shift+ArrowLeft", "shift+ArrowRight", "shift+ArrowUp", "shift+ArrowDown"], text: "Select from here to there", mode: "grid", fixed: true, hint: "shift+Arrows" },
  { id: "all", group: "Select", keys: ["mod+a"], text: "Select all in sight; again: the whole queue", mode: "grid" },
  { id: "zoomIn", group: "Look", keys: ["+", "="], text: "Larger; then drag to move", mode: "card" },
  { id: "zoomOut", group: "Look", keys: ["-"], text: "Smaller", mode: "card" },
  { id: "fit", group: "Look", keys: ["0"], text: "The whole image", mode: "card" },
  { id: "compare", group: "Look", keys: ["c"], text: "Beside the nearest images, or alone", mode: "card" },
  { id: "history", group: "Look", keys: ["h"], text: "Its epochs and decisions so far", mode: "card" },
  { id: "order", group: "Settings", keys: ["o"], text: "Digits by likelihood, or in a fixed order" },
  { id: "advance", group: "Settings", keys: ["a"], text: "Go on by itself after a decision, or stay" },
  { id: "help", group: "Settings", keys: ["?"], text: "Show or hide this list" },
  { id: "close", group: "Settings", keys: ["Escape"], text: "Clear the selection; close", fixed: true },
];
const REFUSED = /^(mod\+(shift\+)?[acfklnopqrstvwx]|(mod\+)?(Tab|Enter|Escape|Arrow\w+)|(mod\+)?[1-9]|F\d+|.*alt\+.*)$/;
const KEY_TEXT = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", Space: "Space",
  PageDown: "Page ↓", PageUp: "Page ↑", Arrows: "arrow", mod: APPLE ? "⌘" : "Ctrl", shift: APPLE ? "⇧" : "Shift",
};

// The name of the key that was pressed. Shift belongs to letters and named keys only: which key
// needs it for `?` or a digit depends on the keyboard.
function keyName(event) {
  let key = event.key === " " ? "Space" : event.key;
  const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  if (letter) key = key.toLowerCase();
  // Greek, Cyrillic, Hebrew...: take the letter printed on the key for Latin.
  if (letter && key > "\u024f" && /^Key[A-Z]$/.test(event.code)) key = event.code[3].toLowerCase();
  const typed = event.getModifierState?.("AltGraph");
  const held = [];
  if (!typed && (event.ctrlKey || event.metaKey)) held.push("mod");
  if (!typed && event.altKey) held.push("alt");
  if (event.shiftKey && (letter || key.length > 1)) held.push("shift");
  return [...held, key].join("+");
}

function keyText(name) {
  const parts = name === "+" ? ["+"] : name.split(/\+(?=.)/);
  return parts.map((part) => KEY_TEXT[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(APPLE ? "" : " ");
}

class Keymap {
  constructor(prefs) {
    this.prefs = prefs;
  }

  keys(command) {
    const own = this.prefs.get("keys")?.[command.id];
    return typeof own === "string" && !command.fixed ? [own] : command.keys;
  }

  isOwn(command) {
    return this.keys(command) !== command.keys;
  }

  // The command of a key in a mode; a digit is the command `digit` with its number.
  find(name, mode) {
    if (/^[1-9]$/.test(name)) return { id: "digit", digit: Number(name) };
    return COMMANDS.find((command) => this.works(command, mode) && this.keys(command).includes(name));
  }

  works(command, mode) {
    return !command.mode || command.mode === mode;
  }

  hint(id) {
    const command = COMMANDS.find((known) => known.id === id);
    const keys = this.keys(command);
    if (command.hint) return keyText(command.hint);
    return command.between ? keys.map(keyText).join(command.between) : keyText(keys[0]);
  }

  // Gives a command another key; returns why not, or an empty text.
  change(id, name) {
    if (REFUSED.test(name)) return `${keyText(name)} is needed by the browser or by this page. Press another key.`;
    const wanted = COMMANDS.find((command) => command.id === id);
    const meets = (other) => !other.mode || !wanted.mode || other.mode === wanted.mode;
    const taken = COMMANDS.find((other) => other.id !== id && meets(other) && this.keys(other).includes(name));
    if (taken) return `${keyText(name)} already means “${taken.text}”. Press another key, or change that one first.`;
    this.prefs.set("keys", { ...this.prefs.get("keys"), [id]: name });
    return "";
  }

  reset() {
    this.prefs.set("keys", {});
  }
}
