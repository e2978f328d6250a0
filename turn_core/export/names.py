"""Safe names inside archives: made here, never taken from the data as they are.

A name is safe when every common file system can hold it and no two names of a folder fall
together there, whatever the letter case or Unicode form. The original names travel in a table.
"""

import unicodedata

_FORBIDDEN = frozenset('<>:"/\\|?*%')
_RESERVED = (
    frozenset({"con", "prn", "aux", "nul", "conin$", "conout$", "__macosx", "thumbs.db"})
    | {f"com{n}" for n in "0123456789¹²³"}
    | {f"lpt{n}" for n in "0123456789¹²³"}
)
_MAX_BYTES = 120

# The first bytes of the image formats that an import accepts, and the suffixes they may carry.
_SIGNATURES: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (b"\xff\xd8\xff", (".jpg", ".jpeg")),
    (b"\x89PNG\r\n\x1a\n", (".png",)),
    (b"GIF8", (".gif",)),
    (b"BM", (".bmp",)),
    (b"II*\0", (".tif", ".tiff")),
    (b"MM\0*", (".tif", ".tiff")),
)


class Names:
    """Gives out names of one folder so that no two fall together on any file system."""

    def __init__(self, taken: tuple[str, ...] = ()) -> None:
        self._taken = {collision_key(name) for name in taken}
        self._next: dict[str, int] = {}

    def unique(self, stem: str, suffix: str = "") -> str:
        """Return a safe name made from `stem` (any text) plus `suffix`, not given out before."""
        base = safe_name(stem)
        name = base + suffix
        key = collision_key(name)
        number = self._next.get(key, 2)
        while collision_key(name) in self._taken:
            name = f"{base}-{number}{suffix}"
            number += 1
        self._next[key] = number
        self._taken.add(collision_key(name))
        return name


def collision_key(name: str) -> str:
    """Return what two names share when a file system may confuse them (case, Unicode form)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def safe_name(text: str) -> str:
    """Return `text` as one safe path component of at most 120 bytes; never empty."""
    letters = (_safe_character(c) for c in unicodedata.normalize("NFC", text))
    name = _cut("".join(letters)).strip(" .")
    if not name:
        return "_"
    stem = name.split(".", 1)[0].strip()
    if name[0] in "-~" or collision_key(stem) in _RESERVED or collision_key(name) in _RESERVED:
        return f"_{name}"
    return name


def file_stem(text: str) -> str:
    """Return `text` as the beginning of a file name to download: safe, and without spaces."""
    return safe_name("-".join(text.split()))


def image_suffix(file_name: str, head: bytes) -> str:
    """Return the suffix that suits the image's first bytes; the name's own one where it agrees.

    Args:
        file_name: the name it was imported under.
        head: at least the first 12 bytes of the file.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    given = "." + file_name.rpartition(".")[2].lower()
    for signature, suffixes in _SIGNATURES:
        if head.startswith(signature):
            return given if given in suffixes else suffixes[0]
    return ".bin"


def _safe_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in _FORBIDDEN or (category[0] in "CZ" and character != " "):
        return "_"
    return character


def _cut(name: str) -> str:
    encoded = name.encode()
    if len(encoded) <= _MAX_BYTES:
        return name
    return encoded[:_MAX_BYTES].decode(errors="ignore")
