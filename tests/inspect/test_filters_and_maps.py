"""Filters and feature maps: the program's own values, checked against NumPy; names, errors, figures."""

import json
import subprocess
import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import evaluator
from cutaway.errors import ArgumentError, ShapeError
from cutaway.text import jsonable

nn = ct.nn
engines = pytest.mark.parametrize("engine", ["cpu", "reference"])


def digits(seed=0, **options):
    return nn.CNN((8, 8, 1), 3, channels=[4, 6], hidden=[5], **options).init(seed)


def image(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def correlated(x, W, b):
    """A "same" convolution with a window of 3, by NumPy: x (h, w, c), W (m, 3, 3, c)."""
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((1, 1), (1, 1), (0, 0))), (3, 3), axis=(0, 1))
    return np.einsum("ijcuv,muvc->ijm", seen.astype(np.float64), W) + b


class Residual(nn.Module):
    def __init__(self, width):
        self.conv = nn.Conv2d(width, width, 3, padding="same")
        self.narrow = nn.Conv2d(width, width, (1, 3), padding="same")

    def forward(self, x):
        return x + ct.ops.tanh(self.narrow(self.conv(x)))


def residual_network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), Residual(4), nn.GlobalAveragePool(), nn.Linear(4, 2)).init(0)


# ---- filters ---------------------------------------------------------------------------------------------------------


def test_filters_are_the_weights_by_name_or_by_layer():
    net = residual_network()
    state = net.state_dict()
    for name in ("layer1", "layer2.conv", "layer2.narrow"):
        found = ct.inspect.filters(net, name)
        assert found.layer == name and np.array_equal(found.array, state[f"{name}.weight"])
        assert np.array_equal(ct.inspect.filters(net, f"{name}.weight").array, found.array)
    assert np.array_equal(ct.inspect.filters(net, net[2].conv).array, state["layer2.conv.weight"])
    assert ct.inspect.filters(net).layer == "layer1" and len(ct.inspect.filters(net)) == 4
    alone = nn.Conv1d(2, 3, 5)
    assert ct.inspect.filters(alone).array.shape == ct.inspect.filters(alone, alone).array.shape == (3, 5, 2)


def test_filters_and_maps_of_channels_in_groups():
    net = nn.Sequential(nn.Conv2d(4, 6, (1, 3), groups=2), nn.GlobalMaxPool(), nn.Linear(6, 1)).init(0)
    x, found = image(5, 5, 4), ct.inspect.filters(net)
    assert found.array.shape == (6, 1, 3, 2)
    z = ct.inspect.feature_maps(net, x, engine="reference")["layer1.z"]
    seen = np.lib.stride_tricks.sliding_window_view(x[..., 2:], 3, axis=1)
    np.testing.assert_allclose(z[..., 4], np.einsum("ijcv,vc->ij", seen, found.array[4, 0]), rtol=1e-4, atol=1e-5)


def test_filters_are_a_copy_and_become_json():
    net = digits()
    found = ct.inspect.filters(net, "layer1")
    before = found.array.copy()
    net.theta[:] = 0
    assert np.array_equal(found.array, before)
    state = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert state["shape"] == [4, 3, 3, 1]
    np.testing.assert_allclose(state["weights"], before, rtol=1e-4)
    assert "layer1: 4 filters of 3 × 3 × 1" in repr(found)
    assert jsonable(np.array([np.inf, np.nan, 2.0]), 5) == [None, None, 2.0]


def test_filters_of_what_has_none():
    with pytest.raises(ArgumentError, match=r"did you mean 'layer2.conv'\? There are: layer1, layer2.conv, layer2.nar"):
        ct.inspect.filters(residual_network(), "layer2.con")
    with pytest.raises(ArgumentError, match="no layer with filters called 'layer4'"):
        ct.inspect.filters(digits(), "layer4")
    net = digits()
    with pytest.raises(ArgumentError, match="no layer with filters called 'layer3'"):
        ct.inspect.filters(net, net[-3])
    with pytest.raises(ArgumentError, match="not part of this network"):
        ct.inspect.filters(net, nn.Conv2d(1, 1, 1))
    for show in (ct.inspect.filters, lambda m: ct.inspect.feature_maps(m, np.zeros((8, 8)))):
        with pytest.raises(ArgumentError, match=r"MLP has no convolution.* it has Linear, ReLU"):
            show(nn.MLP(2, [3], 1))
        with pytest.raises(ArgumentError, match="not trained yet: call fit"):
            show(ct.Classifier())
        with pytest.raises(ArgumentError, match="model is a str"):
            show("model.safetensors")


