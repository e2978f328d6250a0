"""Images on which reviewers disagree: the votes side by side, and the keys that settle them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.components.inline import inline_component, on_trigger
from turn_core.types import Action

_mount = inline_component(
    "adjudication",
    scripts=(
        "../review_card/dom.js",
        "../review_card/saver.js",
        "../review_card/zoom.js",
        "adjudication.js",
    ),
)
_MAY = {action.value for action in (Action.KEEP, Action.RELABEL, Action.EXCLUDE)}


@dataclass(frozen=True, slots=True)
class Settled:
    """How the person settles a conflict; `idem_key` was made when the image was shown."""

    sample_id: int
    version: int
    action: Action
    class_id: int | None
    idem_key: str
    seconds_spent: float


def adjudication(data: Mapping[str, Any], *, key: str) -> Settled | None:
    """Show the conflicts; return what was just settled.

    `data` holds `conflicts` (see app.views.adjudicating), their `total`, `classes` as [id, name],
    `said`: what became of the decision before, and `show`: the sample that was just taken back.
    """
    return _read(_mount(key=key, data=dict(data), on_settled_change=on_trigger).get("settled"))


def _read(wish: object) -> Settled | None:
    if not isinstance(wish, Mapping) or wish.get("action") not in _MAY:
        return None
    sample, version, class_id = (wish.get(name) for name in ("sample", "version", "class"))
    idem_key, seconds = wish.get("key"), wish.get("seconds")
    if not isinstance(sample, int) or not isinstance(version, int) or not isinstance(idem_key, str):
        return None
    return Settled(
        sample,
        version,
        Action(str(wish["action"])),
        class_id if isinstance(class_id, int) else None,
        idem_key,
        float(seconds) if isinstance(seconds, int | float) else 0.0,
    )
