"""A page that matplotlib draws on, measured in inches from its upper left corner.

Texts come from data: none is read as a formula, and SVG holds them as outlines.
"""

import io
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from turn_core.experiments.figure_style import Theme, Words, one_line

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MARGIN = 0.3
DPI = 200

WIDE_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Noto Sans Arabic"),
    *("Noto Sans Devanagari", "Noto Sans Hebrew", "Noto Sans Thai", "Arial Unicode MS"),
)
"""Asked for the signs that DejaVu Sans lacks, where they are installed."""


class Page:
    """A figure measured from its upper left corner."""

    def __init__(self, width: float, words: Words, theme: Theme) -> None:
        self.width, self.words, self.theme = width, words, theme
        self.top = 0.0

    def lay_out(self, content: float, handles: Sequence[Any], names: Sequence[str]) -> None:
        """Fix the height, write title and caption above the content and the legend below."""
        from matplotlib.figure import Figure

        title = _wrapped(self.words.title, self.width, 14)
        caption = _wrapped(self.words.caption, self.width, 9)
        self.top = MARGIN + 0.27 * len(title) + 0.17 * len(caption) + 0.12 * bool(title or caption)
        across = _legend_columns(names, self.width - 2 * MARGIN)
        legend = 0.2 * -(-len(names) // across) + 0.1
        self.height = self.top + content + legend + MARGIN
        self.figure: Figure = Figure((self.width, self.height), facecolor=self.theme.ground)
        for at, line in enumerate(title):
            self.text(MARGIN, MARGIN + 0.27 * at, line, size=14, bold=True, align="left")
        for at, line in enumerate(caption):
            below = MARGIN + 0.27 * len(title) + 0.03 + 0.17 * at
            self.text(MARGIN, below, line, size=9, muted=True, align="left")
        self._legend(handles, names, across)

    def _legend(self, handles: Sequence[Any], names: Sequence[str], across: int) -> None:
        from matplotlib.offsetbox import AnchoredOffsetbox, DrawingArea, HPacker, TextArea, VPacker

        if not names:
            return
        style = {"color": self.theme.text, "size": 8.5, "parse_math": False}
        columns: list[Artist] = []
        for column in range(across):
            rows: list[Artist] = []
            for handle, name in list(zip(handles, names))[column::across]:
                area = DrawingArea(handle.get_xdata()[-1] + 6, 9)
                area.add_artist(handle)
                text = TextArea(name, textprops=style)
                rows.append(HPacker(children=[area, text], pad=0, sep=2, align="center"))
            columns.append(VPacker(children=rows, pad=0, sep=4, align="left"))
        box = HPacker(children=columns, pad=0, sep=16, align="top")
        place = (MARGIN / self.width, MARGIN / self.height)
        self.figure.add_artist(
            AnchoredOffsetbox(
                "lower left",
                child=box,
                pad=0,
                borderpad=0,
                frameon=False,
                bbox_to_anchor=place,
                bbox_transform=self.figure.transFigure,
            )
        )

    def axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """Return axes in this place, framed by a thin line."""
        below = self.height - top - height
        rectangle = (left / self.width, below / self.height, width / self.width)
        axes = self.figure.add_axes((*rectangle, height / self.height), facecolor=self.theme.panel)
        for spine in axes.spines.values():
            spine.set(color=self.theme.edge, linewidth=0.8)
        return axes

    def text(
        self,
        left: float,
        top: float,
        text: str,
        *,
        size: float,
        bold: bool = False,
        muted: bool = False,
        align: str = "center",
        **more: Any,
    ) -> None:
        """Write a text that hangs from `top`."""
        self.figure.text(
            left / self.width,
            1 - top / self.height,
            text,
            fontsize=size,
            fontweight="bold" if bold else "normal",
            color=self.theme.muted if muted else self.theme.text,
            ha=align,
            parse_math=False,
            **{"va": "top", **more},
        )

    def encoded(self, file_format: str) -> bytes:
        """Return the file."""
        file = io.BytesIO()
        when: dict[str, Any] = {"Date": None} if file_format == "svg" else {"Software": None}
        self.figure.savefig(file, format=file_format, dpi=DPI, metadata=when)
        return file.getvalue()


@contextmanager
def plain_style(theme: Theme) -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's file says; names that change nothing."""
    import matplotlib as mpl

    with warnings.catch_warnings(), mpl.rc_context():
        # A class name in a script that the font lacks is drawn as boxes, not refused.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.hashsalt": "turn", "font.family": _fonts()})
        yield


def _legend_columns(names: Sequence[str], width: float) -> int:
    """Return how many columns fit side by side."""
    for across in range(len(names), 1, -1):
        columns = (names[at::across] for at in range(across))
        if sum(0.75 + 0.068 * max(map(len, column)) for column in columns) <= width:
            return across
    return 1


def _wrapped(text: str, width: float, size: float) -> list[str]:
    per_line = int((width - 2 * MARGIN) / (0.0075 * size))
    return textwrap.wrap(one_line(text, 600), max(20, per_line))


def _fonts() -> list[str]:
    """Matplotlib's own font, then those installed that know more scripts."""
    from matplotlib.font_manager import get_font_names

    return ["DejaVu Sans", *(font for font in WIDE_FONTS if font in get_font_names())]