# ---- feature maps ----------------------------------------------------------------------------------------------------


@engines
def test_feature_maps_are_the_programs_values(engine):
    net, x = digits(norm="batch"), image(8, 8, 1)
    net.load_state_dict({k: v + 0.3 if "running" in k else v for k, v in net.state_dict().items()})
    maps = ct.inspect.feature_maps(net, x, engine=engine)
    program = evaluator(net, x[None], engine=engine, batch_size=1, keep_all=True)
    program.predict(x[None])
    assert list(maps) == ["layer1.z", "layer2.y", "layer2.a", "layer2.y_2", "layer3.z", "layer4.y", "layer4.a"]
    for name, values in maps.items():
        assert np.array_equal(values, program.value(name)[0]), name
    assert np.array_equal(maps.image, x)
    assert maps.operations["layer2.y"] == "batch_norm" and maps.operations["layer2.y_2"] == "max_pool"


@engines
def test_feature_maps_against_numpy(engine):
    net, x = digits(), image(8, 8, 1)
    maps = ct.inspect.feature_maps(net, x, engine=engine)
    p = net.state_dict()
    z = correlated(x, p["layer1.weight"], p["layer1.bias"])
    a = np.maximum(z, 0)
    y = a.reshape(4, 2, 4, 2, 4).max((1, 3))
    again = correlated(y, p["layer2.weight"], p["layer2.bias"])
    for name, values in {"layer1.z": z, "layer1.a": a, "layer1.y": y, "layer2.z": again}.items():
        np.testing.assert_allclose(maps[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    assert list(maps)[-1] == "layer2.a" and (maps["layer2.a"] == 0).any()


def test_feature_maps_leave_the_model_alone_and_take_an_image_in_any_form():
    net, x = digits(), image(8, 8)
    before = net.theta.copy()
    maps = ct.inspect.feature_maps(net, x)
    for form in (x[..., None], x[None], x[None, ..., None], x.tolist(), ct.Tensor(x), x.astype(np.float64)):
        again = ct.inspect.feature_maps(net, form)
        assert all(np.array_equal(maps[name], again[name]) for name in maps)
    assert np.array_equal(net.theta, before)
    colour = image(9, 7, 3)
    assert ct.inspect.feature_maps(residual_network(), colour)["layer1.z"].shape == (7, 5, 4)


def test_feature_maps_of_one_layer_custom_modules_and_a_saved_network(tmp_path):
    net, x = residual_network(), image(6, 6, 3)
    maps = ct.inspect.feature_maps(net, x)
    assert list(maps) == ["layer1.z", "layer1.a", "layer2.conv.z", "layer2.narrow.z", "layer2.a", "layer2.w"]
    assert np.array_equal(maps["layer2.w"], maps["layer1.a"] + maps["layer2.a"])
    assert list(ct.inspect.feature_maps(net, x, "layer2.conv")) == ["layer2.conv.z"]
    assert list(ct.inspect.feature_maps(net, x, net[2])) == [name for name in maps if name.startswith("layer2")]
    with pytest.raises(ArgumentError, match=r"feature maps called 'layer2.con'; did you mean 'layer2.conv'\?"):
        ct.inspect.feature_maps(net, x, "layer2.con")
    with pytest.raises(KeyError, match=r"did you mean 'layer1.z'"):
        maps["layer1.zz"]
    ct.save(net, tmp_path / "net.safetensors", input=x[None])
    restored = ct.load(tmp_path / "net.safetensors")
    again = ct.inspect.feature_maps(restored, x)
    assert list(again) == list(maps) and all(np.array_equal(maps[name], again[name]) for name in maps)
    assert np.array_equal(ct.inspect.filters(restored, "layer2.conv").array, net[2].conv.weight.data)


def test_feature_maps_of_a_sequence():
    net = nn.CNN((24, 2), 3, channels=[4, 6]).init(0)
    x = image(24, 2)
    maps = ct.inspect.feature_maps(net, x)
    p = net.state_dict()
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((1, 1), (0, 0))), 3, axis=0)
    z = np.einsum("tcu,muc->tm", seen, p["layer1.weight"]) + p["layer1.bias"]
    np.testing.assert_allclose(maps["layer1.z"], z, rtol=1e-4, atol=1e-5)
    lengths = nn.Sequential(nn.Conv1d(2, 4, 3, stride=2), nn.ReLU(), nn.GlobalMaxPool(), nn.Linear(4, 2)).init(0)
    short = ct.inspect.feature_maps(lengths, ct.Sequences(np.pad(x, ((0, 9), (0, 0)))[None], [24]))
    assert list(short) == ["layer1.z", "layer1.a"] and short.image.shape == (24, 2)
    assert np.array_equal(short["layer1.z"], ct.inspect.feature_maps(lengths, x)["layer1.z"])


