// The help sheet, the question after a conflict, and the last page of the queue.

const KEYS = [
  ["Q", "Keep the given label"],
  ["W", "Use the suggested label"],
  ["1 – 9", "Choose the class with this number"],
  ["/", "Find any class by its name"],
  ["E", "Exclude the image from training and from clean exports"],
  ["N", "Needs review: leave it to a second reader"],
  ["S", "Skip: it comes back at the end"],
  ["← →", "Back and forth without deciding"],
  [UNDO_KEY, "Undo the last decision"],
  ["?", "Show or hide this list"],
  ["Esc", "Close"],
];

function showHelp(sheet, close) {
  const box = element("div", "box");
  box.append(element("h3", "", "Review with the keyboard"));
  const list = element("dl");
  for (const [key, meaning] of KEYS) {
    const dt = element("dt");
    dt.append(element("kbd", "", key));
    list.append(dt, element("dd", "", meaning));
  }
  const text = "Every decision is saved before the next image appears. About half of all flagged " +
    "labels turn out to be right: keeping one is as good a result as correcting it.";
  const button = element("button", "primary", "Close");
  button.type = "button";
  button.addEventListener("click", close);
  box.append(list, element("p", "", text), button);
  sheet.replaceChildren(box);
  sheet.hidden = false;
  button.focus();
}

function describe(view, status, classId) {
  if (status === "excluded" || status === "needs_review" || status === "skipped") {
    return STATUS_TEXT[status].toLowerCase();
  }
  return `${STATUS_TEXT[status].toLowerCase()} · ${view.name(classId)}`;
}

// Resolves to "mine" or "theirs".
function askConflict(panel, view, card, result, mine) {
  return new Promise((resolve) => {
    const box = element("div", "box");
    const sides = element("div", "sides");
    const theirs = element("div");
    theirs.append(element("small", "", "Saved meanwhile"));
    theirs.append(element("b", "", describe(view, result.status, result.current)));
    const yours = element("div");
    yours.append(element("small", "", "Your decision"), element("b", "", mine));
    sides.append(theirs, yours);
    const answer = (choice) => {
      panel.hidden = true;
      panel.onAnswer = null;
      resolve(choice);
    };
    const row = element("div", "row");
    const keepTheirs = element("button", "", "Leave as saved");
    const useMine = element("button", "primary", "Save mine instead");
    keepTheirs.type = useMine.type = "button";
    keepTheirs.addEventListener("click", () => answer("theirs"));
    useMine.addEventListener("click", () => answer("mine"));
    row.append(keepTheirs, useMine);
    box.append(element("h3", "", "Somebody else decided this image"), sides);
    if (result.message) box.append(element("p", "", result.message));
    box.append(row);
    panel.replaceChildren(box);
    panel.hidden = false;
    panel.onAnswer = answer;
    keepTheirs.focus();
  });
}

function showFinish(panel, { total, skipped, onSkipped, onGo, loading }) {
  const box = element("div", "box");
  if (loading) {
    box.append(element("h3", "", "Looking for more images…"));
  } else {
    box.append(element("h3", "", total ? "The queue is done" : "There is nothing to review here"));
    const again = `${skipped.toLocaleString("en")} skipped ${skipped === 1 ? "image is" : "images are"} left. `;
    const out = "Left out: images already decided, unreadable ones, and those that the round did not score.";
    box.append(element("p", "", (skipped ? again : "") + out));
    box.append(element("p", "", "Train again, so that the next round learns from your decisions, or export the labels."));
    const row = element("div", "row");
    const add = (text, primary, action) => {
      const button = element("button", primary ? "primary" : "", text);
      button.type = "button";
      button.addEventListener("click", action);
      row.append(button);
    };
    if (skipped) add("Review the skipped", false, onSkipped);
    add("Export the labels", false, () => onGo("export"));
    add("Train the next round", true, () => onGo("runs"));
    box.append(row);
  }
  panel.replaceChildren(box);
}
