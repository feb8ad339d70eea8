"""Hostile model files: thousands of damaged and forged ones are loaded and, where they load, used in every way.

    python tools/fuzz_model_files.py 5000 [seed]

Files of nine kinds (an MLP, a CNN, a recurrent network, two networks of one's own, estimators of a table, of sequences
and of images, and a drop-in) are cut, flipped, or rewritten by somebody who knows the format: any value of the
description by any other, arrays under other names, shapes, types and offsets, programs that go on with operations by
chance, with checksums that fit. Each is loaded, printed,
summarised, asked for predictions by both engines, traced, trained for a step, and given to `cutaway inspect` and
`cutaway predict`. Nothing but Cutaway's own errors may come out; while a file is loaded, nothing may be imported,
compiled, run, connected or written. This happens in processes that may have LIMIT bytes of memory and SILENCE seconds
for a file, so that a crash, a hang or a memory bomb is found too, and its file kept. After them come as many files of
one operation each, with operands of every shape (fuzz_operations.py), which nearly all are predicted with and trained.
"""

import contextlib
import copy
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

LIMIT = 4 * 2**30  # bytes of address space, of which an idle process takes a good one
SILENCE = 60  # seconds
OPERATIONS = "fuzz_operations.py"
FORBIDDEN = (
    "import", "exec", "compile", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.remove",
    "os.rename", "os.mkdir", "subprocess.Popen", "socket.", "pickle.", "marshal.", "ctypes.dlopen",
)

# ---- files to begin with ---------------------------------------------------------------------------------------------


def originals(folder):
    """Name -> (path, X, a file of rows for the command line or None)."""
    import numpy as np
    import pandas as pd

    import cutaway as ct
    from cutaway import nn
    from cutaway.sklearn import MLPClassifier

    rng = np.random.default_rng(0)

    class Skip(nn.Module):
        def __init__(self):
            self.inner, self.out, self.scale = nn.Linear(4, 4), nn.Linear(8, 2), np.arange(4.0)

        def forward(self, x):
            h = self.inner(ct.ops.tanh(self.inner(x))) * self.scale + x[:, [3, 2, 1, 0]]
            return self.out(ct.ops.concat([h, ct.ops.leaky_relu(x[..., ::-1])], axis=1))

    class Words(nn.Module):
        def __init__(self):
            self.look, self.scan, self.head = nn.Embedding(9, 3), nn.GRU(3, 4, bidirectional=True), nn.Linear(8, 2)

        def forward(self, i):
            y, _ = self.scan(self.look(i))
            return self.head(ct.ops.global_average(*(y.values, y.lengths)))

    n = 40
    table = pd.DataFrame({
        "area": np.where(rng.random(n) < 0.2, np.nan, rng.normal(100, 30, n)), "rooms": rng.integers(1, 4, n),
        "zone": rng.choice(["RL", "RM", "C"], n), "new": rng.random(n) < 0.5,
        "sold": pd.date_range("2020-01-01", periods=n, freq="9D").strftime("%Y-%m-%d"), "same": 1,
    })
    rows = ct.Sequences(rng.standard_normal((n, 6, 2)), rng.integers(2, 7, n))
    images = rng.integers(0, 255, (n, 8, 8), np.uint8)
    quick = {"epochs": 1, "threads": 1}
    made = {
        "mlp": (nn.MLP(4, [5, 4], 2, norm="batch", dropout=0.1).init(0), rng.standard_normal((5, 4))),
        "cnn": (nn.CNN((8, 8, 1), 3, channels=[2, 2], hidden=[4]).init(0), rng.standard_normal((5, 8, 8, 1))),
        "recurrent": (nn.Sequential(nn.Conv1d(2, 3, 3, stride=2, padding=1), nn.LastState(nn.LSTM(3, 4)),
                                    nn.Linear(4, 2)).init(0), rows[:5]),
        "own": (Skip().init(0), rng.standard_normal((5, 4))),
        "words": (Words().init(0), ct.Sequences(rng.integers(0, 9, (5, 6)), [1, 2, 3, 4, 6])),
        "table": (ct.Classifier([8], **quick).fit(table, rng.choice(["yes", "no", "maybe"], n)), table),
        "sequences": (ct.Regressor({"width": 4}, **quick).fit(rows, rng.standard_normal(n)), rows),
        "images": (ct.Classifier({"channels": [2]}, **quick).fit(images, np.arange(n) % 2), images),
        "dropin": (MLPClassifier([3], max_iter=2, solver="sgd").fit(images.reshape(n, 64), np.arange(n) % 3),
                   images.reshape(n, 64)),
    }
    found = {}
    for name, (model, X) in made.items():
        path, data = Path(folder, f"{name}.original"), Path(folder, f"{name}.npz")
        ct.save(model, path, input=X[:2] if isinstance(model, nn.Module) else None)
        if name == "table":
            data = Path(folder, "table.csv")
            table.to_csv(data, index=False)
        elif name == "images":
            np.savez(data, X=images)
        found[name] = path, X, data if data.exists() else None
    return found


