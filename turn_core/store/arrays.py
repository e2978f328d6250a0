"""Arrays in safetensors files, written atomically and read through a memory map."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from turn_core.durable import atomic_write
from turn_core.errors import DataError, NotFoundError

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
_CODES = {np.dtype(kind): code for code, kind in DTYPES.items()}
_MAX_HEADER = 100 * 2**20


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays under their names into one file, atomically.

    Raises:
        DataError: an array has a type that the file cannot hold.
        ResourceError: the disk is full.
    """
    bodies: list[NDArray[Any]] = []
    header: dict[str, object] = {}
    offset = 0
    for name, array in arrays.items():
        body = np.ascontiguousarray(array).reshape(np.shape(array))
        code = _CODES.get(body.dtype)
        if code is None:
            raise DataError(f"array {name} has type {body.dtype}; use one of {', '.join(DTYPES)}")
        ends = [offset, offset + body.nbytes]
        header[name] = {"dtype": code, "shape": list(body.shape), "data_offsets": ends}
        bodies.append(body)
        offset = ends[1]
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)

    def write(file: BinaryIO) -> None:
        file.write(len(head).to_bytes(8, "little") + head)
        for body in bodies:
            file.write(body.reshape(-1).view(np.uint8).data)

    atomic_write(path, write)


def load_array(path: Path, name: str) -> NDArray[Any]:
    """Return one array of the file as a read-only memory map.

    Raises:
        NotFoundError: there is no such file, or no such array in it.
        DataError: the file is damaged.
    """
    header, start = _read_header(path)
    entry = header.get(name)
    if not isinstance(entry, dict):
        raise NotFoundError(f"{path.name} has no array {name}; it has {', '.join(header)}")
    try:
        dtype = np.dtype(DTYPES[entry["dtype"]])
        shape = tuple(int(size) for size in entry["shape"])
        begin, end = (int(place) for place in entry["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path.name} is damaged at array {name}") from error
    if end - begin != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"{path.name} is damaged: array {name} has a wrong size")
    if begin == end:
        return np.empty(shape, dtype)
    if start + end > path.stat().st_size:
        raise DataError(f"{path.name} is damaged: it ends before array {name} does")
    return np.memmap(path, dtype, "r", start + begin, shape)


def array_names(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in the file."""
    return tuple(_read_header(path)[0])


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _MAX_HEADER:
                raise DataError(f"{path.name} is damaged: its header cannot be read")
            header = json.loads(file.read(size))
    except FileNotFoundError as error:
        raise NotFoundError(f"the array file {path.name} is gone") from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path.name} is damaged: its header cannot be read") from error
    header.pop("__metadata__", None)
    return header, 8 + size
