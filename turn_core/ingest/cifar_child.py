"""Opens one file of CIFAR-100's python version in a process of its own, and says what is in it.

Run by path, isolated, with the pickle as standard input (see `cifar_process`). Three walls stand
around the pickle: the only globals that it may name are those that numpy wrote into the official
files, and here they stand for inert records that hold no code, not for numpy; memory and CPU time
are bounded by the system; and nothing is believed before its exact type and size were checked.

Output of a `batch` of N images: a line of JSON with `labels` (N whole numbers) and `names` (N
texts, or none), then N times 3,072 bytes: red, green and blue, 32 x 32 each. Output of `meta`: a
line with `classes`. Where the file is refused: a line with `error`, the reason.
"""

import io
import json
import pickle
import resource
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

ROW_BYTES = 3 * 32 * 32
MAX_CLASSES = 10_000
_ENOUGH_FILES = 16


class Refused(Exception):  # noqa: N818 - a finding about the file, shown as its reason
    """The file is not what it should be; the message is the reason."""


class _Array:
    """What stands for an array: the state that numpy saved, unread."""

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Type:
    """What stands for an array's type of numbers; a name such as `u1`."""

    def __init__(self, name: Any = "", *_options: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Drop byte order and the like: a byte has none."""


class _ArrayKind:
    """What stands for the class of arrays, which is only ever named."""


def _new_array(*_what: Any) -> _Array:
    return _Array()


def _encode(text: Any, encoding: Any = "") -> bytes:
    """Bytes as Python 3 writes them into protocol 2."""
    if type(text) is not str or encoding != "latin1":
        raise Refused("it encodes a text as such a file does not")
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "ndarray"): _ArrayKind,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}
"""Every global that a file may name, and what it gets."""


class Restricted(pickle.Unpickler):
    """An unpickler for which nothing but `ALLOWED` exists."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of an allowed global; every other is refused."""
        found = ALLOWED.get((module, name))
        if found is None:
            raise Refused(f"it names {f'{module}.{name}'[:80]!r}, which such a file does not need")
        return found


def load(stream: BinaryIO) -> dict[str, Any]:
    """Return the dictionary that a file holds, its keys as texts.

    A hostile pickle can make the unpickler raise any exception.

    Raises:
        Refused: it names something it should not, or holds no dictionary.
    """
    found = Restricted(stream, encoding="bytes").load()
    if type(found) is not dict:
        raise Refused("it holds no dictionary")
    return {_text(key): value for key, value in found.items()}


def classes(found: dict[str, Any]) -> list[str]:
    """Return the names of the fine classes of a `meta` file, in the order of their numbers."""
    names = found.get("fine_label_names")
    if type(names) is not list or not names:
        raise Refused("it has no list of fine_label_names")
    texts = [_text(name) for name in names]
    if "" in texts or len(set(texts)) < len(texts):
        raise Refused("a class has no name, or the name of another")
    return texts


def batch(found: dict[str, Any]) -> tuple[list[int], list[str], Callable[[int], bytes]]:
    """Return labels, names and a way to the bytes of each image of a `train` or `test` file."""
    labels, names = found.get("fine_labels"), found.get("filenames", [])
    if type(labels) is not list or not all(map(_is_label, labels)):
        raise Refused("it has no list of fine_labels that are whole numbers from 0")
    if type(names) is not list or len(names) not in (0, len(labels)):
        raise Refused("it has not one of its filenames for each label")
    return labels, [_text(name) for name in names], _rows(found.get("data"), len(labels))


def _rows(data: Any, num_rows: int) -> Callable[[int], bytes]:
    state = data.state if type(data) is _Array else None
    if type(state) is not tuple or len(state) != 5:
        raise Refused("its data are not an array")
    _, shape, kind, by_column, raw = state
    name = kind.name if type(kind) is _Type else None
    if name not in ("u1", b"u1"):
        raise Refused("its data are not bytes (uint8)")
    if type(raw) is not bytes or shape != (num_rows, ROW_BYTES):
        raise Refused(f"its data are not one row of {ROW_BYTES} bytes for each of its labels")
    if len(raw) != num_rows * ROW_BYTES:
        raise Refused(f"its data have {len(raw):,} bytes, not {num_rows * ROW_BYTES:,}")
    view = memoryview(raw)
    if by_column:
        return lambda row: bytes(view[row::num_rows])
    return lambda row: bytes(view[row * ROW_BYTES : (row + 1) * ROW_BYTES])


def _is_label(value: Any) -> bool:
    return type(value) is int and 0 <= value < MAX_CLASSES


def _text(value: Any) -> str:
    if type(value) is bytes:
        return value.decode("utf-8", "replace")
    if type(value) is not str:
        raise Refused("it has a number where a text belongs")
    return value


def write(kind: str, stream: BinaryIO, out: BinaryIO) -> None:
    """Write what the file in `stream` holds to `out`, as the module says."""
    labels: list[int] = []
    try:
        found = load(stream)
        if kind == "meta":
            told: dict[str, Any] = {"classes": classes(found)}
        else:
            labels, names, row_of = batch(found)
            told = {"labels": labels, "names": names}
    except Refused as error:
        told = {"error": str(error)}
    except MemoryError:
        told = {"error": "it needs more memory to unpack than such a file does"}
    except RecursionError:
        told = {"error": "its parts lie inside each other without end"}
    except Exception as error:  # whatever a hostile pickle raises, the file is refused
        told = {"error": f"it is no sound pickle ({type(error).__name__})"}
    _line(out, told)
    for row in range(len(labels)):
        out.write(row_of(row))
    out.flush()


def _line(out: BinaryIO, values: dict[str, Any]) -> None:
    out.write(json.dumps(values).encode() + b"\n")
    out.flush()


def limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Bound this process: memory, CPU time, open files; no file may grow, no core is dumped."""
    bounds = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _ENOUGH_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for what, bound in bounds.items():
        hard = resource.getrlimit(what)[1]
        least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (least, least))
    # The signal of the soft limit says why the process ended; the kernel's kill would not.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def main(arguments: list[str]) -> None:
    """Open standard input; the arguments are `meta` or `batch`, bytes of memory, CPU seconds."""
    kind, memory_bytes, cpu_seconds = arguments
    limit(int(memory_bytes), int(cpu_seconds))
    out = io.BufferedWriter(io.FileIO(sys.stdout.fileno(), "wb", closefd=False), 1 << 18)
    try:
        write(kind, sys.stdin.buffer, out)
    except BrokenPipeError:
        sys.exit(1)  # the reader has seen enough


if __name__ == "__main__":
    main(sys.argv[1:])