# ---- hostile files ---------------------------------------------------------------------------------------------------

DEEP: list = []
for _ in range(90):
    DEEP = [DEEP]
NASTY = [
    None, True, False, 0, -1, 1, 2, 3, 255, 2**16, 10**6, 2**31 - 1, 2**31, 2**40, 2**62, 2**63, -(2**63), 10**300,
    0.0, -0.0, 0.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), "", "x", "0", "relu", "linear",
    "os.system", "__class__", "../../etc/passwd", "\x1b[2J\a", "\ud800", "=1+1", "<script>", "a" * 10**5, "float64",
    "U999999999", "9999-99-99", [],
    [0], [1, 1], [[]], [-1, 2**40], [None], ["a", "a"], [2**16] * 4, DEEP, {}, {"a": {}},
    {"$tuple": [1, -1]}, {"$tuple": [2**16, 2**16]}, {"$slice": [0, 1, 0]}, {"$slice": [None, None, -1]},
    {"$array": ["int64", [2], [0, 10**9]]}, {"$array": ["int64", [0], []]}, {"$float": "nan"}, {"$float": "inf"},
    {"$rows": 10**9}, {"$rows": 1}, {"$dict": [["a", 1]]}, {"$what": 1}, {"again": 0}, {"again": 1}, {"custom": "Skip"},
    {"class": "Linear", "settings": {"n_in": 2**30, "n_out": 2**30, "bias": True}},
    {"class": "ReLU", "settings": {}}, {"class": "MaxPool2d", "settings": {"window": [2, 2]}},
]


