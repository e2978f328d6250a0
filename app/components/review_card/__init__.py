"""The review card: one image large, its labels, and the keys that decide.

It keeps its own queue in the browser, saves every decision through `/api/.../decisions` before the
next image appears, and asks Streamlit for nothing but navigation (docs/adr/0006).
"""

from typing import Any

from app.components.inline import inline_component

_mount = inline_component(
    "turn_review_card",
    folder="review_card",
    html="card.html",
    css=("card.css", "grid.css"),
    scripts=(
        *("dom.js", "prefs.js", "keymap.js", "saver.js", "deck.js", "plan.js", "picker.js", "view.js"),
        *("head.js", "overlays.js", "sheet.js", "keys.js", "runner.js"),
        *("selection.js", "grid.js", "bulk.js", "gridmode.js", "zoom.js", "closer.js", "main.js"),
    ),
)


def review_card(data: dict[str, Any], *, key: str) -> str | None:
    """Show the card; return `runs` or `export` when the reviewer asks to go there.

    `data` holds `queueKey` (a change starts a new queue), `api`, `runId`, `queue` (the query parameters that describe it), `reviewer`,
    `tau`, `classes` as [id, name] by name, `fallbacks` (what the names mean), `candidates` and
    `progress` as in app.routes.wire.
    """
    result = _mount(key=key, data=data, on_go_change=_nothing)
    go = result.get("go")
    return go if go in ("runs", "export") else None


def _nothing() -> None:
    """Streamlit wants a callback for each trigger; the return value is enough here."""