def test_images_that_do_not_fit():
    net = digits()
    with pytest.raises(ArgumentError, match="one image is shown at a time, got 5"):
        ct.inspect.feature_maps(net, np.zeros((5, 8, 8, 1)))
    with pytest.raises(ArgumentError, match="one image is shown at a time, got 5"):
        ct.inspect.feature_maps(net, np.zeros((5, 8, 8)))
    with pytest.raises(ShapeError, match=r"images of shape \(8, 8, 1\), got \(16, 16, 1\): layer3 .* 96 features"):
        ct.inspect.feature_maps(net, np.zeros((16, 16)))
    with pytest.raises(ShapeError, match=r"got \(8, 8, 3\): layer1 .* with 1 channels, got shape \(2, 8, 8, 3\)"):
        ct.inspect.feature_maps(net, np.zeros((8, 8, 3)))
    with pytest.raises(ShapeError, match=r"images, but none of shape \(2, 2, 3\): layer1 .* window over 3x3 places"):
        ct.inspect.feature_maps(residual_network(), np.zeros((2, 2, 3)))
    with pytest.raises(ShapeError, match=r"image has shape \(8,\)"):
        ct.inspect.feature_maps(net, np.zeros(8))
    with pytest.raises(ArgumentError, match="takes numbers, not a str"):
        ct.inspect.feature_maps(net, "three.png")


def test_an_estimator_encodes_the_image_itself():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (40, 8, 8), np.uint8)
    y = np.array(["dark", "light"])[(X.mean((1, 2)) > 127).astype(int)]
    model = ct.Classifier(network=lambda *_: nn.CNN((8, 8, 1), 1, channels=[3]), epochs=1, random_state=0).fit(X, y)
    maps = ct.inspect.feature_maps(model, X[7])
    Z = model.encode(X[7:8])
    np.testing.assert_allclose(maps.image, Z[0], rtol=1e-6)
    program = evaluator(model.model_, Z, batch_size=1, keep_all=True)
    program.predict(Z)
    assert all(np.array_equal(maps[name], program.value(name)[0]) for name in maps)
    assert len(ct.inspect.filters(model, "layer1")) == 3


# ---- figures ---------------------------------------------------------------------------------------------------------


def words(figure):
    return [t.get_text() for t in (*figure.texts, *(t for a in figure.axes for t in a.texts))]


def tiles(figure):
    return figure.axes[0].images


def test_figure_of_filters_has_a_tile_each_on_one_scale():
    figure = ct.inspect.filters(digits(), "layer1").plot()
    assert len(tiles(figure)) == 4 and len(figure.axes) == 2  # the tiles, and the colour bar
    assert figure.axes[1].get_ylabel() == "weight"
    assert {"0", "1", "2", "3", "layer1: 4 filters of 3 × 3 × 1"} <= set(words(figure))
    most = np.abs(digits().state_dict()["layer1.weight"]).max()
    assert all(np.allclose(image.get_clim(), (-most, most)) for image in tiles(figure))
    assert np.array_equal(tiles(figure)[2].get_array(), digits().state_dict()["layer1.weight"][2, ..., 0])


