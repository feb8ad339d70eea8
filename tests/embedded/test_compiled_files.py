"""Models without Python: what compiled files answer is what `predict` answers, and what is in an object file."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.embedded import header, tables
from cutaway.errors import ArgumentError

CC = pytest.mark.skipif(shutil.which("cc") is None or sys.platform == "win32", reason="no C compiler")
rng = np.random.default_rng(0)
X = rng.standard_normal((6, 4)).astype("float32")
N = 120
FRAME = pd.DataFrame({
    "area": rng.gamma(2, 50, N), "rooms": rng.integers(1, 6, N).astype(float),
    "zone": rng.choice(["RL", "RM", "Für 2"], N), "new": rng.random(N) < 0.5,
})
FRAME.loc[rng.random(N) < 0.2, "area"] = np.nan
FRAME.loc[rng.random(N) < 0.2, "zone"] = None
PRICE = FRAME.area.fillna(100) * 2 + FRAME.rooms * 10 + (FRAME.zone == "RL") * 30
SMALL = {"network": [8], "epochs": 3, "random_state": 0, "threads": 1}


@pytest.fixture(scope="module")
def net():
    return ct.nn.MLP(4, [16, 8], 3, activation="gelu").init(0)


@pytest.fixture(scope="module")
def regressor():
    return ct.Regressor(**SMALL).fit(FRAME, PRICE)


@pytest.fixture(scope="module")
def classifier():
    return ct.Classifier(**SMALL).fit(FRAME, np.where(PRICE > 250, 'de"ar', "cheap?"))


def rows_of(model, frame):
    """The rows of a table as the header says."""
    rows = np.zeros((len(frame), 4))
    for j, c in enumerate(tables.used(model.encoder_)):
        known = {level: k for k, level in enumerate(getattr(c, "levels", []))} if c.kind == "category" else {}
        rows[:, j] = [np.nan if pd.isna(x) else known.get(x, len(known)) if known else float(x) for x in frame[c.name]]
    return rows


def called(path, name, rows, outputs, dtype):
    """What a library's function makes of each row, and what it gives back."""
    function = getattr(ctypes.CDLL(str(path)), f"{name}_predict")
    function.argtypes = [ctypes.c_void_p] * 2
    out, rows = np.zeros((len(rows), outputs), dtype), np.ascontiguousarray(rows, dtype)
    return out, [function(row.ctypes.data, y.ctypes.data) for row, y in zip(rows, out, strict=True)]


@CC
def test_a_library_gives_the_portable_bits_of_a_network(net, tmp_path):
    file = ct.export(net, tmp_path / "net.so")
    out, _ = called(file.path, "net", X, 3, "float32")
    np.testing.assert_array_equal(out, net.predict(X, engine="portable"))
    assert [str(a) for a in (*file.inputs, *file.outputs)] == [
        "x  float (4)  what the network takes", "outputs  float (3)  as the loss takes them"]


@CC
def test_a_library_answers_as_a_regressor_does_gaps_and_new_levels_too(regressor, tmp_path):
    file = ct.export(regressor, tmp_path / "houses.so")
    other = FRAME.assign(zone=FRAME.zone.where(FRAME.index % 5 > 0, "new one"))
    out, _ = called(file.path, "houses", rows_of(regressor, other), 1, "float64")
    np.testing.assert_allclose(out[:, 0], regressor.predict(other), rtol=1e-5)


