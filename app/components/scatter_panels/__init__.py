"""Maps of an exploration side by side: selected, coloured and moved together in the browser.

Positions and labels come as bytes over our own routes (app/routes/explorations.py) and stay in the
browser. Python hears of a selection only when a person acts on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.components.inline import inline_component, on_trigger

_mount = inline_component(
    "scatter_panels",
    html="panels.html",
    css="panels.css",
    scripts=(
        "colours.js",
        "geometry.js",
        "plot.js",
        "source.js",
        "selection.js",
        "zoom.js",
        "panel.js",
        "gestures.js",
        "legend.js",
        "board.js",
        "picked.js",
        "main.js",
    ),
)


@dataclass(frozen=True, slots=True)
class Act:
    """What a person wants done with the selected samples: `kind` is `review` or `tag`."""

    kind: str
    name: str
    sample_ids: tuple[int, ...]


def scatter_panels(data: Mapping[str, Any], *, key: str) -> Act | None:
    """Show the maps; return what was asked for the selection, once.

    `data` holds `key` (what to remember the selection under), `api`, `classes` as [id, name] in
    their order, `tags` (names there are), and one or two `views`: see app.views.explore_maps.
    """
    wanted = _mount(key=key, data=data, on_act_change=on_trigger).get("act")
    if not isinstance(wanted, Mapping):
        return None
    kind, name, ids = wanted.get("kind"), wanted.get("name"), wanted.get("ids")
    if kind not in ("review", "tag") or not isinstance(name, str) or not isinstance(ids, list):
        return None
    known = tuple(int(i) for i in ids if isinstance(i, int | float) and 0 <= i < 2**53)
    return Act(kind, name.strip(), known) if known else None
