"""Images made to do harm: each is an image or a DataError that names it, in bounded memory, time and company."""

import io
import os
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cutaway.data import image_files, image_sources, old_pillow, pillow, read_images
from cutaway.data.pillow import scans_of
from cutaway.errors import DataError
from depth import examples

GREY = np.random.default_rng(0).integers(0, 256, (6, 8), dtype=np.uint8)


def saved(image, kind, **options):
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def zeros(megabytes):
    """So many zero bytes, packed to a thousandth of their size; the last four bytes are their checksum."""
    packer = zlib.compressobj(9, wbits=-15)
    one = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"x\xda" + one * megabytes + b"\3\0" + struct.pack(">HH", megabytes * 2**20 % 65521, 1)


def png(width, height, pixels=b"", before=b"", colours=0):
    def chunk(kind, content=b""):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    extra = chunk(before[:4], before[4:]) if before else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND")


def tiff(*tags):
    """A TIFF of tags (number, type, count, value), which all may point to the same bytes."""
    entries = b"".join(struct.pack("<HHLL", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<LH", 8, len(tags)) + entries + bytes(4)


def tiff_of(width, height):
    return tiff((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                (273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 100)) + bytes(500)


def put(content, at, piece):
    return content[:at] + piece + content[at + len(piece) :]


def jpeg_of(width, height):
    whole = saved(GREY, "JPEG")
    return put(whole, whole.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))


def webp_of(side):
    """An animation on a canvas of side x side."""
    frame = saved(GREY, "WEBP", lossless=True)[12:]
    edge = (side - 1).to_bytes(3, "little")
    first = bytes(6) + b"\7\0\0\5\0\0" + b"d\0\0\0" + frame
    parts = [(b"VP8X", b"\2\0\0\0" + edge + edge), (b"ANIM", bytes(6)), (b"ANMF", first)]
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(part)) + part for kind, part in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def film(frames):
    two = saved(GREY, "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    last = two.rindex(b"!\xf9")
    return two[:last] + two[last:-1] * (frames - 1) + b";"


OVERLAPPING = tiff(*((number, 1, 60_000, 10) for number in range(1000, 6300))) + bytes(400)
REFUSED = {  # name: (content, what is said of it)
    "a.png": (lambda: png(100_000, 100_000), "10,000,000,000 pixels, more than the 50,000,000"),
    "b.tif": (lambda: tiff_of(100_000, 100_000), "10,000,000,000 pixels"),
    "c.bmp": (lambda: put(saved(GREY, "BMP"), 18, struct.pack("<ii", 100_000, -100_000)), "10,000,000,000 pixels"),
    "d.ppm": (lambda: b"P5 100000 100000 255\n", "10,000,000,000 pixels"),
    "e.gif": (lambda: put(saved(GREY, "GIF"), 6, b"\xff" * 4), "4,294,836,225 pixels"),
    "f.jpg": (lambda: jpeg_of(65_500, 65_500), "4,290,250,000 pixels"),
    "g.webp": (lambda: webp_of(16_384), "268,435,456 pixels"),
    "tall.png": (lambda: png(1, 40_000_000), "40,000,000 pixels along a side, more than the 100,000"),
    "icc.png": (lambda: png(8, 6, before=b"iCCPx\0\0" + zeros(1024)), "data too large"),
    "text.png": (lambda: png(8, 6, before=b"zTXtx\0\0" + zeros(1024)), "data too large"),
    "unicode.png": (lambda: png(8, 6, before=b"iTXtx\0\1\0\0\0" + zeros(1024)), "data too large"),
    "tiles.tif": (lambda: tiff((256, 4, 1, 8), (257, 4, 1, 6), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1),
                               (277, 3, 1, 1), (322, 4, 1, 65_536), (323, 4, 1, 65_536), (324, 4, 1, 200),
                               (325, 4, 1, 100)) + bytes(500), "decoder error"),
    "page.png": (lambda: b"<!doctype html><script>alert(1)</script>", "no image in a known format"),
    "words.jpg": (lambda: b"hello, world", "no image in a known format"),
    "program.png": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image in a known format"),
    "drawing.png": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image in a known format"),
    "icon.gif": (lambda: saved(GREY, "ICO", sizes=[(8, 6)]), "no image in a known format"),
    "film.tif": (lambda: saved(GREY, "PCX"), "no image in a known format"),
    "nothing.webp": (lambda: b"", "an empty file"),
}
READ = {
    "more.png": lambda: png(8, 6, zeros(1024)),  # a gigabyte of pixels, of which 48 are wanted
    "exif.jpg": lambda: saved(GREY, "JPEG", exif=b"Exif\0\0" + OVERLAPPING),  # 318 MB of tags in 64 kB
    "exif.webp": lambda: saved(GREY, "WEBP", exif=b"Exif\0\0" + OVERLAPPING, lossless=True),
    "exif.png": lambda: png(8, 6, zlib.compress(bytes(54)), before=b"eXIf" + OVERLAPPING),
    "frames.gif": lambda: film(100_000),
}


UNSEEN = set(old_pillow.REFUSED.values()) if old_pillow.is_old() else set()  # kinds that Pillow before 13 is not shown
if UNSEEN:
    REFUSED["g.webp"] = (REFUSED["g.webp"][0], "could not create decoder")  # before it tells its size
    del READ["frames.gif"]


def test_bombs_and_strangers_are_refused_in_little_memory_and_alone(tmp_path, read_in_a_child):
    for name, (content, _) in REFUSED.items():
        (tmp_path / name).write_bytes(content())
    answers = read_in_a_child("read_images", REFUSED, spare=2**29)
    for name, (content, says) in REFUSED.items():
        assert answers[name].startswith(f"DataError: 1 of 1 image cannot be read: {name} (")
        kind = old_pillow.REFUSED.get(content()[:4], "")
        assert (f"{kind}, in which Pillow" if UNSEEN and kind else says) in answers[name]


def test_heavy_baggage_beside_the_pixels_is_left_unread(tmp_path, read_in_a_child):
    for name, content in READ.items():
        (tmp_path / name).write_bytes(content())
    answers = read_in_a_child("read_images", READ, spare=2**29)
    assert {text.replace("colour", "grey") for text in answers.values()} == {"Images(1 of 6 x 8 pixels, grey)"}


def test_files_of_many_bytes_are_refused_unread(tmp_path):
    (tmp_path / "a.webp").write_bytes(saved(GREY, "WEBP"))
    os.truncate(tmp_path / "a.webp", 2**28 + 1)  # zeros that take no space
    with pytest.raises(DataError, match=r"a\.webp \(268,435,457 bytes, more than the 268,435,456 that are read\)"):
        read_images(tmp_path)


def test_the_largest_images_are_decoded_two_at_a_time(tmp_path, monkeypatch):
    at_once, seen = [0], set()
    real = image_files.decode

    def decode(*arguments):
        at_once[0] += 1
        seen.add(at_once[0])
        time.sleep(0.001)  # long enough for others to come in
        try:
            return real(*arguments)
        finally:
            at_once[0] -= 1

    monkeypatch.setattr(image_files, "decode", decode)
    monkeypatch.setattr(image_files, "MOST_AT_ONCE", 2 * GREY.size)
    monkeypatch.setattr(image_files.os, "cpu_count", lambda: 64)
    for i in range(64):
        Image.fromarray(GREY).save(tmp_path / f"{i}.png")
    read_images(tmp_path)
    assert max(seen) <= 2


def test_images_beyond_the_memory_of_the_machine_are_refused_at_once(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png(7_000, 7_000))
    monkeypatch.setattr(image_files, "_memory", lambda: 2e9)
    with pytest.raises(DataError, match="100 images of 7000 x 7000 pixels need 5 GB of memory: give a smaller size"):
        read_images([tmp_path / "a.png"] * 100)


def test_damaged_files_are_read_or_refused_by_errors_of_ours():
    tool, damaged = Path(__file__).parents[2] / "tools" / "fuzz_data_files.py", examples(70)
    ended = subprocess.run([sys.executable, tool, str(damaged)], capture_output=True, text=True)
    assert ended.stdout.endswith(f"{damaged} damaged files: each was read, or refused by an error of ours\n")


# --- Pillow before 13 -------------------------------------------------------------------------------------------------


def exif_segments(count):
    whole = saved(GREY, "JPEG")
    return whole[:2] + (b"\xff\xe1\0\x0aExif\0\0xx" * count) + whole[2:]


@pytest.mark.parametrize(("content", "says"), [
    (tiff_of(8, 6), "TIFF"), (put(tiff_of(8, 6), 2, b"+\0"), "TIFF"), (b"MM\0*" + bytes(99), "TIFF"),
    (saved(GREY, "GIF"), "GIF"), (exif_segments(3), "JPEG of 1 frames and 3 EXIF segments"),
    (saved(GREY, "JPEG")[:2] + b"\xff\xc1\0\x0b\x08\0\1\0\1\1\1\x11\0" + saved(GREY, "JPEG")[2:], "JPEG of 2 frames"),
    (b"\xff\xd8\xff\xda" + bytes(9), "JPEG of 0 frames"),
])
def test_an_old_pillow_is_not_shown_what_it_has_holes_in(tmp_path, monkeypatch, content, says):
    monkeypatch.setattr("PIL.__version__", "12.3.0")
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was shown"))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.png \({says}.*, in which Pillow 12\.3\.0 has known holes: pip inst"):
        read_images(tmp_path)


