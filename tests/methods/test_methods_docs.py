"""docs/methods.md has a row for every setting of every method, with its true default."""

import dataclasses
import re
from pathlib import Path

import pytest

from turn_core.methods import configs

PAGE = (Path(__file__).parents[2] / "docs/methods.md").read_text(encoding="utf-8")


def settings():
    """(name, default) of every setting; `gce.head` is listed once, as `head`."""
    for kind in vars(configs).values():
        ours = dataclasses.is_dataclass(kind) and kind.__module__ == configs.__name__
        if ours and kind is not configs.TwoHeads:  # its settings have a default per method
            prefix = kind.__name__.removesuffix("Config").removesuffix("Training").lower()
            for field in dataclasses.fields(kind):
                if field.name != "head":
                    yield f"{prefix}.{field.name}", field.default


@pytest.mark.parametrize(("name", "default"), list(settings()))
def test_setting_of_a_method_is_documented_with_its_default(name, default):
    row = re.search(rf"^\| `{re.escape(name)}` \| `([^`]*)` \|", PAGE, re.MULTILINE)
    assert row, f"docs/methods.md has no row for `{name}`"
    expected = str(default).lower() if isinstance(default, bool) else f"{default}"
    same = float(row[1]) == default if isinstance(default, float) else row[1] == expected
    assert same, f"docs/methods.md says {row[1]}, the code {default}"
