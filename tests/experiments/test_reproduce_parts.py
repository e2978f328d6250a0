"""The paper's numbers as data, the benchmark and its labels, the comparison by hand."""

import numpy as np
import pytest
import reproduce_data

from turn_core.errors import DataError
from turn_core.experiments.reproduce import benchmark, drawing, paper, plan, tables
from turn_core.experiments.reproduce.compared import Spread, paper_numbers
from turn_core.experiments.reproduce.plan import NOISES, Variant
from turn_core.experiments.reproduce.superclasses import SUPERCLASSES
from turn_core.experiments.reproduce.tables import Comparison


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reproduce_data.write_cifar(tmp_path_factory.mktemp("data") / "cifar100")


@pytest.fixture(scope="module")
def small(folder):
    return benchmark.read_cifar100(folder, scale="small")


def test_numbers_of_the_paper__are_as_printed():
    found = paper.accuracies()
    assert len(found) == 6 * 4 * 9 + 2 * 5 * 9 + 2 * 9
    assert found["vit-b16", "symmetric-0.9", "turn"] == (84.53, 83.33)
    assert found["convnext-t", "asymmetric-block-0.4", "fft-gce"] == (79.87, 72.01)
    assert found["resnet-50", "instance-cheng-0.4", "lp-ce"] == (31.11, 50.44)
    assert found["msn-b", "clothing1m", "fft-ce"] == (66.88, 63.38)
    assert found["resnet-50", "webvision", "turn"] == (85.36, 85.36)
    assert found["clip-l14", "symmetric-0.9", "lp-dividemix"] == (80.68, 80.13)
    assert all(0 < value <= 100 for pair in found.values() for value in pair)


def test_classes__are_five_to_a_superclass_in_the_order_of_their_numbers():
    assert len(SUPERCLASSES) == 100
    assert np.bincount(list(SUPERCLASSES.values())).tolist() == [5] * 20
    first = [SUPERCLASSES[name] for name in sorted(SUPERCLASSES)[:10]]
    assert first == [4, 1, 14, 8, 0, 6, 7, 7, 18, 3]  # apple, aquarium_fish, baby, ...


def test_small_scale__keeps_four_superclasses(folder, small):
    assert small.class_names == ("apple", "beaver", "dolphin", "pear")
    assert small.superclasses == (4, 0, 0, 4)
    assert (len(small.labels), len(small.test_labels)) == (120, 24)
    whole = benchmark.read_cifar100(folder, scale="full", per_class=10)
    assert (whole.num_classes, len(whole.labels), len(whole.test_labels)) == (5, 50, 30)
    assert whole.key != small.key


def test_split__comes_before_the_noise_and_is_the_same_for_all(small):
    rows = {}
    for name in ("symmetric-0.6", "asymmetric-superclass-0.4", "instance-xia-0.4"):
        given = benchmark.given_labels(small, NOISES[name], seed=1)
        rows[name] = given.rows.tolist()
        right = small.labels[given.rows]
        assert (given.is_wrong == (given.labels != right)).all()
        again = benchmark.given_labels(small, NOISES[name], seed=1)
        assert np.array_equal(given.labels, again.labels)
    assert len(set(map(tuple, rows.values()))) == 1
    assert np.bincount(small.labels[rows["symmetric-0.6"]]).min() >= 28
    other = benchmark.given_labels(small, NOISES["symmetric-0.6"], seed=2)
    assert other.rows.tolist() != rows["symmetric-0.6"]


def test_asymmetric_noise__stays_within_the_superclass(small):
    given = benchmark.given_labels(small, NOISES["asymmetric-superclass-0.4"], seed=0)
    superclass = np.array(small.superclasses)
    assert (superclass[given.labels] == superclass[small.labels[given.rows]]).all()
    assert 0.25 < given.noise_rate < 0.55