def test_an_old_pillow_decodes_no_packed_bmp_and_no_jpeg_of_two_sizes(monkeypatch):
    image = Image.new("L", (8, 6))
    image.tile = [("bmp_rle", (0, 0, 8, 6), 0, ())]
    assert "packed BMP" in old_pillow.differs(image, b"BM")
    image.tile = [("jpeg", (0, 0, 8, 6), 0, ())]
    assert old_pillow.differs(image, jpeg_of(8, 6)) is None
    assert "sizes that differ" in old_pillow.differs(image, jpeg_of(9, 6))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + OVERLAPPING[:400]}])
def test_an_old_pillow_reads_what_it_reads_well(tmp_path, monkeypatch, options):
    monkeypatch.setattr("PIL.__version__", "12.3.0")
    for kind in ("JPEG", "PNG", "BMP", "PPM", "WEBP"):
        Image.fromarray(GREY).save(tmp_path / f"a.{kind.lower()}", **options)
    assert len(read_images(tmp_path)) == 5


def test_exif_headers_in_a_row_are_not_peeled_off(tmp_path):
    """Pillow before 13 copies all that follows for each of them."""
    (tmp_path / "a.png").write_bytes(png(8, 6, zlib.compress(bytes(54)), before=b"eXIf" + b"Exif\0\0" * 1_000_000))
    assert read_images(tmp_path).X.shape == (1, 6, 8, 1)


