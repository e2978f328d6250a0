"""Given against true labels as a coloured table; a click on a pair opens it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.components.inline import inline_component, on_trigger

_mount = inline_component("joint_matrix")


@dataclass(frozen=True, slots=True)
class Cell:
    """A pair of classes by their place in the table; `open` label issues lie behind it."""

    given: int
    true: int
    expected: float
    open: int


def joint_matrix(names: Sequence[str], cells: Sequence[Cell], *, key: str) -> Cell | None:
    """Show the table; return the pair that was just clicked."""
    data = {"names": list(names), "cells": [asdict(cell) for cell in cells]}
    clicked = _mount(key=key, data=data, on_open_change=on_trigger).get("open")
    if not isinstance(clicked, list) or len(clicked) != 2:
        return None
    return next((cell for cell in cells if [cell.given, cell.true] == clicked), None)
