"""Figures: right things in right places, texts from data harmless, the same bytes twice."""

import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from turn_core.errors import ConfigError, DataError
from turn_core.experiments.explore_figures import best_map, figure_panels, write_figures
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.figure_curves import curves_of
from turn_core.experiments.figure_style import (
    FigurePanel,
    Grid,
    Words,
    looks,
    one_line,
    theme_of,
)
from turn_core.experiments.figures import draw_curves, draw_figure2
from turn_core.types.exploring import Panel, PanelMethod

NAMES = ("cat", "dog", "owl")
NASTY = ("<script>alert(1)</script>", "$\\frac{1", "_hidden\n熊\x07")


def a_map(row="Before", column="turn-mini", *, scale=1.0, shift=0.0, num=30, note=""):
    rng = np.random.default_rng(0)
    return FigurePanel(
        row=row,
        column=column,
        positions=scale * rng.normal(size=(num, 2)) + shift,
        labels=np.arange(num) % 4 - 1,
        note=note,
    )


def panel(idx, method, level, projections=("pca", "tsne"), **metrics):
    metrics = {"cka": 0.5, "separability": 0.75, **metrics}
    return Panel(idx, "hub/turn-mini", PanelMethod(method), level, metrics, projections, 0.0)


ALL = (
    panel(0, "before", None),
    panel(1, "probe", 0.1, (), accuracy=0.9),
    panel(2, "probe", 0.9, (), accuracy=0.4),
    panel(3, "fft", 0.9, cka=0.2, accuracy=0.1),
    panel(4, "fft", 0.1, cka=0.8, accuracy=0.8),
    panel(5, "turn", 0.9, cka=0.7, accuracy=0.6),
)


@pytest.fixture
def folder(tmp_path):
    """Panels on the disk, with the maps that they name."""
    made = PanelFolder(tmp_path)
    for one in ALL:
        rng = np.random.default_rng(one.idx)
        maps = {name: rng.normal(size=(30, 2)).astype(np.float32) for name in one.projections}
        made.save(one, maps)
    return made


def test_grid__one_backbone_lies_on_its_side():
    panels = [a_map("a"), a_map("b"), a_map("c")]
    grid = Grid.of(panels, 3)
    assert (grid.rows, grid.columns) == (("turn-mini",), ("a", "b", "c"))
    assert grid.panels[0, 2] is panels[2]


def test_grid__of_two_backbones_may_have_holes_and_each_has_its_own_scale():
    panels = [a_map("a", "x"), a_map("b", "x", scale=3), a_map("b", "y", scale=100, shift=9e4)]
    grid = Grid.of(panels, 3)
    assert (grid.rows, grid.columns) == (("a", "b"), ("x", "y"))
    assert set(grid.panels) == {(0, 0), (1, 0), (1, 1)}
    assert grid.half["y"] == pytest.approx(100 / 3 * grid.half["x"], rel=1e-6)


@pytest.mark.parametrize(
    ("panels", "sentence"),
    [
        ([], "at least one map"),
        ([a_map(), a_map()], "same row and column"),
        ([a_map(scale=np.inf)], "finite"),
        ([a_map(num=0)], "finite"),
        ([replace(a_map(), labels=np.full(30, 3))], "there are 3 class names"),
    ],
)
def test_grid__refuses_what_cannot_be_drawn(panels, sentence):
    with pytest.raises(DataError, match=sentence):
        Grid.of(panels, 3)


def test_looks__differ_for_fifty_classes():
    assert len(set(looks(50, theme_of("light")))) == 50
    assert len(set(theme_of("dark").classes)) == 10


def test_one_line__makes_names_from_data_short_and_printable():
    assert one_line(" a\nb\x00 ") == "a b"
    assert one_line("x" * 40) == "x" * 27 + "…"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_png__is_an_image_on_the_ground_of_its_theme(tmp_path, theme):
    path = tmp_path / "f.png"
    draw_figure2([a_map("a"), a_map("b")], path, class_names=NAMES, theme=theme)
    image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    assert image.width > 2 * 2.35 * 200
    assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((2, 2))) == theme_of(theme).ground
    colours = {colour for _, colour in image.getcolors(1 << 24)}
    assert len(colours) > 20


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_file__has_the_same_bytes_again(tmp_path, suffix):
    panels = [a_map("a", note="CKA 0.50"), a_map("b")]
    paths = [tmp_path / f"{n}{suffix}" for n in "xy"]
    for path in paths:
        draw_figure2(panels, path, class_names=NASTY, words=Words(*NASTY[:2]))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_svg__is_well_formed_with_names_that_are_markup_or_formulas(tmp_path):
    path = tmp_path / "f.svg"
    words = Words(NASTY[0], f"{NASTY[1]} & {NASTY[2]}")
    panels = [a_map(NASTY[0], NASTY[1], note=NASTY[2]), a_map(NASTY[2], "b")]
    draw_figure2(panels, path, class_names=NASTY, words=words)
    root = ElementTree.fromstring(path.read_bytes())
    assert root.tag.endswith("svg")
    assert not root.findall(".//{*}script")


