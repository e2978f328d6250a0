"""What figures look like: the colours of the explorer page, on light and on dark ground."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import ConfigError, DataError

ThemeName = Literal["light", "dark"]

MAX_NAME_CHARS = 28
MAX_LEGEND = 40
"""More classes are not named one by one."""

SHAPES = (("o", "circle"), ("s", "square"), ("^", "triangle-up"), ("D", "diamond"), ("P", "cross"))
"""As matplotlib and plotly call them; from the eleventh class on the colours come again."""


class Theme(NamedTuple):
    """Colours as hex; `classes` stay apart for every common colour vision."""

    ground: str
    panel: str
    edge: str
    text: str
    muted: str
    classes: tuple[str, ...]
    methods: tuple[str, str, str, str]
    """Of before, linear probe, FFT and TURN in curves."""


_LIGHT = Theme(
    ground="#ffffff",
    panel="#fbfcfe",
    edge="#d4dae6",
    text="#1a2233",
    muted="#5b6780",
    classes=(
        "#48b5ff",
        "#fa9f08",
        "#0b9059",
        "#7c00d5",
        "#ff1a0e",
        "#255a80",
        "#a06fb4",
        "#400075",
        "#a3040f",
        "#4e0605",
    ),
    methods=("#5b6780", "#059473", "#d9480f", "#3552c4"),
)
_DARK = Theme(
    ground="#10141d",
    panel="#151a25",
    edge="#2b3446",
    text="#e4e8f1",
    muted="#93a0b8",
    classes=(
        "#1dd0fa",
        "#f7e60d",
        "#2e9a94",
        "#a37ef9",
        "#f9b095",
        "#c21a3c",
        "#c1faec",
        "#9f05e1",
        "#bc870c",
        "#615e8e",
    ),
    methods=("#93a0b8", "#4cc29b", "#f0904a", "#8ea2ff"),
)


def theme_of(name: ThemeName) -> Theme:
    """Return the colours of `light` or `dark`.

    Raises:
        ConfigError: there is no such theme.
    """
    themes = {"light": _LIGHT, "dark": _DARK}
    if name not in themes:
        raise ConfigError(f"theme must be light or dark, got {name!r}")
    return themes[name]


class Words(NamedTuple):
    """What stands over a figure; may be long, may come from data."""

    title: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FigurePanel:
    """One map of a figure. Rows and columns stand in the order in which they first come."""

    row: str
    """What was done to the features."""
    column: str
    """The backbone; its maps share one scale."""
    positions: NDArray[np.floating]
    """(M, 2), finite."""
    labels: NDArray[np.integer]
    """(M,) places in the class names, -1 for none."""
    note: str = ""
    """A few figures, below the map."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Panels by place. With one backbone the rows lie side by side, to be read left to right."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: dict[tuple[int, int], FigurePanel]
    half: dict[str, float]
    """Half the side of the maps of a backbone: all its points are inside."""

    @staticmethod
    def of(panels: Sequence[FigurePanel], num_classes: int) -> "Grid":
        """Place the panels.

        Raises:
            DataError: there is no panel, two stand in one place, or a panel's arrays do not fit.
        """
        if not panels:
            raise DataError("a figure needs at least one map; finish a panel first")
        for panel in panels:
            _check(panel, num_classes)
        rows = tuple(dict.fromkeys(panel.row for panel in panels))
        columns = tuple(dict.fromkeys(panel.column for panel in panels))
        lies = len(columns) == 1 and len(rows) > 1
        placed = {}
        for panel in panels:
            place = (rows.index(panel.row), columns.index(panel.column))
            placed[place[::-1] if lies else place] = panel
        if len(placed) < len(panels):
            raise DataError("two maps of a figure have the same row and column; name them apart")
        half = {
            column: 1.04 * max(_reach(panel) for panel in panels if panel.column == column)
            for column in columns
        }
        return Grid(*((columns, rows) if lies else (rows, columns)), placed, half)


def centred(panel: FigurePanel) -> NDArray[np.float64]:
    """Return the positions (M, 2) round the middle of their extent."""
    low, high = panel.positions.min(axis=0), panel.positions.max(axis=0)
    return np.asarray(panel.positions - (low + high) / 2.0, np.float64)


def looks(num_classes: int, theme: Theme) -> list[tuple[str, tuple[str, str]]]:
    """Return colour and shape of every class."""
    count = len(theme.classes)
    return [
        (theme.classes[i % count], SHAPES[i // count % len(SHAPES)]) for i in range(num_classes)
    ]


def one_line(text: str, limit: int = MAX_NAME_CHARS) -> str:
    """Return a text from data as one printable line, cut where it is too long."""
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).strip()
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def legend_names(class_names: Sequence[str], shown: NDArray[np.integer]) -> list[tuple[int, str]]:
    """Return number and name of the classes that are shown, MAX_LEGEND at most."""
    named = [(c, one_line(class_names[c]) or f"class {c}") for c in shown.tolist() if c >= 0]
    return named[:MAX_LEGEND]


def _check(panel: FigurePanel, num_classes: int) -> None:
    count = len(panel.labels)
    if panel.positions.shape != (count, 2) or not count or not np.isfinite(panel.positions).all():
        raise DataError(
            f"map {panel.row}, {panel.column} has positions {panel.positions.shape} and labels "
            f"{panel.labels.shape}; give finite (M, 2) positions and one label for each"
        )
    if panel.labels.min() < -1 or panel.labels.max() >= num_classes:
        raise DataError(
            f"map {panel.row}, {panel.column} has labels from {panel.labels.min()} to "
            f"{panel.labels.max()}; there are {num_classes} class names"
        )


def _reach(panel: FigurePanel) -> float:
    return float(np.abs(centred(panel)).max()) or 1.0
