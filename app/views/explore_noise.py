"""What some kinds of noise need to know: the size of blocks, groups of classes, a map of flips."""

from collections.abc import Sequence
from typing import TypedDict

import streamlit as st

from turn_core.errors import DataError
from turn_core.noise_config import NoiseKind
from turn_core.types import ClassInfo

KINDS: dict[NoiseKind, tuple[str, str]] = {
    "symmetric": ("Symmetric", "to any class at random, its own included"),
    "symmetric_excluding": ("Symmetric, never to itself", "to any other class at random"),
    "asymmetric_next": ("To the next class", "each class flips to the one after it"),
    "asymmetric_block": ("Within blocks", "each class flips to the next of its block of classes"),
    "asymmetric_superclass": ("Within groups", "each class flips to the next of its group"),
    "asymmetric_map": ("As I say", "each class flips to the one that you name"),
    "instance_cheng": ("By image, one matrix", "hard images flip more often (Cheng 2021)"),
    "instance_xia": ("By image, per class", "hard images flip more often (Xia 2020)"),
}
"""Each kind of noise with its title and what it does."""


class Needs(TypedDict, total=False):
    """The fields of a config that belong to its kind of noise."""

    block_size: int
    superclasses: tuple[int, ...]
    mapping: tuple[int, ...]


def needs(kind: NoiseKind, classes: Sequence[ClassInfo], *, key: str = "explore") -> Needs:
    """Show what the kind of noise needs, nothing for most; return it. `key` names the form.

    Raises:
        DataError: a class of the table has no group or no class to flip to.
    """
    names = [info.name for info in sorted(classes, key=lambda info: info.index)]
    if kind == "asymmetric_block":
        size = st.number_input(
            "Classes per block", 2, max(2, len(names)), min(5, max(2, len(names))), 1,
            key=f"{key}_block", help="Consecutive classes form a block.",
        )  # fmt: skip
        return {"block_size": int(size)}
    if kind == "asymmetric_superclass":
        return {"superclasses": _groups(names, f"{key}_groups")}
    return {"mapping": _flips(names, f"{key}_flips")} if kind == "asymmetric_map" else {}


def _groups(names: list[str], key: str) -> tuple[int, ...]:
    start: dict[str, list[object]] = {"Class": [*names]}
    start["Group"] = [index // 2 + 1 for index in range(len(names))]
    edited = st.data_editor(
        start,
        hide_index=True, width="stretch", disabled=["Class"], key=key,
        column_config={
            "Group": st.column_config.NumberColumn(
                min_value=0, step=1, required=True, help="Classes of the same number flip in turn."
            )
        },
    )  # fmt: skip
    return tuple(_whole(value, name) for name, value in zip(names, edited["Group"]))


def _flips(names: list[str], key: str) -> tuple[int, ...]:
    start: dict[str, list[object]] = {"Class": [*names], "Flips to": [*names[1:], *names[:1]]}
    edited = st.data_editor(
        start,
        hide_index=True, width="stretch", disabled=["Class"], key=key,
        column_config={
            "Flips to": st.column_config.SelectboxColumn(
                options=names, required=True, help="Its own name for a class that never flips."
            )
        },
    )  # fmt: skip
    place = {name: index for index, name in enumerate(names)}
    return tuple(_place(place, name, value) for name, value in zip(names, edited["Flips to"]))


def _whole(value: object, name: str) -> int:
    if isinstance(value, int | float) and value >= 0 and value == int(value):
        return int(value)
    raise DataError(f"the group of class {name!r} must be a whole number from 0, got {value!r}")


def _place(place: dict[str, int], name: str, value: object) -> int:
    if isinstance(value, str) and value in place:
        return place[value]
    raise DataError(f"class {name!r} must flip to a class of the project, got {value!r}")
