import pytest
from export_rows import HOSTILE

from turn_core.export import names


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("dog", "dog"),
        (" Cat", "Cat"),
        ("=SUM(1)", "=SUM(1)"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x", "C__x"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("COM¹", "_COM¹"),
        ("aux .png", "_aux .png"),
        ("__MACOSX", "___MACOSX"),
        (".hidden", "hidden"),
        ("dot. ", "dot"),
        ("-rf", "_-rf"),
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("two\nlines\x1b[0m", "two_lines_[0m"),
        ("%2e%2e", "_2e_2e"),
        ("cafe\u0301", "caf\u00e9"),
        ("", "_"),
        ("...", "_"),
    ],
)
def test_safe_name__by_hand(text, safe):
    assert names.safe_name(text) == safe


def test_safe_name__long_names_are_cut_between_letters():
    safe = names.safe_name("é" * 200)
    assert safe == "é" * 60
    assert len(safe.encode()) == 120


def test_file_stem__has_no_spaces():
    assert names.file_stem(" My photos / 2026\n") == "My-photos-_-2026"


def test_unique__nothing_falls_together_on_any_file_system():
    given = names.Names()
    out = [given.unique(text) for text in (*HOSTILE, *HOSTILE)]

    assert len({names.collision_key(name) for name in out}) == len(out)
    assert all(names.safe_name(name)[:60] == name[:60] for name in out)
    assert max(len(name.encode()) for name in out) < 140


def test_unique__a_number_may_itself_be_taken():
    given = names.Names(taken=("labels.csv",))
    assert [given.unique(t) for t in ("a", "a-2", "A", "a", "Labels.CSV")] == [
        "a",
        "a-2",
        "A-3",
        "a-4",
        "Labels.CSV-2",
    ]


@pytest.mark.parametrize(
    ("file_name", "head", "suffix"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n0000", ".png"),
        ("a.JPEG", b"\xff\xd8\xff\xe0", ".jpeg"),
        ("x.html", b"\xff\xd8\xff\xe0", ".jpg"),
        ("noext", b"GIF89a", ".gif"),
        ("a.tiff", b"II*\0", ".tiff"),
        ("a", b"RIFF\x10\0\0\0WEBPVP8 ", ".webp"),
        ("a.png", b"BM", ".bmp"),
        ("a.exe", b"MZ", ".bin"),
    ],
)
def test_image_suffix__follows_the_bytes_not_the_name(file_name, head, suffix):
    assert names.image_suffix(file_name, head) == suffix
