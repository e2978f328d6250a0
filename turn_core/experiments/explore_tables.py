"""The coordinates and figures of an exploration as Parquet and CSV tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from turn_core.durable import atomic_write
from turn_core.experiments.explore_data import SOURCES, Selection
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.explore_config import PROJECTIONS
from turn_core.types.distortion import METRICS
from turn_core.types.exploring import Panel

OWN_METRICS = ("accuracy", "noise_rate", "wrong_rate")
"""What a panel knows beside the measures of distortion."""
Columns = Mapping[str, Any]


def write_tables(
    folder: PanelFolder,
    selection: Selection,
    *,
    class_names: Sequence[str],
    file_names: Sequence[str],
) -> list[str]:
    """Write `coordinates` and `metrics`, each as .parquet and .csv; return the files' names.

    `class_names` are those of the data set, `file_names` (N,) those of the selection.

    Raises:
        ResourceError: the disk is full.
    """
    panels = folder.all()
    tables = {
        "coordinates": _coordinates(folder, panels, selection, class_names, file_names),
        "metrics": _metrics(panels),
    }
    names: list[str] = []
    for name, columns in tables.items():
        names += _write(folder.folder, name, columns)
    return names


def _coordinates(
    folder: PanelFolder,
    panels: Sequence[Panel],
    selection: Selection,
    class_names: Sequence[str],
    file_names: Sequence[str],
) -> Columns:
    """One row per panel and point; the maps side by side, empty where a panel lacks one."""
    points = selection.points
    common: dict[str, Any] = {
        "sample_id": selection.ids[points],
        "file_name": [file_names[place] for place in points],
        "label": _named(selection.labels[points], selection, class_names),
        "best_label": _named(selection.best[points], selection, class_names),
        "best_label_from": [SOURCES[place] for place in selection.source[points]],
    }
    drawn = [panel for panel in panels if panel.projections]
    columns: dict[str, Any] = _panel_columns(drawn, repeat=len(points))
    columns |= {name: [*values] * len(drawn) for name, values in common.items()}
    arrays = [folder.arrays(panel.idx) for panel in drawn]
    columns["purity"] = [value for found in arrays for value in _numbers(found["purity"])]
    for method in PROJECTIONS:
        for axis, name in enumerate(("x", "y")):
            none = [None] * len(points)
            columns[f"{method}_{name}"] = [
                value
                for found in arrays
                for value in (_numbers(found[method][:, axis]) if method in found else none)
            ]
    return columns


def _metrics(panels: Sequence[Panel]) -> Columns:
    """One row per panel."""
    known = {name for panel in panels for name in panel.metrics}
    names = [name for name in (*METRICS, *OWN_METRICS) if name in known]
    names += sorted(known - set(names))
    columns: dict[str, Any] = _panel_columns(panels)
    columns |= {name: [panel.metrics.get(name) for panel in panels] for name in names}
    return columns


def _panel_columns(panels: Sequence[Panel], repeat: int = 1) -> dict[str, Any]:
    def every(values: list[Any]) -> list[Any]:
        return [value for value in values for _ in range(repeat)]

    return {
        "panel": every([panel.idx for panel in panels]),
        "backbone": every([panel.backbone for panel in panels]),
        "method": every([panel.method.value for panel in panels]),
        "noise_level": every([panel.noise_level for panel in panels]),
    }


def _named(labels: Any, selection: Selection, class_names: Sequence[str]) -> list[str | None]:
    return [None if c < 0 else class_names[selection.classes[c]] for c in labels]


def _numbers(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _write(folder: Path, name: str, columns: Columns) -> list[str]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    numbers = {"panel": pa.int64(), "sample_id": pa.int64()}
    texts = ("backbone", "method", "file_name", "label", "best_label", "best_label_from")
    kinds = {c: numbers.get(c, pa.string() if c in texts else pa.float64()) for c in columns}
    table = pa.table({c: pa.array(values, kinds[c]) for c, values in columns.items()})

    def parquet(file: BinaryIO) -> None:
        pyarrow.parquet.write_table(table, file, compression="zstd")

    def csv(file: BinaryIO) -> None:
        pyarrow.csv.write_csv(table, file)

    atomic_write(folder / f"{name}.parquet", parquet)
    atomic_write(folder / f"{name}.csv", csv)
    return [f"{name}.parquet", f"{name}.csv"]
