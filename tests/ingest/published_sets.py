"""Miniatures of published data sets in their official layouts, and pickles that nobody should open.

`numpy_pickle` writes what Python 2 and its numpy wrote: protocol 2, texts and data as byte strings.
"""

import os
import pickle
import pickletools
import struct

import numpy as np
from ingest_sources import png

NUM_FINE = 3
FINE = [b"apple", b"aquarium_fish", b"baby"]


def planes(num_rows, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_rows, 3072), dtype=np.uint8)


class _Python2:
    """Writes the opcodes of protocol 2 as cPickle of Python 2 did; texts are byte strings."""

    def text(self, value):
        return b"T" + struct.pack("<I", len(value)) + value

    def number(self, value):
        return b"J" + struct.pack("<i", value)

    def items(self, values):
        return b"](" + b"".join(values) + b"e"

    def array(self, data, *, by_column=False):
        raw = np.asarray(data).tobytes(order="F" if by_column else "C")
        shape = b"".join(map(self.number, data.shape))
        kind = self.text(data.dtype.str[1:].encode())
        dtype = b"cnumpy\ndtype\n" + kind + self.number(0) + self.number(1) + b"\x87R"
        state = b"(" + self.number(3) + self.text(b"|") + b"NNN" + 2 * self.number(-1)
        dtype += state + self.number(0) + b"tb"
        made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        made += self.number(0) + b"\x85" + self.text(b"b") + b"\x87R"
        order = b"\x88" if by_column else b"\x89"
        return (
            made
            + b"("
            + self.number(1)
            + b"("
            + shape
            + b"t"
            + dtype
            + order
            + (self.text(raw) + b"tb")
        )

    def whole(self, pairs):
        body = b"".join(self.text(key) + value for key, value in pairs.items())
        return b"\x80\x02}(" + body + b"u."


def batch(data, labels, names=None, *, by_column=False):
    """A `train` or `test` file as the authors of CIFAR-100 wrote it."""
    python2 = _Python2()
    names = names or [f"a_s_{i:06d}.png".encode() for i in range(len(labels))]
    return python2.whole(
        {
            b"filenames": python2.items(map(python2.text, names)),
            b"batch_label": python2.text(b"training batch 1 of 1"),
            b"fine_labels": python2.items(map(python2.number, labels)),
            b"coarse_labels": python2.items(map(python2.number, labels)),
            b"data": python2.array(data, by_column=by_column),
        }
    )


def meta(names=FINE):
    python2 = _Python2()
    fine, coarse = python2.items(map(python2.text, names)), python2.items([python2.text(b"x")])
    return python2.whole({b"fine_label_names": fine, b"coarse_label_names": coarse})


def write_cifar(folder, **files):
    """Write `cifar-100-python`: three classes, four training images, two test images."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "train": batch(planes(4), [2, 0, 1, 0]),
        "test": batch(planes(2, seed=1), [1, 2]),
        "meta": meta(),
    } | files
    for name, data in files.items():
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(marker):
    """Name to pickle: each would run code, or take all memory or time."""
    nested = b")q\x000" + b"h\x00h\x00\x86q\x000" * 40 + b"h\x00"  # (x, x) of (x, x) of ...
    python2 = _Python2()
    too_large = b"cnumpy\ndtype\n" + python2.text(b"u1") + b"\x85R"
    huge_shape = b"(" + 2 * python2.number(2_000_000_000) + b"t"
    head = b"cnumpy.core.multiarray\n_reconstruct\n)R("
    array = head + python2.number(1) + huge_shape + too_large + b"\x89" + python2.text(b"x") + b"tb"
    return {
        "system": pickle.dumps(Calls(os.system, f"touch {marker}"), 2),
        "system_inst": b"(S'touch " + os.fsencode(marker) + b"'\nios\nsystem\n.",
        "eval": pickle.dumps(Calls(eval, f"open({str(marker)!r}, 'w')"), 2),
        "getattr": pickle.dumps(Calls(getattr, "x", "upper"), 4),
        "numpy_load": b"\x80\x02cnumpy\nload\nU\x01x\x85R.",
        "dotted": b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.tof\x93.",
        "terabyte": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        "memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "array_of_nothing": python2.whole(
            {b"fine_labels": python2.items([python2.number(0)]), b"data": array}
        ),
        "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "hash_without_end": b"\x80\x02}" + nested + b"K\x01s.",
        "itself": b"\x80\x02}q\x00(U\x0bfine_labels]q\x01h\x01aU\x04datah\x00u.",
        "patched": b"\x80\x02cnumpy\nndarray\n}U\x01xK\x01s}U\x08__hash__K\x01s\x86b.",
        "cut_off": batch(planes(2), [0, 1])[:-500],
        "no_pickle": png(1),
        "wrong_numbers": batch(planes(2).astype(np.int64), [0, 1]),
        "objects": b"\x80\x02}(U\x0bfine_labels](K\x00eU\x04datacnumpy\nndarray\nu.",
        "negative_label": batch(planes(2), [0, -1]),
        "too_few_labels": batch(planes(2), [0]),
    }


def describe(pickled):
    """The opcodes of a pickle, to see that a test's own file is what it says."""
    return [opcode.name for opcode, _, _ in pickletools.genops(pickled)]


CATEGORIES = ["T-Shirt", "Shirt", "Knitwear"]


def write_clothing(folder, **lists):
    """Write Clothing1M: two noisy training images, and clean ones with and without both labels."""
    keys = [f"images/{i}/0{i}/{i},{i}.jpg" for i in range(6)]
    for i, key in enumerate(keys):
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(png(i))
    lists = {
        "category_names_eng": "\n".join(CATEGORIES) + "\n",
        "category_names_chn": "T恤\n",
        "noisy_label_kv": f"{keys[0]} 0\n{keys[1]} 1\n{keys[2]} 2\n{keys[4]} 0\n",
        "clean_label_kv": f"{keys[2]} 1\n{keys[3]} 2\n{keys[4]} 0\n{keys[5]} 1\n",
        "noisy_train_key_list": f"{keys[0]}\n{keys[1]}\n",
        "clean_train_key_list": f"{keys[2]}\n{keys[3]}\n",
        "clean_val_key_list": f"{keys[4]}\n",
        "clean_test_key_list": f"{keys[5]}\n",
    } | lists
    for name, text in lists.items():
        if text is not None:
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def write_webvision(folder, *, last=60, has_last=False, **lists):
    """Write WebVision: images of classes 0 and 1, and, where wanted, one of class `last`."""
    files = {
        "google/q0001/a.jpg": png(1),
        "google/q0002/b.jpg": png(2),
        "val_images_256/val000001.jpg": png(3),
    }
    if has_last:
        files[f"google/q{last:04d}/z.jpg"] = png(4)
    lists = {
        "train_filelist_google": "google/q0001/a.jpg 0\ngoogle/q0002/b.jpg 1\n"
        f"google/q{last:04d}/z.jpg {last}\n",
        "val_filelist": f"val000001.jpg 1\nval000002.jpg {last}\n",
        "synsets": "".join(f"n{i:08d} {_words(i)}\n" for i in range(last + 1)),
        "queries_google": "tench\n",
    } | lists
    files |= {f"info/{name}.txt": text.encode() for name, text in lists.items() if text is not None}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _words(number):
    return "crane" if number in (1, 3) else f"tench, Tinca {number}"
