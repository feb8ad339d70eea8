"""What tools/fuzz_model_files.py does to thousands of files, done to some; and attacks that it was slow to find."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import cutaway as ct
from cutaway import files, nn
from cutaway.errors import CutawayError, FileError
from cutaway.files import container, trial
from depth import examples

TOOLS = Path(__file__).parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import fuzz_model_files as fuzz  # noqa: E402

sys.addaudithook(fuzz.watch)  # for ever, but it looks only where it is told to


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The files to begin with, each used once: what is imported late is there now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # two epochs are few
        warnings.filterwarnings("ignore", ".* has no CPU kernel", RuntimeWarning)  # of a network of one's own
        found = fuzz.originals(tmp_path_factory.mktemp("originals"))
        for path, X, data in found.values():
            assert fuzz.use(path, X, data, thorough=False) == "used"
    fuzz.seen.clear()
    return found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # weights of 1e38 overflow
@pytest.mark.parametrize("name", ["mlp", "cnn", "recurrent", "own", "words", "table", "sequences", "images", "dropin"])
def test_hostile_files_are_refused_or_do_no_harm(known, name, tmp_path):
    """Only our own errors come out; while a file is loaded nothing is imported, compiled, run or written."""
    path, X, data = known[name]
    content, forged, said = path.read_bytes(), tmp_path / "forged.safetensors", []
    for number in range(examples(20)):
        forged.write_bytes(fuzz.hostile(content, number))
        said.append(fuzz.use(forged, X, data, thorough=False))
        assert fuzz.seen == [], number
    assert set(said) == {"refused", "used"}


def test_the_watch_sees_what_it_should(tmp_path):
    fuzz.seen.clear()
    with fuzz.watched():
        exec("1")
        (tmp_path / "new").write_text("")
        (tmp_path / "new").read_text()
    assert [line.split()[0] for line in fuzz.seen] == ["compile", "exec", "open"]  # the write, not the read
    fuzz.seen.clear()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a process's memory there")
def test_files_of_one_operation_are_predicted_with_and_trained_alike_by_both_engines(tmp_path):
    """In a process of its own: a kernel that leaves its memory ends it."""
    many = examples(10)
    command = [sys.executable, TOOLS / fuzz.OPERATIONS, "work", tmp_path, "0", str(many), "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    said = [line.split(" ", 2)[2] for line in done.stdout.splitlines()]
    assert done.returncode == 0, (said[-1:], done.stderr)
    assert said.count("begins") == many and not [line for line in said if line.startswith("FOUND")]
    assert said.count("predicted and trained") >= 0.7 * many


# ---- one by one ------------------------------------------------------------------------------------------------------


def rewritten(path, change):
    """The file with another description and arrays, as if Cutaway had written it."""
    header, arrays = container.read(str(path))
    change(header.description, arrays)
    header.description.pop("tensors_sha256")
    path.write_bytes(container.pack(header.description, arrays))


class Program:
    """A description's program, to go on with."""

    def __init__(self, description, arrays):
        self.program, self.arrays = description["program"], arrays
        self.values = self.program["values"]

    def constant(self, array):
        name = f"c{len(self.values)}"
        self.arrays[name] = array
        return self._value({"name": name, "role": "constant", "tensor": name})

    def __call__(self, op, *reads, shape=(), rows=0, **attributes):
        out = self._value({"name": "v", "role": "activation", "shape": list(shape), "rows": rows})
        self.program["operations"].append({"op": op, "layer": "", "reads": list(reads), "writes": [out],
                                           "attributes": attributes})
        return out

    def ends(self, *reads):
        self.program["output"] = self("add", *reads, shape=[2], rows=1)

    def _value(self, entry):
        self.values.append(entry)
        return len(self.values) - 1


class Own(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x)


@pytest.fixture
def own(tmp_path):
    files.save(Own().init(0), tmp_path / "own")
    return tmp_path / "own"


