"""Small line charts of a run: one per curve, with the latest value in its title."""

from collections.abc import Mapping, Sequence

from app.components.inline import inline_component

_mount = inline_component("curves")

TITLES: dict[str, tuple[str, bool]] = {
    "probe_loss": ("Linear probe: loss per epoch", False),
    "clean_fraction": ("Share of clean labels per pass", True),
    "holdout_accuracy": ("Accuracy on the hold-out", True),
    "finetune_loss": ("Fine-tuning: loss", False),
    "search_accuracy": ("Held-out labels predicted by the best setting so far", True),
}
"""What each curve is called on screen, and whether it is a share."""


def curves(points: Mapping[str, Sequence[tuple[float, float]]], *, key: str) -> None:
    """Draw the known curves that have points, in a fixed order; nothing where there are none."""
    shown = [
        {"title": title, "percent": percent, "points": [list(point) for point in points[name]]}
        for name, (title, percent) in TITLES.items()
        if points.get(name)
    ]
    if shown:
        _mount(key=key, data={"curves": shown})