# --- progressive JPEGs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "scans"), [({}, 1), ({"progressive": True}, 6), ({"restart_marker_blocks": 1}, 1)])
def test_scans_of_a_jpeg_are_counted(options, scans):
    noise = np.random.default_rng(1).integers(0, 256, (90, 90), dtype=np.uint8)
    beside = b"\xff\xda" * 99  # in a comment these are no scans, and behind the end of the image neither
    assert scans_of(saved(noise, "JPEG", comment=beside, **options) + beside) == scans


def test_a_jpeg_that_goes_over_its_pixels_again_and_again_is_refused(tmp_path, monkeypatch):
    whole = saved(np.kron(GREY, np.ones((9, 9), np.uint8)), "JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + last * 200 + whole[-2:])
    assert len(read_images(tmp_path)) == 1
    monkeypatch.setattr(pillow, "MOST_SCANNED", 200 * 54 * 72)
    with pytest.raises(DataError, match=r"a\.jpg \(206 scans of 3,888 pixels would take too long"):
        read_images(tmp_path)


# --- what Pillow warns of ---------------------------------------------------------------------------------------------


def test_what_pillow_reads_past_is_noted_with_its_file(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "good.jpg")
    (tmp_path / "odd.jpg").write_bytes(saved(GREY, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05"))
    images = read_images(tmp_path)
    assert len(images) == 2
    assert len(images.notes) == 1
    assert images.notes[0].startswith("1 image with damage that Pillow reads past: odd.jpg (Corrupt EXIF data")


def test_warnings_of_other_threads_are_heard_as_ever(tmp_path, monkeypatch):
    def decode(*_):
        other = threading.Thread(target=lambda: warnings.warn("of another thread", stacklevel=1))
        other.start()
        other.join()
        return GREY[..., None]

    monkeypatch.setattr(image_files, "decode", decode)
    Image.fromarray(GREY).save(tmp_path / "good.png")
    with pytest.warns(UserWarning, match="of another thread"):
        images = read_images(tmp_path)
    assert images.notes == []


# --- kinds of pixels --------------------------------------------------------------------------------------------------

KINDS = [("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
KINDS += [("tif", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16")]
KINDS += [("jpg", mode) for mode in ("L", "RGB", "CMYK")] + [("gif", "P"), ("bmp", "1"), ("webp", "RGBA")]
KINDS = [(suffix, mode) for suffix, mode in KINDS if not UNSEEN or suffix not in ("tif", "gif")]


@pytest.mark.parametrize(("suffix", "mode"), KINDS)
def test_every_kind_of_pixel_becomes_eight_bits_of_grey_or_colour(tmp_path, suffix, mode):
    image = Image.new("RGB" if mode == "YCbCr" else "L", (8, 6), "black").convert(mode)
    if clear := mode in ("LA", "RGBA"):
        image.putalpha(0)
    image.save(tmp_path / f"a.{suffix}")
    images = read_images(tmp_path, mode="grey")
    assert images.X.shape == (1, 6, 8, 1) and images.X.dtype == np.uint8
    assert abs(images.X.astype(int) - (255 if clear else 0)).max() <= 2


# --- folders ----------------------------------------------------------------------------------------------------------


def test_links_are_followed_once_and_noted(tmp_path):
    data, away = tmp_path / "data", tmp_path / "away"
    for folder in (data / "cat", away):
        folder.mkdir(parents=True)
        Image.fromarray(GREY).save(folder / "1.png")
    (data / "dog").symlink_to(away)
    (data / "loop").symlink_to(data / "loop")
    (data / "cat" / "all").symlink_to(data)
    images = read_images(data)
    assert images.names == ["cat/1.png", "dog/1.png"]
    assert "followed 2 symbolic links" in images.notes


def test_names_may_be_anything(tmp_path):
    names = ["a\nb.png", "a\x1b[2J.png", "<img src=x onerror=alert(1)>.png", "=cmd.png", "\u202egnp.png"]
    for name in names:
        Image.fromarray(GREY).save(tmp_path / name)
    os.link(tmp_path / names[0], os.fsencode(tmp_path) + b"/\xff.png")
    assert read_images(tmp_path).names == [*sorted(names), "?.png"]


@pytest.mark.parametrize("inside", [".DS_Store", "Thumbs.db", "._a.png", "__MACOSX", ".hidden.png"])
def test_what_systems_leave_in_folders_is_no_image(tmp_path, inside):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    (tmp_path / inside).write_bytes(b"not an image")
    images = read_images(tmp_path)
    assert (images.names, images.notes) == (["a.png"], ["ignored 1 hidden file"])


def test_a_folder_of_more_files_than_are_kept_in_mind_is_refused(tmp_path, monkeypatch):
    for i in range(12):
        (tmp_path / f"{i}.txt").touch()
    looked = []
    monkeypatch.setattr(image_sources, "MOST_FILES", 10)
    monkeypatch.setattr(image_sources, "_is_folder", lambda entry: looked.append(entry) is None and entry.is_dir())
    with pytest.raises(DataError, match="holds more than 10 files: read a part of them"):
        read_images(tmp_path)
    assert len(looked) == 11


def test_of_two_thousand_images_the_one_that_is_damaged_is_named(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "00000.png")
    for i in range(1, 2_000):
        os.link(tmp_path / "00000.png", tmp_path / f"{i:05}.png")
    (tmp_path / "01700.png").unlink()
    (tmp_path / "01700.png").write_bytes(saved(GREY, "PNG")[:-30])
    with pytest.raises(DataError, match=r"^1 of 2,000 images cannot be read: 01700\.png .*skip_damaged=True"):
        read_images(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(DataError, match=r"a\.png \(permission denied\)"):
        read_images(tmp_path)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    monkeypatch.setattr(image_files, "decode", lambda *_: np.zeros((1, 1, 1), np.uint8))
    with pytest.raises(DataError, match=r"a\.png \(it changed while it was read\)"):
        read_images(tmp_path)
