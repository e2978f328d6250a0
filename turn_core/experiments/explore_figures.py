"""The figures of an exploration: maps as in the TURN paper's Figure 2, and curves over noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.figure_curves import short_name
from turn_core.experiments.figure_style import FigurePanel, ThemeName, Words
from turn_core.experiments.figures import FORMATS, draw_curves, draw_figure2
from turn_core.explore_config import ProjectionMethod
from turn_core.types.exploring import Panel, PanelMethod

MAP_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
TITLE = "What fine-tuning on noisy labels does to the features"
CURVES_TITLE = "Distortion of the features over the noise level"
CURVES_CAPTION = (
    "All on the same held-out images. The linear probe leaves the features as they are; only the "
    "accuracy of its head differs."
)


def write_figures(
    folder: PanelFolder,
    labels: NDArray[np.integer],
    *,
    class_names: Sequence[str],
    what: str = "images",
    theme: ThemeName = "light",
) -> list[str]:
    """Write figure2 and curves as PNG, SVG and HTML beside the panels; return the files' names.

    `labels` (M,) are the points' places in `class_names`, -1 for none; `what` the points are. The
    maps are those of `best_map`.

    Raises:
        DataError: no panel is finished.
        ResourceError: the disk is full.
    """
    panels = folder.all()
    method = best_map(panels)
    drawn = figure_panels(folder, panels, labels, method)
    words = Words(TITLE, caption(method, len(labels), what))
    names = []
    for suffix in FORMATS:
        path = folder.folder / f"figure2{suffix}"
        draw_figure2(drawn, path, class_names=class_names, words=words, theme=theme)
        curves = folder.folder / f"curves{suffix}"
        draw_curves(panels, curves, words=Words(CURVES_TITLE, CURVES_CAPTION), theme=theme)
        names += [path.name, curves.name]
    return names


def best_map(panels: Sequence[Panel]) -> ProjectionMethod:
    """Return the map to draw: t-SNE as in the paper, else UMAP, else PCA."""
    mapped = [set(panel.projections) for panel in panels if panel.projections]
    everywhere = set.intersection(*mapped) if mapped else set()
    order: tuple[ProjectionMethod, ...] = ("tsne", "umap")
    return next((method for method in order if method in everywhere), "pca")


def figure_panels(
    folder: PanelFolder,
    panels: Sequence[Panel],
    labels: NDArray[np.integer],
    method: ProjectionMethod,
) -> list[FigurePanel]:
    """Return the maps in the paper's order: the lowest noise, before, then the higher levels.

    TURN stands next to FFT at the same level, on the far side from before.
    """
    mapped = [panel for panel in panels if method in panel.projections]
    levels = [panel.noise_level for panel in mapped if panel.noise_level is not None]
    lowest = min(levels, default=0.0)

    def place(panel: Panel) -> tuple[float, int]:
        turn = panel.method is PanelMethod.TURN
        if panel.noise_level is None:
            return (0, 0)
        if panel.noise_level == lowest and len(set(levels)) > 1:
            return (-1, -int(turn))
        return (1 + panel.noise_level, int(turn))

    return [
        FigurePanel(
            row=row_title(panel),
            column=short_name(panel.backbone),
            positions=folder.arrays(panel.idx)[method],
            labels=labels,
            note=_note(panel),
        )
        for panel in sorted(mapped, key=place)
    ]


def row_title(panel: Panel) -> str:
    """Return what was done to the features of a panel, in a few words."""
    if panel.noise_level is None:
        return "Before"
    return f"{panel.method.upper()}, {100 * panel.noise_level:g} % noise"


def caption(method: ProjectionMethod, count: int, what: str) -> str:
    """Return what a reader must know about the maps."""
    return (
        f"{MAP_NAMES[method]} of {count:,} held-out {what}, coloured by their best known label. "
        "Every map starts from the one before fine-tuning and is aligned to it, so that a point "
        "keeps its place as far as its neighbours do."
    )


def _note(panel: Panel) -> str:
    found = panel.metrics
    named = (("separability", "separability"), ("15-NN", "knn_accuracy"), ("CKA", "cka"))
    return " · ".join(f"{name} {found[key]:.2f}" for name, key in named if key in found)
