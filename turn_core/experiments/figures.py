"""Figures of explorations as PNG and SVG (matplotlib) or self-contained HTML (plotly).

`draw_figure2` draws maps as small multiples (TURN paper, Figure 2), `draw_curves` every measure
over the noise level. The suffix of the path chooses the format; the same data give the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from turn_core.durable import atomic_write
from turn_core.errors import ConfigError
from turn_core.experiments import figures_html, figures_print
from turn_core.experiments.figure_curves import curves_of
from turn_core.experiments.figure_style import FigurePanel, Grid, ThemeName, Words, theme_of
from turn_core.types.exploring import Panel

NO_WORDS = Words()
FORMATS = (".png", ".svg", ".html")


def draw_figure2(
    panels: Sequence[FigurePanel],
    path: Path,
    *,
    class_names: Sequence[str],
    words: Words = NO_WORDS,
    theme: ThemeName = "light",
) -> None:
    """Write maps side by side, coloured by class; the file is there whole or not at all.

    Raises:
        ConfigError: the suffix or the theme is unknown.
        DataError: there is no map, or its arrays do not fit.
        ResourceError: the disk is full.
    """
    _check_format(path)
    grid, look = Grid.of(panels, len(class_names)), theme_of(theme)
    if path.suffix == ".html":
        atomic_write(path, figures_html.maps(grid, class_names, words, look))
    else:
        atomic_write(path, figures_print.maps(grid, class_names, words, look, path.suffix[1:]))


def draw_curves(
    panels: Sequence[Panel], path: Path, *, words: Words = NO_WORDS, theme: ThemeName = "light"
) -> None:
    """Write every measure over the noise level: before, linear probe, FFT and TURN.

    Raises:
        ConfigError: the suffix or the theme is unknown.
        DataError: no panel was trained at a noise level.
        ResourceError: the disk is full.
    """
    _check_format(path)
    curves, look = curves_of(panels), theme_of(theme)
    if path.suffix == ".html":
        atomic_write(path, figures_html.curves(curves, words, look))
    else:
        atomic_write(path, figures_print.curves(curves, words, look, path.suffix[1:]))


def _check_format(path: Path) -> None:
    if path.suffix not in FORMATS:
        raise ConfigError(f"a figure is one of {', '.join(FORMATS)}, got {path.name!r}")