def spots(value):
    """Every (container, key) within a JSON value."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from spots(value[key])


def rewritten(content, rng):
    """Somebody who knows the checksums changes the description, the arrays, or where they are said to lie."""
    header, arrays = parts(content)
    description = json.loads(header.pop("__metadata__")["cutaway"])
    names = sorted(header)
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        what = rng.random()
        with contextlib.suppress(TypeError, LookupError, AttributeError):  # what is broken already breaks no further
            if what < 0.75:
                change_value(description, rng)
            elif what < 0.9:
                change_array(header, arrays, names, rng)
            else:  # a whole operation or layer again
                where, key = rng.choice([(w, k) for w, k in spots(description) if isinstance(w, list)])
                where.insert(rng.randrange(len(where) + 1), copy.deepcopy(where[key]))
    return written(description, header, arrays, rng)


def grown(content, rng):
    """A network of one's own whose program goes on with operations by chance, of shapes that fit: kernels meet sizes,
    constants and lengths that no layer gives them."""
    import numpy as np

    from cutaway.files import plain
    from cutaway.program import Rows
    from cutaway.rules import OPS

    header, arrays = parts(content)
    description = json.loads(header.pop("__metadata__")["cutaway"])
    program = description["program"]
    values = program["values"]
    known = {2: {}, 3: {}}  # the values for two rows and for three
    data = {name: np.frombuffer(arrays[name], {"F32": "f4", "I32": "i4"}[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items()}

    def constant(array):
        name = f"grown {len(values)}"
        data[name], arrays[name] = array, array.tobytes()
        header[name] = {"dtype": {"f": "F32", "i": "I32"}[array.dtype.kind], "shape": list(array.shape),
                        "data_offsets": [0, array.nbytes]}
        values.append({"name": name, "role": "constant", "tensor": name})
        known[2][len(values) - 1] = known[3][len(values) - 1] = array

    def append(op, reads, attributes):
        made = {}
        for n, before in known.items():
            at = {key: v.per_sample * n if isinstance(v, Rows) else tuple(s.per_sample * n if isinstance(s, Rows) else s
                  for s in v) if type(v) is tuple else v for key, v in attributes.items()}
            given = [None if i is None else before[i] for i in reads]
            results = OPS[op].forward(*(a if a is None else a.copy() for a in given), **at)
            made[n] = [np.asarray(r) for r in (results if isinstance(results, tuple) else (results,))]
        shapes = [(a.shape, b.shape, a.size) for a, b in zip(made[2], made[3], strict=True)]
        slots = [(0, a) if a == b else (a[0] // 2, a[1:]) for a, b, _ in shapes]
        if any((a != b and (a[1:], a[0] * 3) != (b[1:], b[0] * 2)) or size > 10**5 for a, b, size in shapes):
            raise ValueError("no batch")
        for k, (rows, shape) in enumerate(slots):
            values.append({"name": f"v{len(values)}", "role": "activation", "shape": list(shape), "rows": rows})
            for n in known:
                known[n][len(values) - 1] = made[n][k]
        program["operations"].append({
            "op": op, "layer": "", "reads": reads, "writes": list(range(len(values) - len(slots), len(values))),
            "attributes": {key: plain.encode(v, key) for key, v in attributes.items()},
        })

    old, program["operations"] = program["operations"], []
    for i, v in enumerate(values):
        if v["role"] == "input":
            for n in known:
                known[n][i] = np.ones((n, *v["shape"]), v["dtype"])
        elif v["role"] != "activation":
            known[2][i] = known[3][i] = data[v.get("tensor", v["name"])]
    values[:] = [v for v in values if v["role"] != "activation"]
    if [i for i in known[2]] != list(range(len(values))):  # activations stood between: begin anew
        order = {i: k for k, i in enumerate(sorted(known[2]))}
        for n in known:
            known[n] = {order[i]: a for i, a in known[n].items()}
    for shape in ((2,), (4,), (1, 4), (3, 4), (4, 3, 2), (12, 3), (3, 3)):
        constant(np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape))
    constant(np.array([1, 3], np.int32))
    constant(np.array([2, 1, 3, 2], np.int32))
    steps = rng.randrange(2, 9)
    for _ in range(400):
        op = rng.choice([name for name, o in OPS.items() if not {"seed", "rows"} & set(o.attributes)])
        count = rng.randrange(1, 4) if OPS[op].variadic else len(OPS[op].inputs)
        reads = [rng.choice([*list(known[2])[-6:], *known[2], *[None] * (k > 1)]) for k in range(count)]
        try:
            with np.errstate(all="ignore"):
                append(op, reads, {key: setting(key, op, rng) for key in OPS[op].attributes})
            steps -= 1
        except Exception:
            continue
        if not steps and values[-1].get("rows"):
            break
        steps = max(steps, 1)
    used = {i for o in program["operations"] for i in o["reads"]}
    made = [i for i in known[2] if values[i]["role"] == "activation" and values[i]["rows"]]
    last = [i for i in made if known[2][i].dtype == "f4"]
    if not last:
        program["operations"] = old
    program["output"] = rng.choice([i for i in last if i not in used] or last or [0])
    return written(description, header, arrays, rng)


def setting(key, op, rng):
    """A setting that a rule may take."""
    from cutaway.program import Rows

    some = {"axis": [None, -1, 0, 1, (1,)], "keepdims": [True, False], "exponent": [2, 0.5, -1, 3], "groups": [1, 2],
            "reverse": [True, False], "relu": [True, False], "truncate": [None, 1, 2],
            "shape": [(Rows(1), -1), (Rows(1), 2, 2), (Rows(2), 2), (-1,), (4,), (Rows(1),), (Rows(4),)],
            "axes": [(0, 2, 1), (0, 1), (1, 0)], "key": [(slice(None), 0), (slice(None), slice(0, 2)), 0, (..., None),
            (slice(None), None), slice(None, None, -1), [0, 0, 1]]}
    if op == "shortened":
        return rng.choice([1, 2, 3, 0, 1000]) if key != "stride" else rng.choice([1, 2])
    if key in ("window", "stride", "dilation"):
        return rng.choice([(1,), (2,), (3,), (1, 1), (2, 2), (2, 1)])
    if key == "padding":
        return rng.choice([((0, 0),), ((1, 1),), ((0, 2),), ((0, 0), (0, 0)), ((1, 0), (0, 1))])
    return rng.choice(some.get(key, [0.1, 1.0, 2.0]))


def change_value(description, rng):
    everywhere = list(spots(description))
    top = rng.choice([key for key in description if isinstance(description[key], dict | list)])
    where, key = rng.choice(everywhere if rng.random() < 0.4 else list(spots(description[top])) or everywhere)
    if isinstance(where, dict) and rng.random() < 0.1:
        where.pop(key)
    elif isinstance(where, dict) and rng.random() < 0.05:
        where[rng.choice(["", "new", "\ud800", "$tuple", "__init__", key * 2])] = where.pop(key)
    elif rng.random() < 0.3:  # what stands somewhere else
        other, place = rng.choice(everywhere)
        where[key] = copy.deepcopy(other[place])
    elif rng.random() < 0.6:
        where[key] = alike(where[key], key, everywhere, rng)
    else:
        where[key] = copy.deepcopy(rng.choice(NASTY))


def alike(value, key, everywhere, rng):
    """Another value of the same type, which gets further."""
    if key == "op":
        from cutaway.rules import OPS

        own = OPS.get(value)
        return rng.choice([name for name, op in OPS.items() if not own or len(op.inputs) == len(own.inputs)])
    if type(value) is int:
        return value * rng.choice([-1, 1, 1, 2, 0, 1000]) + rng.choice([0, 1, -1, 2])
    if type(value) is float:
        return rng.choice([0.0, -value, value * 1e30, 1e308, 5e-324, -1.0])
    if isinstance(value, list) and len(value) > 1:
        return rng.sample(value, rng.choice([len(value), len(value) - 1]))
    same = [w[k] for w, k in everywhere if type(w[k]) is type(value)]
    return copy.deepcopy(rng.choice(same))


def change_array(header, arrays, names, rng):
    name, other = rng.choice(names), rng.choice(names)
    entry = header[name]
    rng.choice([
        lambda: (header.update({name: header[other], other: entry}), arrays.update({name: arrays[other],
                                                                                    other: arrays[name]})),
        lambda: entry.update(shape=entry["shape"][::-1]),
        lambda: entry.update(shape=[*entry["shape"], 1]),
        lambda: entry.update(shape=rng.choice([[], [0], [2**40], [2**32, 2**32], [-1], [-1, -2], 5, None, [1.0]])),
        lambda: entry.update(dtype=rng.choice(["F64", "I32", "F32", "BOOL", "F16", 3, None, "O", "I64"])),
        lambda: entry.update(data_offsets=rng.choice([[0, 4], [-4, 4], [2**62, 2**63], [4, 0], [0], None])),
        lambda: entry.update(data_offsets=header[other]["data_offsets"]),
        lambda: arrays.update({name: bytes(rng.choice([b"\xff", b"\x7f", b"\0", b"\xff\xff\xff\x7f"])
                                           * len(arrays[name]))[: len(arrays[name])]}),
        lambda: (header.pop(name), arrays.pop(name), names.remove(name) if len(names) > 1 else None),
    ])()


def parts(content):
    """The header, and each array's bytes."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    return header, {name: body[slice(*entry["data_offsets"])] for name, entry in header.items() if name[:2] != "__"}