def test_human_labels__are_those_of_the_classes_in_use(small):
    given = benchmark.given_labels(small, NOISES["human"], seed=0)
    assert (small.human == -1).any()  # some say rose
    assert (small.human[given.rows] >= 0).all()
    assert np.array_equal(given.labels, small.human[given.rows])


def test_human_labels_of_other_images__are_refused(tmp_path):
    folder = reproduce_data.write_cifar(tmp_path / "cifar100")
    reproduce_data.write_human(folder, [0] * 150)
    with pytest.raises(DataError, match="names other classes"):
        benchmark.read_cifar100(folder, scale="small")
    (folder / "human_labels.csv").write_text("index,clean_label,human_label\n0,apple,apple\n")
    with pytest.raises(DataError, match="every training image"):
        benchmark.read_cifar100(folder, scale="small")


def test_spread__by_hand():
    assert Spread.of([1.0]).text() == "1.0"
    assert Spread.of([1.0, 2.0, 3.0]) == (2.0, 1.0, 3)
    assert Spread.of([1.0, 2.0, 3.0]).text() == "2.0 ± 1.0"


def test_paper_number__is_that_of_the_backbone_or_of_vit():
    row = next(r for r in plan.TABLES["table2"].rows if r.method == "turn")
    assert paper_numbers("table2", row, "mae-b").best == 64.63
    assert paper_numbers("table2", row, "turn-mini").best == 90.50
    once = plan.TABLES["table4"].rows[2]
    assert once.variant == Variant(cleansing="once")
    assert paper_numbers("table4", once, "clip-b16").last == 60.80


def test_figure3__shares_its_cells_with_table9():
    figure, table = (plan.TABLES[name].rows for name in ("figure3", "table9"))
    cells = {row.name for row in figure if row.method == "turn"}
    assert len(cells) == 12  # the default in all panels; 3 more of (b), 4 of (c), 4 of (d)
    assert {row.name for row in table if row.noise == "symmetric-0.9"} < cells


def test_figure3__is_drawn_from_what_is_there():
    rows = plan.TABLES["figure3"].rows
    known = {"cost": 0.3, "subset_purity": [90.0]}
    records = [record(row, 60.0) | known for row in rows if row.method in ("turn", "lp-ce")]
    assert drawing.figure_3(comparison("figure3", rows, records), "tiny")[:4] == b"\x89PNG"
    assert drawing.figure_3(comparison("figure3", rows, []), "tiny")[:4] == b"\x89PNG"


def record(row, best):
    values = {"backbone": "tiny", "noise": row.noise, "row": row.name, "method": row.method}
    return {**values, "seed": 0, "best": best, "last": best, "cost": 0.5, "seconds": 2.0}


def comparison(name, rows, records):
    return Comparison(
        name=name,
        rows=tuple(rows),
        backbones=("tiny",),
        records=tuple(records),
        facts=(),
        missing=(),
        num_wanted=2,
    )


def test_comparison__says_who_is_first_and_by_how_much():
    rows = plan.select(plan.TABLES["table2"], ("symmetric-0.6",), ("lp-gce", "turn"))

    found = comparison("table2", rows, [record(rows[0], 70.0), record(rows[1], 68.5)])
    page = tables.markdown(found).splitlines()
    assert "| symmetric 0.6 | LP-FFT, TURN | +5.9 | LP, GCE | -1.5 | 2 of 2 |" in page
    assert "| LP-FFT, TURN | 90.50 / 90.50 | 68.5 | 68.5 | 0.50 | 2.0 | 1 |" in page


@pytest.mark.real_data
def test_cifar100__has_its_classes_splits_and_human_labels(real_data):
    found = benchmark.read_cifar100(real_data / "cifar100", scale="small")
    assert (found.num_classes, len(found.labels), len(found.test_labels)) == (20, 10_000, 2_000)
    assert set(found.superclasses) == set(benchmark.SMALL)
    assert (found.human >= 0).sum() == 7_300
