"""A file is what its name promises, or it is not written, and the words say what can be."""

import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from depth import each_once

X, Y = ct.datasets.make("moons", n=24, seed=0)


@pytest.fixture(scope="module")
def net():
    return ct.nn.MLP(2, [3], 2).init(0)


@pytest.fixture(scope="module")
def written(net):
    """Every function that writes a file by name: what it writes, and under which endings."""
    run = ct.fit(ct.nn.MLP(2, [3], 2).init(0), X, Y, loss="cross_entropy", epochs=1)
    trace = ct.trace(net, X, Y, loss="cross_entropy")
    descent = ct.lab.descend("bowl", [ct.optim.SGD(0.1)], steps=3)
    model = ct.Classifier((3,), epochs=1).fit(X, Y)
    images = ct.nn.CNN((8, 8, 1), 2, channels=(2,)).init(0)
    return {
        "save": (lambda path: ct.save(net, path), ".safetensors"),
        "save an estimator": (lambda path: ct.save(model, path), ".safetensors"),
        "run.plot": (run.plot, ".png"),
        "filters": (ct.inspect.filters(images).plot, ".svg"),
        "descent.plot": (descent.plot, ".pdf"),
        "descent.save": (descent.save, ".html"),
        "descent.to_html": (descent.to_html, ".html"),
        "trace.to_html": (trace.to_html, ".htm"),
        "trace.to_json": (trace.to_json, ".json"),
        "draw": (lambda path: ct.inspect.draw(net, path), ".svg"),
        "checkpoints": (lambda path: ct.fit(net, X, Y, loss="cross_entropy", epochs=1, checkpoint=path), ""),
    }


WRITERS = ("save", "save an estimator", "run.plot", "filters", "descent.plot", "descent.save", "descent.to_html",
           "trace.to_html", "trace.to_json", "draw", "checkpoints")
PROMISES = (".onnx", ".pt", ".PTH", ".h5", ".keras", ".pkl", ".joblib", ".npz", ".gif", ".mp4", ".zip", ".txt", ".yaml")


@pytest.mark.parametrize(("writer", "ending"), each_once(WRITERS, PROMISES))
def test_a_name_that_promises_something_else_is_refused_and_nothing_is_written(written, writer, ending, tmp_path):
    write, own = written[writer]
    ways = rf"is written to a file that ends in .*\{own}" if own else "are folders"
    with pytest.raises(ArgumentError, match=rf"m\{ending} promises .*: .* {ways}"):
        write(tmp_path / f"m{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("writer", "ending"), [
    ("save", ".json"), ("save", ".csv"), ("draw", ".png"), ("draw", ".pdf"), ("trace.to_html", ".pdf"),
    ("trace.to_json", ".csv"), ("trace.to_json", ".html"), ("run.plot", ".html"), ("filters", ".json"),
])
def test_neither_is_what_another_function_would_write(written, writer, ending, tmp_path):
    with pytest.raises(ArgumentError, match=rf"m\{ending} promises"):
        written[writer][0](str(tmp_path / f"m{ending}"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("writer", WRITERS)
def test_the_own_ending_is_written_as_what_it_says(written, writer, tmp_path):
    write, ending = written[writer]
    write(path := tmp_path / f"own{ending.upper()}")
    starts = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<", ".html": b"<!doctype html", ".htm": b"<!doctype html",
              ".json": b"{"}
    assert path.is_dir() if not ending else path.read_bytes().startswith(starts.get(ending, b""))


@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".eps", ".ps"])
def test_figures_are_written_as_other_pictures_too(written, ending, tmp_path):
    written["run.plot"][0](tmp_path / f"loss{ending}")
    starts = {".jpg": b"\xff\xd8", ".jpeg": b"\xff\xd8", ".webp": b"RIFF", ".tif": b"II", ".tiff": b"II"}
    assert (tmp_path / f"loss{ending}").read_bytes().startswith(starts.get(ending, b"%!PS"))


@pytest.mark.parametrize("name", ["net", "net.v2", "net-1.5", "net.best", "net.safetensors.tmp"])
def test_an_ending_that_promises_nothing_is_free_for_models(net, name, tmp_path):
    ct.save(net, tmp_path / name)
    assert ct.load(tmp_path / name).state_dict().keys() == net.state_dict().keys()
