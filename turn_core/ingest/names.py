"""Names from data: which are refused, how they are shown, which may be confused.

No file is ever written under such a name; these checks keep a hostile archive from being taken
for a good one, and keep exports and logs sound.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote

from turn_core.config import IngestLimits

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
_ARCHIVE_SUFFIXES = frozenset(
    {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".cab", ".iso", ".jar"}
)
_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "readme", "license", "licence", "notice"})
_IGNORED_SUFFIXES = frozenset(
    {".txt", ".md", ".rst", ".html", ".htm", ".xml", ".yaml", ".yml", ".json", ".py", ".log"}
)
_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]|[. ]$')
_MAX_SHOWN = 200


def refusal(name: str, limits: IngestLimits) -> str:
    """Return why a member name is refused, or an empty text if it may stay."""
    if not name:
        return "its name is empty"
    if not is_unicode(name):
        return "its name is not valid Unicode"
    size = len(name.encode())
    if "\0" in name:
        return "its name holds a NUL character"
    if size > limits.path_bytes:
        return f"its path has {size:,} bytes, over the limit of {limits.path_bytes:,}"
    return _path_refusal(name, limits)


def _path_refusal(name: str, limits: IngestLimits) -> str:
    if name.startswith("/") or "\\" in name or _DRIVE.match(name) or "://" in name:
        return "its name is not a plain relative path with forward slashes"
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or _climbs(name):
        return "its path has empty parts or tries to leave the folder"
    if any(":$" in part for part in parts):
        return "its name addresses an alternate data stream"
    if len(parts) > limits.depth:
        return f"it lies {len(parts)} folders deep, over the limit of {limits.depth}"
    if any(len(part.encode()) > limits.component_bytes for part in parts):
        return f"a part of its path has over {limits.component_bytes} bytes"
    return ""


def _climbs(name: str) -> bool:
    """Whether the name, percent-decoded once or twice as a server might do, climbs out."""
    once = unquote(name, errors="replace")
    decoded = (once, unquote(once, errors="replace"))
    return any(".." in text.replace("\\", "/").split("/") for text in decoded if text != name)


def shown(name: str) -> str:
    """Return the name for people: control, invisible and direction characters made visible."""
    text = name if len(name) <= _MAX_SHOWN else name[: _MAX_SHOWN - 1] + "…"
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{{{code:x}}}"


def is_unicode(text: str) -> bool:
    """Whether a text can be stored; JSON may hold half a character, as a cut emoji leaves it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_odd(name: str) -> bool:
    """Whether the name holds characters that `shown` makes visible."""
    return not name.isprintable()


def is_unportable(name: str) -> bool:
    """Whether some part of the path is not a valid file name on Windows."""
    parts = name.split("/")
    return any(_NOT_ON_WINDOWS.search(part) or _RESERVED.fullmatch(part) for part in parts)


def collision_key(name: str) -> str:
    """Return what two names share when people or file systems may confuse them."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFC", folded).strip()


def confusable(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of distinct names that share a collision key, each sorted."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[collision_key(name)].add(name)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def is_ignored(name: str) -> bool:
    """Whether a file is left aside and only counted: hidden, system or documentation files."""
    if name.startswith((".", "__MACOSX/")) or "/." in name or "/__MACOSX/" in name:
        return True
    return name.rpartition("/")[2].lower() in _IGNORED_NAMES or _suffix(name) in _IGNORED_SUFFIXES


def is_table(name: str) -> bool:
    """Whether a file is a table by its suffix."""
    return _suffix(name) in TABLE_SUFFIXES


def is_archive(name: str) -> bool:
    """Whether a file is an archive by its suffix."""
    return _suffix(name) in _ARCHIVE_SUFFIXES


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if stem and dot else ""