def constant_lengths(p):
    """Lengths of two rows, for a kernel that counts a batch of a thousand."""
    short = p("shortened", p.constant(np.array([5, 6], np.int32)), shape=[2], window=1, stride=1, padding=0, dilation=1)
    p.ends(p.program["output"], p("real", short, p.program["output"], shape=[2]))


def constant_losses(p):
    two = p.constant(np.ones(2, np.float32))
    p.ends(p.program["output"], p("weighted_mean", two, two))


@pytest.mark.parametrize("attack", [constant_lengths, constant_losses])
def test_kernels_stay_inside_their_memory(own, attack):
    """What belongs to the whole batch has no row for each sample: machine code must not count samples in it."""
    rewritten(own, lambda d, a: attack(Program(d, a)))
    model, X = files.load(own), np.ones((3000, 4))
    assert np.array_equal(model.predict(X), model.predict(X, engine="reference"))


def test_work_without_end_is_refused_before_it_is_done(own, monkeypatch):
    """A small file whose 10,000 operations each read 16 million numbers."""
    def endless(d, arrays):
        p = Program(d, arrays)
        big = p("add", p.constant(np.ones((2**12, 1), np.float32)), p.constant(np.ones((1, 2**12), np.float32)),
                shape=[2**12, 2**12])
        for _ in range(10_000):
            p("mean", big, axis=None, keepdims=False)

    rewritten(own, endless)
    done = []
    tried = trial._tried
    monkeypatch.setattr(trial, "_tried", lambda op, *args: done.append(op) or tried(op, *args))
    with pytest.raises(FileError, match="more work than any network's"):
        files.load(own)
    assert len(done) < 80


def test_layers_that_hold_a_layer_twice_are_not_walked(tmp_path):
    """Forty layers that each hold the one before twice are a million million."""
    path = tmp_path / "net"
    files.save(nn.Sequential(nn.ReLU()), path, input=np.ones((2, 4)))

    def doubled(d, arrays):
        layer = {"class": "ReLU", "settings": {}}
        for k in range(40):
            layer = {"class": "Sequential", "layers": [layer, {"again": k}]}
        d["architecture"] = layer

    rewritten(path, doubled)
    with pytest.raises(FileError, match="more than 16,384 layers"):
        files.load(path)


def test_layers_must_move_the_windows_of_the_program(tmp_path):
    """The program pads nothing, which was tried; the layers would make images of a gigabyte."""
    path = tmp_path / "net"
    files.save(nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(1)), path, input=np.ones((2, 4, 4, 1)))
    rewritten(path, lambda d, a: d["architecture"]["layers"][0]["settings"].update(padding=[4095, 4095]))
    with pytest.raises(FileError, match="other windows than its program"):
        files.load(path)


def offsets(change):
    def changed(header):
        change(sorted((e for name, e in header.items() if name != "__metadata__"), key=lambda e: e["data_offsets"]))

    return changed


@pytest.mark.parametrize("change", [
    lambda e: e[0].update(data_offsets=e[1]["data_offsets"]),
    lambda e: e[1].update(data_offsets=[e[1]["data_offsets"][0] - 4, e[1]["data_offsets"][1]]),
    lambda e: e[0].update(shape=[2**39, 2**39]),
    lambda e: e[0].update(shape=[-2, -4]),
    lambda e: e[0].update(dtype="I32", data_offsets=[0, 2**39]),
    lambda e: e[0].update(shape=[*e[0]["shape"], 0]),
], ids=["the same place", "overlap", "beyond 64 bits", "negative", "beyond the file", "nothing"])
def test_arrays_lie_where_their_shapes_say(own, change):
    """Told from the header alone, before anything else is read."""
    header, arrays = fuzz.parts(own.read_bytes())
    body = b"".join(arrays[name] for name in sorted(arrays, key=lambda name: header[name]["data_offsets"]))
    offsets(change)(header)
    text = json.dumps(header).encode()
    own.write_bytes(len(text).to_bytes(8, "little") + text + body)
    for read in (files.describe, files.load):
        with pytest.raises(FileError, match=r"does not lie where its shape says|describes array .* wrongly"):
            read(own)


