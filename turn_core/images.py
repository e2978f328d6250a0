"""Safe decoding of untrusted images to upright 8-bit RGB, thumbnails, WebP. Sizes are in pixels.

Everyone who shows or trains on an image goes through `decode`, so that people and models see
the same pixels. Pillow is held to six formats: with its forty others registered, a file named
.png could reach decoders that read other files or never end.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError

from turn_core.config import IngestLimits
from turn_core.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""What is opened; JPEG includes the MPO files of phones."""

THUMB_PX = 192
"""Long side of a stored thumbnail at most."""

PREVIEW_PX = 1024
"""Long side of a preview at most."""

LOSSLESS_PX = 64
"""Images up to this long side get lossless thumbnails: they are drawn much enlarged."""

EXTREME_ASPECT = 20
"""A side ratio beyond this is noted: such an image is hardly a picture of one thing."""

warnings.simplefilter("error", Image.DecompressionBombWarning)  # Pillow only warns, then decodes
ImageFile.LOAD_TRUNCATED_IMAGES = False

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WIDE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


class UnreadableImage(DataError):  # noqa: N818 - a finding about one file, shown as a reason
    """The bytes are no image that is accepted; the message is the reason, without the name."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An upright RGB image without metadata; `notes` say what had to be changed to get it."""

    image: Image.Image
    format: str
    notes: tuple[str, ...]


def decode(data: bytes, *, limits: IngestLimits | None = None) -> Image.Image:
    """Decode image bytes to an upright 8-bit RGB image without metadata.

    Raises:
        UnreadableImage: as `decode_image`.
    """
    return decode_image(data, limits=limits).image


def decode_image(data: bytes, *, limits: IngestLimits | None = None) -> DecodedImage:
    """Decode wholly: first frame, EXIF orientation applied, 16 bit scaled, alpha on white.

    Raises:
        UnreadableImage: another format, damaged, empty, or beyond `limits.pixels` or `.side`.
    """
    limits = limits or IngestLimits()
    notes: list[str] = []
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as source:
            _check_size(source.width, source.height, limits)
            source.load()
            _note_shape(source, notes)
            image = _to_rgb(_upright(source, notes), notes)
            clean = image.copy() if image is source else image
            clean.info = {}  # no GPS, comments or profiles travel further
            return DecodedImage(clean, str(source.format), tuple(notes))
    except UnreadableImage:
        raise
    except UnidentifiedImageError:
        raise UnreadableImage(_what_it_is(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImage(f"more than {limits.pixels:,} pixels") from None
    except Exception as error:  # hostile bytes make decoders raise nearly anything
        raise UnreadableImage(f"damaged image ({_first_line(error)})") from error


def thumbnail(image: Image.Image, px: int = THUMB_PX) -> Image.Image:
    """Return the image with a long side of at most `px`; never enlarged, never below 1 px."""
    scale = px / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def encode_webp(image: Image.Image, *, lossless: bool = False, quality: int = 85) -> bytes:
    """Encode as WebP without metadata; `quality` 0..100 counts where it is not lossless."""
    out = io.BytesIO()
    if lossless:
        image.save(out, "WEBP", lossless=True, quality=0, method=0)
    else:
        image.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


def encode_thumbnail(image: Image.Image) -> bytes:
    """Return the stored thumbnail as WebP: at most 192 px, lossless for tiny images."""
    return encode_webp(thumbnail(image), lossless=max(image.size) <= LOSSLESS_PX)


def _check_size(width: int, height: int, limits: IngestLimits) -> None:
    if width < 1 or height < 1:
        raise UnreadableImage(f"empty image of {width} x {height} pixels")
    if width * height > limits.pixels:
        raise UnreadableImage(f"{width:,} x {height:,} pixels; at most {limits.pixels:,} in all")
    if max(width, height) > limits.side:
        raise UnreadableImage(f"{width:,} x {height:,} pixels; at most {limits.side:,} a side")


def _note_shape(source: ImageFile.ImageFile, notes: list[str]) -> None:
    if getattr(source, "is_animated", False) and source.format != "MPO":
        notes.append("several frames: the first is used")
    if max(source.size) > EXTREME_ASPECT * min(source.size):
        notes.append("extreme shape: one side is over 20 times the other")


def _upright(source: Image.Image, notes: list[str]) -> Image.Image:
    try:
        orientation = source.getexif().get(_ORIENTATION_TAG)
    except Exception:  # the pixels are fine, only the metadata are broken
        notes.append("broken EXIF: its orientation is unknown and was not applied")
        return source
    return source.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else source


def _to_rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in _WIDE_MODES:
        return _from_integers(np.asarray(image).astype(np.int64), notes)
    if image.mode == "F":
        return _from_floats(np.asarray(image).astype(np.float64), notes)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        if converted is None:
            raise UnreadableImage("Lab colours could not be converted to RGB")
        return converted
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_white(image, notes)
    return image.convert("RGB")


def _on_white(image: Image.Image, notes: list[str]) -> Image.Image:
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    rgba = (image.convert(straight) if straight else image).convert("RGBA")
    if rgba.getchannel("A").getextrema() != (255, 255):
        notes.append("transparent parts were put on white")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, rgba).convert("RGB")


def _from_integers(values: "np.ndarray[Any, np.dtype[np.int64]]", notes: list[str]) -> Image.Image:
    low, high = int(values.min()), int(values.max())
    if low >= 0 and high <= 65535:
        notes.append("16-bit values were scaled to 8 bit")
        return _gray((values + 128) // 257)
    return _from_floats(values.astype(np.float64), notes)


def _from_floats(values: "np.ndarray[Any, np.dtype[np.float64]]", notes: list[str]) -> Image.Image:
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise UnreadableImage("pixel values that are not finite numbers")
    notes.append(f"values from {low:g} to {high:g} were stretched to 8 bit")
    scale = 255 / (high - low) if high > low else 0.0
    return _gray(np.rint((values - low) * scale))


def _gray(values: "np.ndarray[Any, Any]") -> Image.Image:
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(magics)


_OTHER_KINDS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("an empty file", lambda head: not head),
    ("an SVG or HTML text", _starts(b"<", b"<?xml")),
    ("a PDF or PostScript file", _starts(b"%pdf", b"%!ps")),
    ("an archive", _starts(b"pk\x03\x04", b"\x1f\x8b", b"rar!", b"7z\xbc\xaf")),
    ("a HEIC or AVIF image", lambda head: head[4:8] == b"ftyp"),
)


def _what_it_is(data: bytes) -> str:
    kind = next((name for name, test in _OTHER_KINDS if test(data[:64])), "of an unknown format")
    return f"not a JPEG, PNG, WebP, BMP, GIF or TIFF image but {kind}"


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:120]
