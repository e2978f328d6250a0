"""Text files as UTF-8 or, with a byte order mark, UTF-16; nothing is guessed."""

import codecs
import io
from typing import BinaryIO

from turn_core.errors import IngestError

_HEAD = 4096


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
