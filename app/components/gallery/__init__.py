"""A grid of thumbnails; a click opens one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.components.inline import inline_component, on_trigger

_mount = inline_component("gallery")


@dataclass(frozen=True, slots=True)
class Tile:
    """One cell: `was` is the given label where a reviewer changed it, `src` empty if unreadable."""

    id: int
    name: str
    src: str
    label: str
    note: str
    was: str = ""
    tiny: bool = False


def gallery(tiles: Sequence[Tile], *, key: str) -> int | None:
    """Show the tiles; return the id of one that was just clicked."""
    data = {"items": [asdict(tile) for tile in tiles]}
    opened = _mount(key=key, data=data, on_open_change=on_trigger).get("open")
    return opened if isinstance(opened, int) else None