def test_figure_of_filters_over_several_channels():
    figure = ct.inspect.filters(digits(), "layer2").plot()
    assert len(tiles(figure)) == 6 * 4 and {"filter 0", "filter 5", "channel"} <= set(words(figure))
    wide = ct.inspect.filters(nn.Conv2d(20, 30, 3).init(0))
    figure = wide.plot()
    assert len(tiles(figure)) == 8 * 12
    assert any("the 8 strongest filters, each with its 12 strongest channels" in text for text in words(figure))
    shown = [int(text.split()[1]) for text in words(figure) if text.startswith("filter ")]
    strength = np.abs(wide.array).sum((1, 2, 3))
    assert set(shown) == set(np.argsort(-strength)[:8].tolist())


def test_figure_of_colour_and_of_sequence_filters():
    figure = ct.inspect.filters(residual_network(), "layer1").plot()
    assert len(figure.axes) == 1 and tiles(figure)[0].get_array().shape == (3, 3, 3)
    assert any("grey is zero" in text for text in words(figure))
    grey = ct.inspect.filters(nn.Conv2d(3, 1, 2, init=nn.init.zeros)).plot()
    assert np.all(tiles(grey)[0].get_array() == 0.5)
    figure = ct.inspect.filters(nn.Conv1d(2, 100, 5).init(0)).plot()
    assert len(tiles(figure)) == 64 and tiles(figure)[0].get_array().shape == (2, 5)
    assert any("the 64 strongest" in text for text in words(figure))


def test_figure_of_feature_maps_has_a_row_for_each_value(tmp_path):
    maps = ct.inspect.feature_maps(digits(), image(8, 8))
    figure = maps.plot(tmp_path / "maps.svg", most=3)
    assert len(tiles(figure)) == 1 + 5 * 3
    found = words(figure)
    assert {"input", "8 × 8 × 1", *maps} <= set(found)
    assert any(text.startswith("max pooling, 4 × 4 × 4") for text in found)
    strongest = np.argsort(-maps["layer1.y"].mean((0, 1)), kind="stable")[:3]
    for k, c in enumerate(strongest):  # a column shows the same channel in all rows of its layer
        assert np.array_equal(tiles(figure)[1 + k].get_array(), maps["layer1.z"][..., c])
        assert np.array_equal(tiles(figure)[4 + k].get_array(), maps["layer1.a"][..., c])
    svg = (tmp_path / "maps.svg").read_text()
    assert ">layer1.z<" in svg and "<dc:date>" not in svg
    maps.plot(tmp_path / "maps2.svg", most=3)
    assert (tmp_path / "maps2.svg").read_text() == svg
    with pytest.raises(ArgumentError, match="most must be"):
        maps.plot(most=0)


def test_figures_of_what_is_odd():
    net = digits()
    net.theta[:] = np.nan
    ct.inspect.feature_maps(net, image(8, 8)).plot()
    net.theta[:] = 0
    ct.inspect.filters(net).plot()
    deep = nn.Sequential(*[layer for _ in range(20) for layer in (nn.Conv2d(1, 1, 3, padding="same"), nn.ReLU())],
                         nn.GlobalAveragePool(), nn.Linear(1, 1)).init(0)
    maps = ct.inspect.feature_maps(deep, image(8, 8))
    assert len(maps) == 40 and len(repr(maps)) < 300
    shown = [text for text in words(maps.plot()) if text.startswith("layer")]
    assert shown == [f"layer{k}.a" for k in range(1, 17)]


def test_figure_of_a_sequence_has_lines_over_time():
    maps = ct.inspect.feature_maps(nn.CNN((24, 2), 3, channels=[4]).init(0), image(24, 2))
    figure = maps.plot(most=3)
    assert [len(axes.lines) for axes in figure.axes] == [2, 3, 3, 3]
    assert figure.axes[-1].get_xlabel() == "time step"
    assert [len(axes.lines[0].get_ydata()) for axes in figure.axes] == [24, 24, 24, 12]
    json.dumps(maps.to_json(), allow_nan=False)


def test_matplotlib_is_imported_when_drawing_only():
    code = (
        "import sys, numpy as np, cutaway as ct; assert 'cutaway.inspect' not in sys.modules\n"
        "net = ct.nn.CNN((8, 8, 1), 3, channels=[4])\n"
        "ct.inspect.filters(net), ct.inspect.feature_maps(net, np.zeros((8, 8)))\n"
        "print('matplotlib' in sys.modules, 'inspect' in dir(ct))"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
