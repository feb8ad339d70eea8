"""in_npz: what an .npz file claims is checked before memory is taken for it, and nothing in it is unpickled."""

import contextlib
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.data.npz_files import in_npz
from cutaway.errors import CutawayError, DataError


def header(descr, shape, order="False"):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode("latin1")
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def npz(packing=zipfile.ZIP_DEFLATED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def put(content, find, skip, piece):
    at = content.index(find) + skip
    return content[:at] + piece + content[at + len(piece) :]


def array(value):
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


NUMBERS = header("'<f8'", "(3, 2)") + bytes(48)
CODE = b"cos\nsystem\n(S'touch ran'\ntR."
REFUSED = {  # name: (content, what is said of it)
    "rows.npz": (lambda: npz(X=header("'<f8'", "(1000000000000, 3)") + bytes(24)),
                 "X has 24 bytes, but the shape (1000000000000, 3) of float64 takes 24,000,000,000,000"),
    "overflow.npz": (lambda: npz(X=header("'<f8'", "(4294967296, 4294967296)")), "X has 0 bytes, but the shape"),
    "fewer.npz": (lambda: npz(X=NUMBERS[:-8]), "X has 40 bytes, but the shape (3, 2) of float64 takes 48"),
    "more.npz": (lambda: npz(X=NUMBERS + b"!"), "X has 49 bytes"),
    "negative.npz": (lambda: npz(X=header("'<f8'", "(-3, -2)") + bytes(48)), "the shape (-3, -2)"),
    "weightless.npz": (lambda: npz(X=header("'<U0'", "(1000000000000,)")), "X has the type <U0"),
    "labels.npz": (lambda: npz(X=NUMBERS, y=header("'|V0'", "(1000000000000,)")), "y has the type |V0"),
    "parts.npz": (lambda: npz(X=array(np.zeros(2, [("a", "f8"), ("b", "i4")]))), "are no numbers or words"),
    "objects.npz": (lambda: npz(X=header("'|O'", "(1,)") + CODE), "X holds Python objects, which could run code"),
    "inside.npz": (lambda: npz(X=header("[('a', '|O')]", "(1,)") + CODE), "X holds Python objects"),
    "words.npz": (lambda: npz(X=NUMBERS, y=header("'<U1'", "(3,)") + b"\xff" * 12), "characters that there are not"),
    "code.npz": (lambda: npz(X=header("__import__('os').system('touch ran')", "(1,)")), "header of X is no array's"),
    "nested.npz": (lambda: npz(X=header("(" * 9000 + ")" * 9000, "(1,)")), "the header of X is no array's"),
    "header.npz": (lambda: npz(X=header("'<f8'" + " " * 60_000, "(3, 2)") + bytes(48)), "header of X is no array's"),
    "version.npz": (lambda: npz(X=put(NUMBERS, b"NUMPY", 5, b"\7")), "X is of format 7.0, numbers are of 1.0 or 2.0"),
    "text.npz": (lambda: npz(X=b"1,2\n3,4\n"), "the magic string is not correct"),
    "bzip.npz": (lambda: npz(zipfile.ZIP_BZIP2, X=NUMBERS), "X is packed in a way that NumPy does not write"),
    "lzma.npz": (lambda: npz(zipfile.ZIP_LZMA, X=NUMBERS), "X is packed in a way that NumPy does not write"),
    "locked.npz": (lambda: put(npz(X=NUMBERS), b"PK\1\2", 8, b"\1"), "X is encrypted"),
    "broken.npz": (lambda: put(npz(X=NUMBERS), b"PK\1\2", 16, b"!!!!"), "Bad CRC-32"),
    "bomb.npz": (lambda: npz(X=header("'|u1'", "(300, 1048576)") + bytes(300 * 2**20)), "more than 250 times its size"),
    "giant.npz": (lambda: put(npz(X=NUMBERS), b"PK\1\2", 24, b"\xf0\xff\xff\xff"), "more than 250 times its size"),
    "twice.npz": (lambda: npz(X=NUMBERS, Y=NUMBERS).replace(b"Y.npy", b"X.npy"), "it holds X twice"),
    "folder.npz": (lambda: npz(**{"a/X": NUMBERS, "../X": NUMBERS}), "holds the arrays 'a/X', '../X', but no X"),
    "nothing.npz": (lambda: npz(), "holds no arrays"),
    "many.npz": (lambda: npz(**{f"a{i}": b"" for i in range(9_000)}), "and 8992 more, but no X"),
    "array.npz": (lambda: NUMBERS, "File is not a zip file"),
    "pickle.npz": (lambda: pickle.dumps({"X": 1}), "File is not a zip file"),
    "empty.npz": (lambda: b"", "File is not a zip file"),
}


def test_false_claims_are_refused_in_little_memory_and_nothing_runs(tmp_path, read_in_a_child):
    for name, (content, _) in REFUSED.items():
        (tmp_path / name).write_bytes(content())
    answers = read_in_a_child("read_images", REFUSED, spare=2**27)
    for name, (_, says) in REFUSED.items():
        assert answers[name].startswith(f"DataError: {name} ") and says in answers[name]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [
    np.zeros((3, 2)), np.asfortranarray(np.arange(6.0).reshape(3, 2)), np.arange(6, dtype=">i4").reshape(3, 2),
    np.ones((3, 2), np.float16), np.ones((3, 2), bool), np.array(["a", "é", "𝄞"]), np.array([b"a", b"bc"]),
    np.array(["2024-01-31", "NaT"], "M8[s]"), np.zeros((0, 4)),
], ids=lambda value: f"{value.dtype.str} {value.shape}")
def test_what_numpy_writes_is_read_as_it_was(tmp_path, value):
    np.savez_compressed(tmp_path / "packed.npz", X=value, y=value)
    np.savez(tmp_path / "plain.npz", X=value, other=[{}])  # what is not asked for is not looked at
    for name in ("packed.npz", "plain.npz"):
        X, y = in_npz(tmp_path / name)
        assert X.dtype == value.dtype and X.tolist() == value.tolist()
        assert (y is None) == (name == "plain.npz")


@pytest.mark.parametrize(("X", "says"), [
    (np.float64(3), "is no table"), (np.zeros(3), r"has shape \(3,\)"), (np.zeros((3, 0)), "no columns"),
    (np.zeros((1, 1, 1, 1, 1)), r"has shape \(1, 1, 1, 1, 1\)"), (np.zeros((3, 2), complex), "Complex data"),
    (np.zeros((3, 0, 2)), "no time steps"), (np.zeros((3, 0, 2, 1)), "No images"),
])
def test_arrays_of_other_shapes_and_kinds_are_refused_by_who_learns_from_them(tmp_path, X, says):
    np.savez(tmp_path / "a.npz", X=X)
    with pytest.raises(ValueError, match=says) as error:
        ct.Classifier(epochs=1).fit(tmp_path / "a.npz", ["a", "b", "a"])
    assert isinstance(error.value, CutawayError)


@given(st.data())
def test_any_change_of_a_file_gives_arrays_or_an_error_of_ours(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    content = bytearray(npz(X=NUMBERS, y=array(np.array(["a", "b", "c"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert in_npz(path)[0].nbytes <= 48
