"""Numbers, times and names as text. Names from data are hostile until escaped here."""

import datetime as dt
import math
import re
from html import escape

from turn_core.types import Interval, ReviewStatus

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@^=/])")

STATUS_TEXT: dict[ReviewStatus, str] = {
    ReviewStatus.PENDING: "Pending",
    ReviewStatus.KEPT: "Kept",
    ReviewStatus.RELABELED: "Relabeled",
    ReviewStatus.EXCLUDED: "Excluded",
    ReviewStatus.NEEDS_REVIEW: "Needs review",
    ReviewStatus.SKIPPED: "Skipped",
}
"""What each review status is called on screen."""

FALLBACK_TEXT: dict[str, str] = {
    "pooled": "Judged by all classes together: this class is small or shows no two clear groups",
    "one_cluster": "No clear group of wrong labels: the order counts, not the number",
    "no_signal": "All losses are equal: nothing can be told from them",
    "ranking_only": "Too few images for a cut: the order counts, not the number",
    "unscored": "This image could not be scored",
}
"""What a named fallback of cleansing means for the clean probability beside it."""


def md_escape(text: str) -> str:
    """Escape every character that Markdown could read as markup; line breaks become blanks."""
    return _MARKDOWN.sub(r"\\\1", re.sub(r"\s", " ", text))


def html_escape(text: str) -> str:
    """Escape text for HTML content and attributes."""
    return escape(text, quote=True)


def shorten(text: str, length: int = 40) -> str:
    """Cut the middle out of a text longer than `length` characters."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def count(number: float) -> str:
    """Return a whole number with thousands separators."""
    return f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """Return the number with its noun: `1 image`, `1,204 images`, `3 classes`."""
    many = noun + ("es" if noun.endswith("s") else "s")
    return f"{count(number)} {noun if number == 1 else many}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share 0..1 as a percentage, or a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def interval(estimate: Interval | None) -> str:
    """Return `29.8 % (28.1–31.6 %)`, or a dash for None."""
    if estimate is None:
        return "–"
    return f"{percent(estimate.value)} ({100 * estimate.low:.1f}–{100 * estimate.high:.1f} %)"


def number(value: object, digits: int = 3) -> str:
    """Return a number with `digits` decimals, or a dash for anything else, also for nan."""
    finite = isinstance(value, int | float) and math.isfinite(value)
    return f"{value:.{digits}f}" if finite else "–"


def size(num_bytes: int) -> str:
    """Return a size in bytes, kB, MB or GB (powers of 1,000)."""
    value = float(num_bytes)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"


def duration(seconds: float | None) -> str:
    """Return `45 s`, `3 min 20 s` or `2 h 5 min`, or a dash for None."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def when(timestamp: float | None) -> str:
    """Return a Unix time as local date and time to the minute, or a dash for None."""
    if timestamp is None:
        return "–"
    return dt.datetime.fromtimestamp(timestamp).astimezone().strftime("%Y-%m-%d %H:%M")
