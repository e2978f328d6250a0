"""Pickled batches, opened by `cifar_child` in a limited process; here only its answer is read."""

import io
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from turn_core.errors import IngestError
from turn_core.ingest import names
from turn_core.ingest.container import Container, ItemRefused

MEMORY_BYTES = 2 * 2**30
"""Address space of the process; the training batch needs 0.33 GiB."""
CPU_SECONDS = 60
"""Processor time of the process; the training batch needs 0.3 s."""

_CHILD = Path(__file__).with_name("cifar_child.py")
_CHUNK = 1 << 20


@contextmanager
def opened(
    container: Container,
    path: str,
    kind: str,
    *,
    memory_bytes: int = MEMORY_BYTES,
    cpu_seconds: int = CPU_SECONDS,
) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """Open a pickle in a child process; yield what it tells, and the stream of pixels after it.

    Args:
        container: where the file lies.
        path: its name there.
        kind: `meta` or `batch`; `cifar_child` says what each tells.
        memory_bytes: bound on the address space of the child.
        cpu_seconds: bound on its processor time.

    Raises:
        IngestError: the file is too large, or is refused, or the process met a bound.
    """
    title = names.shown(path)
    _check_size(container, path, title)
    command = [sys.executable, "-I", "-S", str(_CHILD), kind, str(memory_bytes), str(cpu_seconds)]
    with _as_file(container, path, title) as source:
        process = subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=_CHUNK,
            env={},
        )
    with process:
        try:
            out = process.stdout
            if out is None:  # Popen gives a pipe where one was asked for
                raise IngestError(_sentence(title, "its process has no output"))
            line = out.readline(container.catalog.limits.directory_bytes)
            yield _told(process, line, title), out  # type: ignore[misc]
        finally:
            process.kill()


def _check_size(container: Container, path: str, title: str) -> None:
    size, limit = container.catalog.layout_files[path], container.catalog.limits.pickle_bytes
    if size > limit:
        raise IngestError(
            f"{title} has {size:,} bytes, over the limit of {limit:,} for a pickled batch; "
            "CIFAR-100's own has 155,249,918"
        )


@contextmanager
def _as_file(container: Container, path: str, title: str) -> Iterator[IO[bytes]]:
    """Yield a real file: the member itself where it is one, else an unpacked copy without name."""
    try:
        with container.open(path) as stream:
            if _is_file(stream):
                yield stream
                return
            with tempfile.TemporaryFile() as copy:
                while chunk := stream.read(_CHUNK):
                    copy.write(chunk)
                copy.seek(0)
                yield copy
    except ItemRefused as error:
        raise IngestError(f"{title} cannot be read: {error}") from error


def _is_file(stream: BinaryIO) -> bool:
    try:
        stream.fileno()
    except io.UnsupportedOperation:
        return False
    return True


def _told(process: "subprocess.Popen[bytes]", line: bytes, title: str) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        raise IngestError(_sentence(title, _ending(process)))
    told: dict[str, Any] = json.loads(line)
    if "error" in told:
        raise IngestError(_sentence(title, told["error"]))
    return told


def _ending(process: "subprocess.Popen[bytes]") -> str:
    process.kill()  # it may have written an endless line; one that ended is not touched
    code = process.wait()
    if code == -signal.SIGXCPU:
        return "opening it took more processor time than such a file needs"
    return f"the process that opened it ended with {code}"


def _sentence(title: str, reason: str) -> str:
    return f"{title} is no batch of CIFAR-100 that can be opened: {reason}; take the original file"