def test_svg__with_very_many_points_holds_them_as_an_image(tmp_path):
    path = tmp_path / "f.svg"
    draw_figure2([a_map(num=31_000)], path, class_names=NAMES)
    assert path.stat().st_size < 2_000_000
    assert "<image" in path.read_text()


def test_html__needs_no_network_and_runs_no_names(tmp_path):
    path = tmp_path / "f.html"
    words = Words(NASTY[0], NASTY[0])
    draw_figure2([a_map(NASTY[0], NASTY[0], note=NASTY[0])], path, class_names=NASTY, words=words)
    text = path.read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert not re.search(r"""<(script|link|img|iframe)[^>]+(src|href)\s*=""", text)
    assert text.count('"type":"scattergl"') == 4  # one per class, and one for no label


def test_figure__names_forty_classes_and_counts_the_rest(tmp_path):
    many = FigurePanel(row="a", column="b", positions=np.eye(2).repeat(40, 0), labels=np.arange(80))
    for suffix in (".svg", ".html"):
        names = [f"class {c}" for c in range(80)]
        draw_figure2([many], tmp_path / f"f{suffix}", class_names=names)
    assert "and 40 more" in (tmp_path / "f.svg").read_text()
    assert (tmp_path / "f.html").read_text().count('"showlegend":true') == 40


def test_figure__refuses_other_formats_and_themes(tmp_path):
    with pytest.raises(ConfigError, match=r"\.png, \.svg, \.html, got 'f\.pdf'"):
        draw_figure2([a_map()], tmp_path / "f.pdf", class_names=NAMES)
    with pytest.raises(ConfigError, match="light or dark, got 'blue'"):
        draw_figure2([a_map()], tmp_path / "f.png", class_names=NAMES, theme="blue")
    assert not list(tmp_path.iterdir())


def test_curves__have_a_line_per_method_with_rising_levels():
    curves = {curve.label: curve.lines for curve in curves_of(ALL)}
    assert list(curves) == ["Accuracy of the head", "CKA with before", "Linear separability"]
    before, probe, fft, turn = curves["CKA with before"]
    assert (before.method, before.levels, before.values) == (PanelMethod.BEFORE, (), (0.5,))
    assert (probe.method, probe.levels) == (PanelMethod.PROBE, (0.1, 0.9))
    assert (fft.levels, fft.values) == ((0.1, 0.9), (0.8, 0.2))
    assert (turn.levels, turn.values) == ((0.9,), (0.7,))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
@pytest.mark.parametrize("panels", [ALL, ALL[:2], ALL[3:4]], ids=["all", "one level", "no before"])
def test_curves__are_drawn(tmp_path, suffix, panels):
    path = tmp_path / f"c{suffix}"
    draw_curves(panels, path, words=Words("Curves"), theme="dark")
    assert path.stat().st_size > 5_000


def test_curves__need_a_noise_level(tmp_path):
    with pytest.raises(DataError, match="wait until one is finished"):
        draw_curves(ALL[:1], tmp_path / "c.png")


def test_panels_of_an_exploration__stand_in_the_order_of_the_paper(folder):
    found = figure_panels(folder, ALL, np.zeros(30, np.int64), "tsne")
    assert [one.row for one in found] == [
        "FFT, 10 % noise",
        "Before",
        "FFT, 90 % noise",
        "TURN, 90 % noise",
    ]
    assert {one.column for one in found} == {"turn-mini"}
    np.testing.assert_array_equal(found[1].positions, folder.arrays(0)["tsne"])
    assert found[0].note == "separability 0.75 · CKA 0.80"


def test_panels_of_one_level__stand_after_before(folder):
    found = figure_panels(folder, (ALL[3], ALL[5], ALL[0]), np.zeros(30, np.int64), "pca")
    assert [one.row for one in found] == ["Before", "FFT, 90 % noise", "TURN, 90 % noise"]


def test_best_map__is_one_that_all_panels_have():
    assert best_map(ALL) == "tsne"
    assert best_map([*ALL, panel(6, "turn", 0.1, ("pca",))]) == "pca"
    assert best_map([panel(0, "before", None, ("pca", "umap"))]) == "umap"


def test_write_figures__writes_both_in_every_format(folder):
    names = write_figures(folder, np.arange(30) % 3, class_names=NAMES, what="photos")
    assert sorted(names) == sorted(f"{s}.{e}" for s in ("figure2", "curves") for e in
                                   ("png", "svg", "html"))  # fmt: skip
    assert all((folder.folder / name).stat().st_size > 5_000 for name in names)
    assert "t-SNE of 30 held-out photos" in (folder.folder / "figure2.html").read_text()
