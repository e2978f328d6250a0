import io
import struct
import time
import zlib

import numpy as np
import pytest
from ingest_sources import encode, noise_image, png
from PIL import Image, PngImagePlugin

from turn_core import images
from turn_core.config import IngestLimits
from turn_core.images import UnreadableImage


def pixels(data):
    return np.asarray(images.decode(data))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_lossless_formats__keep_every_pixel(kind):
    image = noise_image((20, 10)).quantize(32).convert("RGB")
    options = {"lossless": True} if kind == "WEBP" else {}

    decoded = images.decode_image(encode(image, kind, **options))

    assert decoded.format == kind
    assert decoded.notes == ()
    np.testing.assert_array_equal(np.asarray(decoded.image), np.asarray(image))


def test_phone_mpo__opens_as_jpeg_without_a_note():
    first, second = noise_image(seed=1), noise_image(seed=2)
    data = encode(first, "MPO", save_all=True, append_images=[second])

    decoded = images.decode_image(data)

    assert decoded.format == "MPO"
    assert decoded.notes == ()


def huge_png(side):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 10_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [7_100, 13_300, 20_000, 65_500])
def test_decompression_bomb__is_refused_by_its_header(side):
    started = time.process_time()

    with pytest.raises(UnreadableImage, match="pixels"):
        images.decode(huge_png(side))

    assert time.process_time() - started < 0.3


def test_long_side__is_refused():
    with pytest.raises(UnreadableImage, match="at most 16,384 a side"):
        images.decode(encode(Image.new("1", (16_385, 1)), "PNG"))


def test_text_bomb_in_png__is_refused():
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * 80_000_000, zip=True)

    with pytest.raises(UnreadableImage, match="damaged"):
        images.decode(encode(Image.new("RGB", (4, 4)), "PNG", pnginfo=info))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_image__is_refused(kind):
    data = encode(noise_image((200, 200)), kind)

    with pytest.raises(UnreadableImage):
        images.decode(data[: len(data) // 2])


def test_16_bit_gray__is_scaled_not_clipped():
    values = np.array([[0, 257, 32_896, 65_535]], dtype=np.uint16)

    decoded = images.decode_image(encode(Image.fromarray(values)))

    assert np.asarray(decoded.image)[0, :, 0].tolist() == [0, 1, 128, 255]
    assert decoded.notes == ("16-bit values were scaled to 8 bit",)


def test_float_tiff__is_stretched():
    values = np.array([[-1.0, 0.0, 1.0]], dtype=np.float32)

    decoded = images.decode_image(encode(Image.fromarray(values), "TIFF"))

    assert np.asarray(decoded.image)[0, :, 0].tolist() == [0, 128, 255]
    assert "from -1 to 1" in decoded.notes[0]


def test_float_tiff_with_nan__is_refused():
    values = np.array([[np.nan, 1.0]], dtype=np.float32)

    with pytest.raises(UnreadableImage, match="finite"):
        images.decode(encode(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels__show_white_not_their_hidden_colour(mode):
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0)).convert(mode if mode != "PA" else "RGBA")
    data = encode(image.quantize(4) if mode == "PA" else image)

    decoded = images.decode_image(data)

    assert (np.asarray(decoded.image) == 255).all()
    assert decoded.notes == ("transparent parts were put on white",)


def test_palette_and_bilevel__become_their_colours():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])

    assert pixels(encode(palette)).tolist() == [[[10, 20, 30], [200, 100, 50]]]
    assert pixels(encode(Image.new("1", (1, 1), 1))).tolist() == [[[255, 255, 255]]]


def test_cmyk_jpeg__has_the_right_colours():
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))

    assert np.abs(pixels(encode(red, "JPEG")).astype(int) - [255, 0, 0]).max() < 12