def written(description, header, arrays, rng):
    """A file with checksums that fit, as far as that makes sense."""
    body, entries = b"", {}
    for name, entry in header.items():
        data = arrays.get(name, b"")
        as_before = entry.get("data_offsets")
        plain = isinstance(as_before, list) and len(as_before) == 2 and as_before[1:] > as_before[:1]
        entries[name] = {**entry, "data_offsets": [len(body), len(body) + len(data)] if plain else as_before}
        body += data
    with contextlib.suppress(Exception):
        description["tensors_sha256"] = checksum(entries, body)
    text = json.dumps(description)
    if rng.random() < 0.02:  # a name twice
        text = text[:-1] + ', "kind": "module"}'
    sha = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    head = json.dumps({"__metadata__": {"cutaway": text, "cutaway_sha256": sha}, **entries}).encode()
    return len(head).to_bytes(8, "little") + head + body


def checksum(entries, body):
    import numpy as np

    from cutaway.files import container

    return container.checksum({
        name: np.frombuffer(body[slice(*e["data_offsets"])], container.DTYPES[e["dtype"]]).reshape(e["shape"])
        for name, e in entries.items()
    })


def damaged(content, rng):
    """Blind damage."""
    changed, at = bytearray(content), rng.randrange(len(content))
    how = rng.randrange(5)
    if how == 0:
        return bytes(changed[:at])
    if how == 1:
        del changed[at : at + rng.randrange(1, 50)]
    elif how == 2:
        changed[at:at] = rng.randbytes(rng.randrange(1, 50))
    else:
        for _ in range(rng.choice([1, 1, 5, 100])):
            changed[rng.randrange(rng.choice([16, 400, len(changed)]) % len(changed) + 1) % len(changed)] ^= (
                1 << rng.randrange(8))
    return bytes(changed)


