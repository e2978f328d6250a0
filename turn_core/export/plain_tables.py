"""Columns of plain values as Parquet and CSV, for tables that are small and not labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from turn_core.durable import atomic_write


def write_tables(folder: Path, name: str, columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Write `name`.parquet and `name`.csv and return the two names; None is an empty field.

    Raises:
        ResourceError: the disk is full.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    table = pa.table({column: pa.array(values) for column, values in columns.items()})

    def parquet(file: BinaryIO) -> None:
        pyarrow.parquet.write_table(table, file, compression="zstd")

    def csv(file: BinaryIO) -> None:
        pyarrow.csv.write_csv(table, file)

    atomic_write(folder / f"{name}.parquet", parquet)
    atomic_write(folder / f"{name}.csv", csv)
    return [f"{name}.parquet", f"{name}.csv"]
