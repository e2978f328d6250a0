import pytest
from ingest_sources import LIMITS

from turn_core.ingest import names


@pytest.mark.parametrize(
    "name",
    [
        *("../a.png", "a/../../b.png", "..\\a.png", "/etc/x.png", "C:\\x.png", "c:x.png"),
        *("\\\\host\\share\\x.png", "a/./b.png", "a//b.png", "./a.png", "a/", "a:b:$DATA"),
        *("%2e%2e/x.png", "%252e%252e/x.png", "..%5cx.png", "..%2fx.png", "https://x/y.png"),
        *("a\0b.png", "", ".", "..", "\udce9.png", "/".join("abcdefghijklmnopq"), "x" * 256),
        *("/".join(["y" * 200] * 6),),
    ],
)
def test_hostile_path__is_refused_with_a_reason(name):
    assert names.refusal(name, LIMITS)


@pytest.mark.parametrize(
    "name",
    [
        *("cat/1.png", "a.png", "100%25.png", "a..b/c...png", "12:30.png", "con.txt", "aux .png"),
        *("a<b>.png", "trailing.", "a\u202egnp.exe", "ta\tb.png", "café.png", "x" * 255),
    ],
)
def test_strange_but_harmless_path__stays(name):
    assert names.refusal(name, LIMITS) == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name é.png", "plain name é.png"),
        ("a\u202egnp.exe", "a\\u{202e}gnp.exe"),
        ("a\nb\x1b[31m", "a\\x0ab\\x1b[31m"),
        ("z\u200bw", "z\\u{200b}w"),
    ],
)
def test_shown__makes_the_invisible_visible(name, shown):
    assert names.shown(name) == shown
    assert names.shown(shown) == shown
    assert names.is_odd(name) == (name != shown)


def test_long_name__is_cut_for_people():
    assert len(names.shown("x" * 5000)) == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("Cat", "cat"), ("caf\u00e9", "cafe\u0301"), ("stra\u00dfe", "STRASSE")),
        *(("\u212a", "K"), (" cat", "cat"), ("\ufb01sh", "fish")),
    ],
)
def test_names_that_look_alike__are_found(one, other):
    assert names.confusable([one, other, "dog"]) == [tuple(sorted([one, other]))]


@pytest.mark.parametrize(
    "name", ["con.txt", "NUL", "aux .png", "com\u00b9", "a.", "b ", "a<b", "x/q?"]
)
def test_names_that_windows_lacks__are_flagged(name):
    assert names.is_unportable(name)
    assert not names.is_unportable("console/nullable.png")


def test_ignored_files__are_known():
    ignored = [".DS_Store", "a/Thumbs.db", "__MACOSX/a/._x.png", "README", "a/notes.txt", ".git/x"]
    assert all(map(names.is_ignored, ignored))
    assert not any(map(names.is_ignored, ["a.png", "labels.csv", "noext", "b.svg"]))
