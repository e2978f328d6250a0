"""Text files as UTF-8 or, with a byte order mark, UTF-16; nothing is guessed."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from turn_core.errors import IngestError

_HEAD = 4096
_LINE_CHARS = 1 << 20


def open_text(stream: BinaryIO, title: str) -> io.TextIOWrapper:
    """Return a strict text reader that keeps line ends as they are.

    Raises:
        IngestError: the file looks like UTF-16 without a mark, or like no text at all.
        UnicodeDecodeError: later, while reading, where a byte is not valid.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = buffered.peek(_HEAD)[:_HEAD]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in head:
        raise IngestError(
            f"{title} is not UTF-8 text (it holds NUL bytes, as UTF-16 does); save it as UTF-8 "
            "and import it again"
        )
    else:
        encoding = "utf-8-sig"
    return io.TextIOWrapper(buffered, encoding=encoding, errors="strict", newline="")


def lines_of(stream: BinaryIO, title: str) -> Iterator[str]:
    """Yield lines of bounded length: one endless line must not fill the memory.

    Raises:
        IngestError: a line is too long, or as `open_text`.
        UnicodeDecodeError: a byte is not valid.
    """
    with open_text(stream, title) as text:
        while line := text.readline(_LINE_CHARS):
            if len(line) == _LINE_CHARS:
                raise IngestError(
                    f"{title} has a line of over {_LINE_CHARS:,} characters; is it a text?"
                )
            yield line


def not_utf8(title: str, error: UnicodeDecodeError) -> str:
    """Return the sentence for a file that is not UTF-8."""
    return (
        f"{title} is not UTF-8 text (byte 0x{error.object[error.start]:02x} is not "
        "valid there); save it as UTF-8 and import it again"
    )
