"""Text for people: numbers, and names that must not be read as markup."""

import pytest

from app import format as fmt
from app.sessions import Sessions, clean_name
from app.views import browse
from turn_core.errors import DataError, StoreError
from turn_core.types import Interval, ReviewStatus, Sample, SampleState


def test_md_escape_leaves_no_markup():
    assert fmt.md_escape("![x](http://a)") == r"\!\[x\]\(http\:\/\/a\)"
    assert fmt.md_escape("a\nb") == "a b"
    assert fmt.md_escape(":red[x] $y$ **z**") == r"\:red\[x\] \$y\$ \*\*z\*\*"


def test_html_escape_covers_attributes():
    assert fmt.html_escape("\"'<&>") == "&quot;&#x27;&lt;&amp;&gt;"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.4, "0 s"),
        (45, "45 s"),
        (200, "3 min 20 s"),
        (180, "3 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(seconds, text):
    assert fmt.duration(seconds) == text
    assert fmt.duration(7500) == "2 h 5 min"


def test_numbers():
    assert fmt.plural(1, "class") == "1 class"
    assert fmt.plural(1204, "class") == "1,204 classes"
    assert fmt.percent(0.298) == "29.8 %"
    assert fmt.interval(Interval(0.298, 0.281, 0.316)) == "29.8 % (28.1–31.6 %)"
    assert fmt.number(float("nan")) == "–"
    assert fmt.number("x") == "–"
    assert fmt.size(999) == "999 bytes"
    assert fmt.size(1_500_000) == "1.5 MB"
    assert fmt.size(2_500_000_000) == "2.50 GB"


def test_shorten_keeps_both_ends():
    short = fmt.shorten("a" * 30 + "b" * 30, 21)
    assert len(short) == 21
    assert short == "a" * 10 + "…" + "b" * 10


def test_sessions_accept_only_what_they_signed(tmp_path):
    sessions, other = Sessions(tmp_path / "a"), Sessions(tmp_path / "b")
    value = sessions.issue()
    assert sessions.session_id({sessions.cookie: value}) == value.split(".")[0]
    assert other.session_id({other.cookie: value}) is None
    assert sessions.session_id({sessions.cookie: "x.y"}) is None
    assert sessions.cookie != other.cookie
    assert (tmp_path / "a" / "secret").stat().st_mode & 0o777 == 0o600


def test_reviewers_name_survives_a_restart(tmp_path):
    sessions = Sessions(tmp_path)
    session_id = sessions.issue().split(".")[0]
    sessions.set_reviewer(session_id, " Zoë ")
    assert Sessions(tmp_path).reviewer(session_id) == "Zoë"
    assert sessions.reviewer(None) == sessions.reviewer("another")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 61, "\x1b[31m"])
def test_reviewers_name_is_short_and_printable(name):
    with pytest.raises(DataError, match="1 to 60 printable"):
        clean_name(name)


def test_damaged_names_are_told(tmp_path):
    sessions = Sessions(tmp_path)
    (tmp_path / "reviewers.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        sessions.reviewer(None)


def test_damaged_secret_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(StoreError, match="damaged"):
        Sessions(tmp_path)


def test_file_name_in_the_title_of_a_dialog_is_no_markup(monkeypatch):
    titles = []
    dialog = lambda title, **_: lambda show: lambda: titles.append(title)  # noqa: E731
    monkeypatch.setattr(browse.st, "dialog", dialog)
    name = "[win](https://evil.example)"
    sample = Sample(1, name, "a" * 64, 8, 8, SampleState.OK, ReviewStatus.PENDING, 0, None, None)
    browse.detail(1, sample, [], {})
    assert titles == [fmt.md_escape(name)]
    assert titles != [name]