def test_lab_tiff__is_converted():
    lab = Image.new("LAB", (4, 4), (255, 128, 128))  # L = 100, a = b = 0: white

    assert pixels(encode(lab, "TIFF")).min() > 245


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation__is_applied(kind, orientation):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255  # a white top left quarter
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    image = Image.fromarray(upright)
    turned = image if back is None else image.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation

    data = encode(turned, kind, exif=exif)

    seen = pixels(data)
    assert seen.shape == (16, 32, 3)
    assert (seen[:6, :14] > 200).all()
    assert (seen[10:, 18:] < 50).all()


def test_everything_served__has_no_metadata():
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    exif.get_ifd(0x8825)[1] = "N"
    data = encode(
        noise_image((300, 200)), "JPEG", exif=exif, comment=b"<script>", icc_profile=b"ICC"
    )

    image = images.decode(data + b"<script>tail</script>")
    thumb = images.encode_thumbnail(image)

    assert image.info == {}
    assert b"script" not in thumb
    assert b"EXIF" not in thumb
    assert b"ICCP" not in thumb


def test_broken_exif__keeps_the_pixels():
    data = encode(Image.new("RGB", (8, 8)), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")

    assert images.decode(data).size == (8, 8)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animation__gives_its_first_frame_and_a_note(kind):
    frames = [Image.new("RGB", (8, 8), (0, 0, 40 * i)) for i in range(5)]
    options = {"lossless": True} if kind == "WEBP" else {}

    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    decoded = images.decode_image(data)

    assert decoded.image.getpixel((4, 4)) == (0, 0, 0)
    assert decoded.notes == ("several frames: the first is used",)


HOSTILE = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!DOCTYPE html><html></html>",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "pdf": b"%PDF-1.7\n",
    "psd": b"8BPS\0\1" + bytes(20),
    "fits": b"SIMPLE  =                    T".ljust(2880),
    "zip": b"PK\3\4" + bytes(40),
    "heic": b"\0\0\0\x18ftypheic" + bytes(20),
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_other_format__is_refused_whatever_its_name(name):
    with pytest.raises(UnreadableImage, match="not a JPEG, PNG, WebP, BMP, GIF or TIFF image but"):
        images.decode(HOSTILE[name])


@pytest.mark.parametrize("size", [(1, 1), (1, 16_384), (16_384, 1)])
def test_extreme_sizes__decode_and_get_a_thumbnail(size):
    decoded = images.decode_image(encode(Image.new("L", size)))
    thumb = images.thumbnail(decoded.image)

    assert decoded.image.size == size
    assert max(thumb.size) <= 192
    assert min(thumb.size) == 1
    assert (len(decoded.notes) == 1) == (size != (1, 1))
    assert images.encode_thumbnail(decoded.image)


def test_zero_pixels__are_refused():
    data = bytearray(png())
    data[16:20] = bytes(4)  # IHDR width
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))

    with pytest.raises(UnreadableImage):
        images.decode(bytes(data))


def test_fuzzed_images__raise_nothing_else():
    rng = np.random.default_rng(0)
    sound = [encode(noise_image((24, 24), seed), kind) for seed, kind in enumerate(images.FORMATS)]
    num_refused = 0
    for data in sound:
        for _ in range(60):
            broken = bytearray(data)
            for place in rng.integers(0, len(data), 5):
                broken[place] = int(rng.integers(0, 256))
            try:
                images.decode(bytes(broken), limits=IngestLimits(pixels=10_000))
            except UnreadableImage:
                num_refused += 1
    assert 0 < num_refused < 60 * len(sound)  # some changes hit pixels, others the structure


def test_thumbnail__keeps_the_shape_and_never_enlarges():
    assert images.thumbnail(Image.new("RGB", (400, 300))).size == (192, 144)
    assert images.thumbnail(Image.new("RGB", (32, 16))).size == (32, 16)


def test_thumbnail_of_a_tiny_image__is_lossless():
    tiny = noise_image((32, 32))

    stored = Image.open(io.BytesIO(images.encode_thumbnail(tiny)))

    np.testing.assert_array_equal(np.asarray(stored.convert("RGB")), np.asarray(tiny))
