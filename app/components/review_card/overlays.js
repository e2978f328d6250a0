// The question after a conflict, and the last page of the queue.

function describe(view, status, classId) {
  if (status === "excluded" || status === "needs_review" || status === "skipped") {
    return STATUS_TEXT[status].toLowerCase();
  }
  return `${STATUS_TEXT[status].toLowerCase()} · ${view.name(classId)}`;
}

// Resolves to "mine" or "theirs".
function askConflict(overlays, view, result, { action, classId }) {
  return new Promise((resolve) => {
    const panel = view.$("conflict");
    let choice = "theirs";
    const answer = (chosen) => {
      choice = chosen;
      overlays.close(panel);
    };
    const box = element("div", "box");
    const sides = element("div", "sides");
    const theirs = element("div");
    theirs.append(element("small", "", "Saved meanwhile"));
    theirs.append(element("b", "", describe(view, result.status, result.current)));
    const yours = element("div");
    const mine = action === "relabel" ? `relabeled · ${view.name(classId)}` : action.replace("_", " ");
    yours.append(element("small", "", "Your decision"), element("b", "", mine));
    sides.append(theirs, yours);
    const leave = pushButton("", "Leave as saved", () => answer("theirs"));
    leave.dataset.first = "";
    const row = element("div", "row");
    row.append(
      leave,
      pushButton("primary", "Save mine instead", () => answer("mine")),
    );
    box.append(element("h3", "", "Somebody else decided this image"), sides);
    if (result.message) box.append(element("p", "", result.message));
    box.append(row);
    overlays.show(panel, box, { onClose: () => resolve(choice) });
  });
}

function showFinish(panel, { total, skipped, onSkipped, onGo, loading }) {
  const box = element("div", "box");
  if (loading) {
    box.append(element("h3", "", "Looking for more images…"));
  } else {
    box.append(element("h3", "", total ? "The queue is done" : "There is nothing to review here"));
    const again = `${skipped.toLocaleString("en")} skipped ${skipped === 1 ? "image is" : "images are"} left. `;
    const out = "Left out: images already decided, those that somebody else has on screen just now, unreadable " +
      "ones, and those that the round did not score.";
    box.append(element("p", "", (skipped ? again : "") + out));
    box.append(element("p", "", "Train again, so that the next round learns from your decisions, or export the labels."));
    const row = element("div", "row");
    if (skipped) row.append(pushButton("", "Review the skipped", onSkipped));
    row.append(pushButton("", "Export the labels", () => onGo("export")));
    row.append(pushButton("primary", "Train the next round", () => onGo("runs")));
    box.append(row);
  }
  panel.replaceChildren(box);
}
