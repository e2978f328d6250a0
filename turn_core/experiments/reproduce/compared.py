"""The paper's number for a row, and ours: mean and spread over seeds."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from turn_core.experiments.reproduce import paper, plan
from turn_core.experiments.reproduce.plan import Row

Record = Mapping[str, Any]
"""What `cells.run_cell` returns."""


class PaperNumbers(NamedTuple):
    """What the paper says of a row; None where it says nothing."""

    best: float | None = None
    last: float | None = None
    num_samples: int | None = None
    purity: float | None = None
    minutes: float | None = None


class Spread(NamedTuple):
    """Mean and sample standard deviation over seeds; the latter is 0 for one seed."""

    mean: float
    deviation: float
    num_seeds: int

    @staticmethod
    def of(values: Sequence[float]) -> "Spread":
        """Return that of one value or more."""
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        return Spread(statistics.fmean(values), deviation, len(values))

    def text(self, digits: int = 1) -> str:
        """Return `45.3 ± 0.9`, or `45.3` for one seed."""
        spread = f" ± {self.deviation:.{digits}f}" if self.num_seeds > 1 else ""
        return f"{self.mean:.{digits}f}{spread}"


_ACCURACIES = paper.accuracies()
_COMPONENT_OF = {variant: name for name, (_, variant) in plan.COMPONENTS.items()}
FROM_SCRATCH = {"lp-ce": "ce", "lp-gce": "gce", "lp-elr": "elr"} | {
    f"lp-{name}": name for name in ("dividemix", "unicon")
}
"""Our rows of Table 1 and the paper's."""


def reference(table: str, backbone: str) -> str:
    """Return the backbone of the paper that one of ours is held against: itself, if it is there."""
    known = plan.TABLES[table].backbones
    return backbone if backbone in known else known[0]


def paper_numbers(table: str, row: Row, backbone: str) -> PaperNumbers:
    """Return what the paper says of a row, for the backbone that ours is held against."""
    if table == "table1":
        return PaperNumbers(minutes=paper.MINUTES.get(FROM_SCRATCH.get(row.method, "")))
    if table == "table4":
        known = paper.COMPONENTS[reference(table, backbone)]
        return PaperNumbers(last=known[_COMPONENT_OF[row.variant]])
    if table == "table9":
        found = paper.TABLE_9[row.noise, row.variant.threshold]
        return PaperNumbers(*found.accuracy, found.num_samples, found.purity)
    if table == "figure3" and row.panel != "time":
        return PaperNumbers()  # curves without numbers
    pair = _ACCURACIES.get((reference(table, backbone), row.noise, row.method))
    return PaperNumbers() if pair is None else PaperNumbers(*pair)


def spread(records: Sequence[Record], name: str) -> Spread | None:
    """Return the spread of a figure over the records that have it; None where none has."""
    values = [record[name] for record in records if record.get(name) is not None]
    return Spread.of(values) if values else None


def last_of(records: Sequence[Record], name: str) -> Spread | None:
    """Return the spread of the last value of a series, such as the last epoch's purity."""
    values = [record[name][-1] for record in records if record.get(name)]
    return Spread.of(values) if values else None


def ratio(records: Sequence[Record], base: Sequence[Record], name: str) -> float | None:
    """Return the mean of a figure over that of other records; None where either has none."""
    own, other = spread(records, name), spread(base, name)
    return own.mean / other.mean if own and other and other.mean else None