def hostile(content, number, seed=0):
    """File `number` of a seed, made from an original's content."""
    rng = random.Random(f"{seed} {number}")
    if b'"class": "Skip"' in content.replace(b'\\"', b'"')[:20000] and rng.random() < 0.7:
        return grown(content, rng)
    return damaged(content, rng) if rng.random() < 0.1 else rewritten(content, rng)


# ---- using them ------------------------------------------------------------------------------------------------------

seen: list[str] = []
watching = threading.local()


def watch(event, args):
    """The audit hook: what happens while a file is loaded, in the thread that loads it."""
    if getattr(watching, "on", False):
        if event == "open":
            written_to = any(c in (args[1] or "") for c in "wax+") or (isinstance(args[2], int) and args[2] & 3)
            if written_to:
                seen.append(f"open {args}")
        elif event.startswith(FORBIDDEN):
            seen.append(f"{event} {args}"[:200])


@contextlib.contextmanager
def watched():
    watching.on = True
    try:
        yield
    finally:
        watching.on = False


def use(path, X, data=None, thorough=True):
    """Load a file and use what comes; "refused" or "used". Whatever is not one of our errors comes out."""
    import numpy as np

    import cutaway as ct
    from cutaway.errors import CutawayError

    try:
        with watched():
            model = ct.load(path)
    except CutawayError:
        return "refused"
    network = getattr(model, "model_", model)

    def trained():
        Z = model.encode(X) if hasattr(model, "encode") else X
        made = network.predict(Z, engine="reference")
        program = ct.compile(network, "mse", batch_size=3, input=Z[:2], target=made[:2], threads=1)
        program.feed(Z[:4], made[:4])
        program.run(steps=2)

    def traced():
        y = network.predict(X[:2], engine="reference")
        str(ct.trace(network, X[:2], y, loss="mse"))

    ways = [lambda: repr(model), lambda: str(getattr(model, "design_", "")), lambda: model.predict(X)]
    if thorough:
        ways += [lambda: str(ct.summary(model)), trained]
        ways += [lambda: model.predict(X, engine="reference"), traced] if network is model else []
        ways += [lambda: (str(model.encoder_), model.encoder_.feature_names)] if hasattr(model, "encoder_") else []
        ways += [lambda: model.predict_proba(X)] if hasattr(model, "predict_proba") else []
        ways += [lambda: command("inspect", path)] + [lambda: command("predict", path, data)] * (data is not None)
    for way in ways:
        with np.errstate(all="ignore"), contextlib.suppress(CutawayError):
            way()
    return "used"