@CC
def test_the_headers_example_compiles_and_says_what_the_classifier_says(classifier, tmp_path):
    file = ct.export(classifier, tmp_path / "2 dear.o")
    assert file.name == "m2_dear"
    subprocess.run(["cc", "-Wall", "-Werror", "-DM2_DEAR_EXAMPLE", "-x", "c", file.header, "-x", "none", file.path,
                    "-lm", "-o", tmp_path / "dear"], check=True)
    other = FRAME.assign(zone=FRAME.zone.where(FRAME.index % 5 > 0, "new one"))  # cells of text go in as they are
    said = subprocess.run([tmp_path / "dear"], input=other.to_csv(sep="\t", header=False, index=False),
                          capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    p = np.array([line.split()[:2] for line in said], float)
    np.testing.assert_allclose(p, classifier.predict_proba(other), atol=1e-6)
    assert [line.split()[2] for line in said] == classifier.predict(other).tolist()


def test_a_module_of_webassembly_gives_the_same(net, tmp_path):
    wasmtime = pytest.importorskip("wasmtime")
    file = ct.export(net, tmp_path / "net.wasm")
    store = wasmtime.Store()
    module = wasmtime.Module.from_file(store.engine, file.path)
    assert not module.imports
    of = wasmtime.Instance(store, module, []).exports(store)
    x, y = of["x"](store), of["outputs"](store)
    for row, wanted in zip(X, net.predict(X, engine="portable"), strict=True):
        of["memory"].write(store, row.tobytes(), x)
        of["net_predict"](store, x, y)
        np.testing.assert_array_equal(np.frombuffer(of["memory"].read(store, y, y + 12), "float32"), wanted)


@pytest.fixture(scope="module", params=[pytest.param("so", marks=CC), "wasm"])
def text_into(request, regressor, tmp_path_factory):
    """The function of a compiled file that writes a cell of text into a row: what it gives back, and the row."""
    file = ct.export(regressor, tmp_path_factory.mktemp("texts") / f"m.{request.param}")

    def in_library(row, column, text):
        return ctypes.CDLL(file.path).m_text(ctypes.c_void_p(row.ctypes.data), column, text), row

    def in_webassembly(row, column, text):
        wasmtime = pytest.importorskip("wasmtime")
        store = wasmtime.Store()
        of = wasmtime.Instance(store, wasmtime.Module.from_file(store.engine, file.path), []).exports(store)
        at, room = of["row"](store), of["text"](store)
        of["memory"].write(store, row.tobytes(), at)
        of["memory"].write(store, text + b"\0", room)
        known = of["m_text"](store, at, column, room)
        return known, np.frombuffer(of["memory"].read(store, at, at + row.nbytes))

    return in_library if request.param == "so" else in_webassembly


@pytest.mark.parametrize(("column", "text", "known", "number"), [
    (2, "RL", 1, "RL"), (2, "Für 2", 1, "Für 2"), (2, "", 1, np.nan), (2, "Für", 0, 3), (2, "Für 22", 0, 3),
    (3, "True", 1, 1), (3, "0", 1, 0), (3, "", 1, np.nan), (3, "maybe", 0, np.nan),
    (0, "12", -1, 7), (-1, "RL", -1, 7), (4, "RL", -1, 7),
])
def test_a_cell_of_text_goes_into_its_row_as_its_number(regressor, text_into, column, text, known, number):
    levels = regressor.encoder_.columns[2].levels
    wanted = [7.0] * 4
    wanted[column % 4] = levels.index(number) if isinstance(number, str) else number
    said, row = text_into(np.full(4, 7.0), column, text.encode())
    assert said == known
    np.testing.assert_array_equal(row, wanted)


# ---- object files for other processors -------------------------------------------------------------------------------

MACHINES = {"aarch64": (2, 183), "cortex-m4": (1, 40)}  # of an ELF header: 32 or 64 bits, and the processor's number
LIBM = {"sqrt", "sqrtf", "rint", "rintf"}


def undefined(content):
    """The names of what an ELF object file calls and has not."""
    from llvmlite.binding import ObjectFileRef

    sections = {s.name().decode() if isinstance(s.name(), bytes) else s.name(): s.data()
                for s in ObjectFileRef.from_data(content).sections()}
    names, symbols = sections[".strtab"], sections[".symtab"]
    wide = content[4] == 2
    size, found = (24, set()) if wide else (16, set())
    for at in range(size, len(symbols), size):
        where = int.from_bytes(symbols[at : at + 4], "little")
        section = int.from_bytes(symbols[at + 6 : at + 8] if wide else symbols[at + 14 : at + 16], "little")
        if section == 0:
            found.add(names[where : names.index(b"\0", where)].decode())
    return found


@pytest.mark.parametrize("target", MACHINES)
def test_object_files_for_other_processors_need_nothing_but_libm(regressor, tmp_path, target):
    content = Path(ct.export(regressor, tmp_path / "m.o", target=target).path).read_bytes()
    assert content[:4] == b"\x7fELF"
    assert (content[4], int.from_bytes(content[18:20], "little")) == MACHINES[target]
    left = undefined(content) - LIBM
    if target == "cortex-m4":  # doubles, which it has no instructions for: the compiler's own runtime
        left = {name for name in left if not name.startswith("__aeabi_")}
    assert not left


def test_the_header_tells_of_columns_levels_and_sizes(classifier, tmp_path):
    file = ct.export(classifier, tmp_path / "m.o")
    text = Path(file.header).read_text("utf-8")
    assert "#define M_ROW 4" in text and "int32_t m_predict(const double *row, double *answer);" in text
    assert 'm_labels[] = {"cheap\\077", "de\\042ar"};' in text
    zone = next(line for line in text.splitlines() if "zone" in line)
    assert all(f"{k} {level}" in zone for k, level in enumerate(classifier.encoder_.columns[2].levels))
    assert f"{file.bytes[0]:,} bytes of weights" in text


@pytest.mark.parametrize(("text", "name"), [("m", "m"), ("2 a-b", "m2_a_b"), ("für", "f_r"), ("", "m")])
def test_names_become_names_of_c(text, name):
    assert header.identifier(text) == name


@pytest.mark.parametrize(("how", "says"), [
    ({"path": "m.so", "target": "aarch64"}, "a .so file is for this machine, got target='aarch64': name the file m.o"),
    ({"path": "m.wasm", "target": "host"}, "a .wasm file is for wasm32"),
    ({"path": "m.o", "target": "z80"}, "target must be host, wasm32, aarch64, cortex-m4, got 'z80'"),
    ({"path": "m.onnx", "target": "host"}, "target is for compiled models"),
    ({"path": "m.o", "coverage": 0.9}, "this is a network: leave it out"),
])
def test_what_does_not_fit_together_is_refused_in_words(net, tmp_path, how, says):
    with pytest.raises(ArgumentError, match=says):
        ct.export(net, tmp_path / how["path"], **{k: v for k, v in how.items() if k != "path"})


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="got int"):
        ct.export(3, tmp_path / "m.o")


@CC
def test_the_command_writes_both_files_and_lists_what_goes_in(regressor, tmp_path, capsys):
    from cutaway.cli import main

    ct.save(regressor, tmp_path / "m.safetensors")
    assert main(["export", str(tmp_path / "m.safetensors"), str(tmp_path / "m.o"), "--target", "cortex-m4"]) == 0
    said = capsys.readouterr().out
    assert "row" in said and "m.h" in said and (tmp_path / "m.h").exists()