@pytest.mark.parametrize(("text", "says"), [
    ('{"a": NaN}', "NaN is no JSON"), ('{"a": 1e999}', "1e999 is beyond 64 bits"), ('{"a": 1, "a": 2}', "stands twice"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "not JSON"), ("[1]", "not a JSON object"),
    ('{"a":' * 201 + "1" + "}" * 201, "more than 200 deep"), ('{"a": ' + "[" * 200 + "]" * 200 + "}", "than 200 deep"),
    ('{"a": ' + "9" * 5000 + "}", "not JSON"), ('{"a": -' + "9" * 100 + "}", "-9999.* more than 100 digits"),
    ('{"a": [' + "[]," * 2**21 + "[]]}", "more than 2,097,152 parts"), ('{"a": "\ud800', "not JSON"),
])
def test_json_that_would_blow_up(text, says):
    with pytest.raises(FileError, match=says):
        container.parse(text.encode("utf-8", "surrogatepass"), "description")


def test_depth_and_digits_are_bounded_by_us_and_not_by_the_interpreter(monkeypatch):
    """Each version of Python has limits of its own, and lets them be lifted."""
    monkeypatch.setattr(container.json, "loads", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(FileError, match="more than 200 deep"):
        container.parse(b'{"a":' * 10**6, "description")
    monkeypatch.undo()
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(FileError, match="more than 100 digits"):
            container.parse(b'{"a": ' + b"9" * 10**7 + b"}", "description")
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("text", [
    '{"a":' * 200 + "1" + "}" * 200, '{"' + "[" * 300 + '": 1}', r'{"\"[[[\\": "' + r"{\"" * 300 + '"}',
    '{"a": [' + "[]," * 300 + "{}]}", '{"a": ' + "9" * 100 + "}",
], ids=["200 deep", "in a name", "behind escapes", "side by side", "100 digits"])
def test_json_within_the_bounds_is_read(text):
    assert container.parse(text.encode(), "description") == json.loads(text)


def test_a_string_without_an_end_is_gone_over_once():
    """Ten million quotes in it, each of which could begin a string: looked at anew from each, it would take days."""
    with pytest.raises(FileError, match="not JSON"):
        container.parse(b'{"' + rb"\"" * 10**7, "description")


@pytest.mark.skipif(sys.platform == "win32", reason="no measure of a process's memory there")
def test_a_text_of_64_megabytes_takes_bounded_memory(tmp_path):
    """Of the largest header that is read at all, at most 600 MB more than the process had."""
    path = tmp_path / "long"
    text = ('{"__metadata__": {"cutaway": "' + "é" * (31 * 2**20) + '"}}').encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    code = (
        "import sys, resource, cutaway as ct\n"
        "from cutaway import files\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    files.load(sys.argv[1])\n"
        "except ct.errors.FileError as error:\n    print(str(error)[-60:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    said, grown = done.stdout.splitlines() or [done.stderr, "0"]
    assert "use another copy" in said and int(grown) < 600 * 2**10, (said, grown)


# ---- estimators ------------------------------------------------------------------------------------------------------


def at(*path, value):
    def change(d, arrays):
        where = d["extra"]
        for key in path[:-1]:
            where = where[key]
        assert path[-1] in where if isinstance(where, dict) else path[-1] < len(where)
        where[path[-1]] = value

    return change


LIES = {
    "a name of bytes": ("table", at("encoder", "columns", 0, "name", value=3), "Number has name 3"),
    "a column of no kind": ("table", at("encoder", "columns", 0, "kind", value="__init__"), "of the kind '__init__'"),
    "a column of another kind": ("table", at("encoder", "columns", 0, "kind", value="date"), "Date lacks"),
    "no scale": ("table", at("encoder", "columns", 0, "scale", value=0.0), "column 'area' does not fit"),
    "a date of nowhere": ("table", at("encoder", "columns", 4, "first", value="now"), "column 'sold' does not fit"),
    "a part of no date": ("table", at("encoder", "columns", 4, "parts", value={"x": [0.0, 1.0]}), "does not fit"),
    "a level more": ("table", at("encoder", "columns", 2, "levels", value=["a"] * 9), "does not fit its encoders"),
    "classes of a gigabyte": ("table", at("target", "dtype", value="<V999999999"), "classes of the type '<V"),
    "classes of objects": ("table", at("target", "classes", value=[["a"], {}, None]), "'classes' is"),
    "two classes more": ("table", at("target", "classes", value=list("abcde")), "does not fit its encoders"),
    "an argument of mine": ("table", at("arguments", value={"code": "1"}), "cannot be rebuilt"),
    "a network of mine": ("table", at("arguments", "network", value="os.system"), "cannot be rebuilt"),
    "columns": ("table", at("columns", value=2**40), "it encodes 1,099,511,627,776 columns"),
    "a type of mine": ("table", at("design", "dtype", value="object"), "columns as 'object'"),
    "inputs of mine": ("table", at("design", "inputs", value="pickles"), "its inputs are 'pickles'"),
    "a history of words": ("table", at("history", "loss", value=["a"]), "has history"),
    "limits": ("sequences", at("limits", value=[[0.0], [1.0]] * 2), "its limits do not fit"),
    "an endless sequence": ("sequences", at("encoder", "longest", value=2**31 - 1), "its program takes|cannot be"),
    "an image of the largest size": ("images", lambda d, a: (
        d["extra"]["encoder"].update(height=2**12, width=2**12),
        d["extra"]["design"].update(n_in={"$tuple": [2**12, 2**12, 1]}), d["extra"].update(columns=2**24)),
        "its program takes"),
}


@pytest.mark.parametrize("name", list(LIES))
def test_lies_of_estimators_are_named(known, name, tmp_path):
    of, change, says = LIES[name]
    path = tmp_path / "net"
    path.write_bytes(known[of][0].read_bytes())
    rewritten(path, change)
    with pytest.raises(FileError, match=says):
        ct.load(path)


def test_what_another_version_wrote_says_so(own):
    rewritten(own, lambda d, a: (d.update(cutaway="9.1"), d["program"]["operations"][0].update(op="attend")))
    with pytest.raises(FileError, match=r"'attend', which this Cutaway does not know.*\(Cutaway 9\.1 wrote it"):
        files.load(own)


def test_a_network_of_other_outputs_than_its_target(known, tmp_path):
    """The network of one file beside the encoders of another: every number fits but the outputs."""
    path, X, _ = known["table"]
    model = ct.load(path)
    model.model_ = nn.MLP(model.design_.n_in, [3], 7).init(0)
    ct.save(model, tmp_path / "net")
    with pytest.raises(CutawayError, match="3 outputs are needed"):
        ct.load(tmp_path / "net").predict(X)


def test_names_that_are_python_are_never_run(own, tmp_path, monkeypatch):
    """A diagnosis writes changes as Python and runs them to prove them: names from a file stay text in them."""
    monkeypatch.chdir(tmp_path)
    name = "x']; open('run', 'w'); ['weight"

    def renamed(d, arrays):
        for part in (*d["parameters"], *d["program"]["values"]):
            if part["name"] == "layer.weight":
                part["name"] = name
        arrays[name] = 100 * arrays.pop("layer.weight")

    rewritten(own, renamed)
    X = np.random.default_rng(0).standard_normal((60, 4))
    found = ct.diagnose(files.load(own), X, np.arange(60) % 2, loss="cross_entropy", prove=1)
    assert any(repr(name) in finding.change for finding in found) and not (tmp_path / "run").exists()