def command(*args):
    """A command of the command line: it ends with a status, never with a traceback."""
    from cutaway.cli.run import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main([str(arg) for arg in args])


def work(folder, first, last, seed):
    """A process that uses files first..last, and says so line by line."""
    import resource

    sys.addaudithook(watch)
    warnings.simplefilter("ignore")
    known = originals(folder)
    for path, X, data in known.values():
        assert use(path, X, data) == "used"  # whatever is imported late is there now
    seen.clear()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    names = list(known)
    for number in range(first, last):
        name = names[number % len(names)]
        path, X, data = known[name]
        forged = Path(folder, f"{name}.safetensors")
        forged.write_bytes(hostile(path.read_bytes(), number, seed))
        print(number, name, "begins", flush=True)
        try:
            said = use(forged, X, data)
        except BaseException as error:
            import traceback

            places = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
            said = f"{type(error).__name__}: {str(error)[:150]!r} at {' '.join(places)}"
        if seen:
            said = f"while loading: {seen[0]}"
            seen.clear()
        print(number, name, said, flush=True)


def main(count, seed=0, script=__file__):
    """Workers, one after the other where they die; every finding is a line, its file kept."""
    kept = Path(tempfile.mkdtemp(prefix="fuzz-"))
    counts: dict[str, int] = {}
    findings = 0
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        while number < count:
            command = [sys.executable, script, "work", folder, str(number), str(count), str(seed)]
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                      env=os.environ | {"OMP_NUM_THREADS": "1"})
            silence = threading.Timer(SILENCE * 3, worker.kill)
            silence.start()
            name = said = "start"
            assert worker.stdout is not None
            for line in worker.stdout:
                silence.cancel()
                silence = threading.Timer(SILENCE, worker.kill)
                silence.start()
                word, name, said = line.rstrip("\n").split(" ", 2)
                if said == "begins":
                    number = int(word)
                    continue
                number = int(word) + 1
                if said.startswith(("used", "refused", "predicted")):
                    counts[said] = counts.get(said, 0) + 1
                else:
                    findings += 1
                    keep(kept, folder, name, int(word), said)
            silence.cancel()
            worker.wait()
            if number < count:
                if name == "start":
                    raise SystemExit("the worker does not start")
                findings += 1
                keep(kept, folder, name, number, f"the process ended with {worker.returncode}")
                number += 1
    shares = ", ".join(f"{k:,} {said} ({k / number:.0%})" for said, k in sorted(counts.items(), key=lambda c: -c[1]))
    print(f"{number:,} files: {shares}, {findings:,} findings" + (f", their files in {kept}" if findings else ""))
    return findings


def keep(kept, folder, name, number, said):
    print(f"file {number} ({name}): {said}", flush=True)
    with contextlib.suppress(OSError):
        (kept / f"{number}-{name}").write_bytes(Path(folder, f"{name}.safetensors").read_bytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2], *map(int, sys.argv[3:6]))
    else:
        count, *seed = map(int, sys.argv[1:] or ["1000"])
        found = [main(count, *seed, script=str(script)) for script in (__file__, Path(__file__).with_name(OPERATIONS))]
        sys.exit(1 if any(found) else 0)
