"""The review card: one image large, its labels, and the keys that decide.

It keeps its own queue in the browser, saves every decision through `/api/.../decisions` before the
next image appears, and asks Streamlit for nothing but navigation (docs/adr/0006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.components.inline import inline_component, on_trigger

_mount = inline_component(
    "review_card",
    html="card.html",
    css=("card.css", "grid.css"),
    scripts=(
        *(
            "dom.js",
            "prefs.js",
            "keymap.js",
            "saver.js",
            "deck.js",
            "plan.js",
            "picker.js",
            "view.js",
        ),
        *("head.js", "bar.js", "overlays.js", "sheet.js", "keys.js", "runner.js"),
        *("selection.js", "grid.js", "bulk.js", "gridmode.js", "zoom.js", "closer.js", "main.js"),
    ),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reviewer asks the app for: another page, or another queue."""

    page: str | None = None
    queue: Mapping[str, str] | None = None


def review_card(data: dict[str, Any], *, key: str) -> Wish:
    """Show the card or the grid; return what the reviewer asks for: page `runs`, `export`, a queue.

    `data` holds `queueKey` (a change starts a new queue), `api`, `runId`, `queue` (the query
    parameters that describe it), `reviewer`, `settles` (whether they may settle what reviewers
    disagree on), `tau`, `classes` and `tags` as [id, name] by name,
    `fallbacks` (what the names mean), `candidates` and `progress` as in app.routes.wire.
    """
    result = _mount(key=key, data=data, on_go_change=on_trigger, on_queue_change=on_trigger)
    go, queue = result.get("go"), result.get("queue")
    return Wish(
        page=go if go in ("runs", "export") else None,
        queue=_texts(queue) if isinstance(queue, Mapping) else None,
    )


def _texts(query: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in query.items()}
