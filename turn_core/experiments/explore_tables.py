"""The coordinates and figures of an exploration as Parquet and CSV tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from turn_core.durable import atomic_write
from turn_core.experiments.explore_data import Selection
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.study_data import SOURCES
from turn_core.explore_config import PROJECTIONS
from turn_core.types.distortion import METRICS
from turn_core.types.exploring import Panel

OWN_METRICS = ("accuracy", "noise_rate", "wrong_rate")
"""What a panel knows beside the measures of distortion."""
Columns = Mapping[str, NDArray[Any]]


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
    common = {
        "sample_id": selection.ids[points],
        "file_name": np.array(file_names, np.object_)[points],
        "label": _named(selection.labels[points], selection, class_names),
        "best_label": _named(selection.best[points], selection, class_names),
        "best_label_from": np.array(SOURCES, np.object_)[selection.source[points]],
    }
    drawn = [panel for panel in panels if panel.projections]
    columns = _panel_columns(drawn, repeat=len(points))
    columns |= {name: np.tile(values, len(drawn)) for name, values in common.items()}
    arrays = [folder.arrays(panel.idx) for panel in drawn]
    columns["purity"] = np.concatenate([found["purity"] for found in arrays])
    nowhere = np.full((len(points), 2), np.nan, np.float32)
    for method in PROJECTIONS:
        places = np.concatenate([found.get(method, nowhere) for found in arrays])
        columns |= {f"{method}_x": places[:, 0], f"{method}_y": places[:, 1]}
    return columns


def _metrics(panels: Sequence[Panel]) -> Columns:
    """One row per panel."""
    known = {name for panel in panels for name in panel.metrics}
    names = [name for name in (*METRICS, *OWN_METRICS) if name in known]
    names += sorted(known - set(names))
    columns = _panel_columns(panels)
    for name in names:
        columns[name] = np.array([panel.metrics.get(name, np.nan) for panel in panels], float)
    return columns


def _panel_columns(panels: Sequence[Panel], repeat: int = 1) -> dict[str, NDArray[Any]]:
    levels = [np.nan if panel.noise_level is None else panel.noise_level for panel in panels]
    columns: dict[str, NDArray[Any]] = {
        "panel": np.array([panel.idx for panel in panels], np.int64),
        "backbone": np.array([panel.backbone for panel in panels], np.object_),
        "method": np.array([panel.method.value for panel in panels], np.object_),
        "noise_level": np.array(levels, float),
    }
    return {name: np.repeat(values, repeat) for name, values in columns.items()}


def _named(
    labels: NDArray[np.int64], selection: Selection, class_names: Sequence[str]
) -> NDArray[np.object_]:
    chosen = [class_names[index] for index in selection.classes]
    return np.array([*chosen, None], np.object_)[labels]  # -1 is the last one: none


def _write(folder: Path, name: str, columns: Columns) -> list[str]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    # from_pandas: what is not a number is an empty field.
    table = pa.table({c: pa.array(values, from_pandas=True) for c, values in columns.items()})

    def parquet(file: BinaryIO) -> None:
        pyarrow.parquet.write_table(table, file, compression="zstd")

    def csv(file: BinaryIO) -> None:
        pyarrow.csv.write_csv(table, file)

    atomic_write(folder / f"{name}.parquet", parquet)
    atomic_write(folder / f"{name}.csv", csv)
    return [f"{name}.parquet", f"{name}.csv"]
