"""Features: planted filters find their patterns, what a unit sees is what changes it, measures of known answer."""

import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.inspect.wiring import Wiring, cropped
from cutaway.lab.layers import excitation
from cutaway.lab.layers.features import edges, features, selectivity

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)  # light on the right


def planted():
    """Two filters, an edge and its turned twin, then a layer that adds them up over its window."""
    net = ct.nn.Sequential(
        ct.nn.Conv2d(1, 2, 3, padding="same"), ct.nn.ReLU(),
        ct.nn.MaxPool2d(2), ct.nn.Conv2d(2, 3, 3), ct.nn.ReLU(), ct.nn.Flatten(), ct.nn.Linear(48, 2),
    ).init(0)
    net.layers[0].weight.data[:] = np.stack([SOBEL, SOBEL.T])[..., None]
    return net


def images(n=40):
    """Faint noise; half of the images have a bright square, at a place of its own."""
    random = np.random.default_rng(0)
    X = random.normal(0, 0.02, (n, 12, 12, 1)).astype(np.float32)
    y = np.arange(n) % 2
    for i in np.flatnonzero(y):
        top, left = random.integers(2, 6, 2)
        X[i, top : top + 5, left : left + 5] += 1
    return X, y


@pytest.fixture(scope="module")
def found():
    return features(planted(), *images(), units=2, patches=3)


# ---- what excites a unit ---------------------------------------------------------------------------------------------


def test_an_edge_filter_responds_most_to_the_planted_edge(found):
    layer, (_, y) = found.layers[0], images()
    for k, patches, rows in zip(layer.chosen, layer.patches, layer.rows, strict=True):
        assert y[rows].all()  # images with a square
        for patch in patches[..., 0]:
            dark, light = (patch[:, 0], patch[:, 2]) if k == 0 else (patch[0], patch[2])
            assert dark == pytest.approx(0, abs=0.1)
            assert light == pytest.approx(1, abs=0.1)


def test_patches_are_cut_from_the_images_and_give_the_response(found):
    """Filter · patch, by hand, is the largest value of the filter's map of that image."""
    net, (X, _) = planted(), images()
    layer = found.layers[0]
    for k, patches, rows in zip(layer.chosen, layer.patches, layer.rows, strict=True):
        maps = [ct.inspect.feature_maps(net, X[row])["layer1.a"][..., k] for row in rows]
        by_hand = [(net.layers[0].weight.data[k] * np.nan_to_num(patch)).sum() for patch in patches]
        assert by_hand == pytest.approx([a.max() for a in maps], rel=1e-5)


def test_the_pattern_that_excites_a_filter_most_is_the_filter(found):
    """Of all x in a ball, w itself makes w · x largest (Cauchy and Schwarz)."""
    layer = found.layers[0]
    for k, pattern in zip(layer.chosen, layer.patterns, strict=True):
        own = [SOBEL, SOBEL.T][k]
        cosine = (pattern[..., 0] * own).sum() / np.linalg.norm(pattern) / np.linalg.norm(own)
        assert cosine > 0.999


def test_patterns_of_deep_units_excite_more_than_any_image_of_the_same_size():
    net, (X, _) = planted(), images()
    program = excitation.program_for(net, X)
    wiring = Wiring(program)
    size = float(np.sqrt((X**2).mean()))
    patterns = excitation.patterns(net, wiring, {"layer3": [0, 1]}, X.shape[1:], size)["layer3"]
    assert np.sqrt((patterns**2).mean((1, 2, 3))) == pytest.approx([size, size], rel=1e-4)
    scaled = X * size / np.sqrt((X**2).mean((1, 2, 3), keepdims=True))
    for unit in (0, 1):
        assert net.predict(patterns)[unit, unit] > net.predict(scaled)[:, unit].max()


def test_the_model_stays_as_it_was():
    net, (X, y) = planted(), images()
    before = net.theta.copy()
    features(net, X, y, units=1, steps=3)
    assert (net.theta == before).all()
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


# ---- how much a unit sees --------------------------------------------------------------------------------------------

NETWORKS = {
    "same": lambda: [ct.nn.Conv2d(1, 2, 3, padding="same"), ct.nn.Conv2d(2, 2, 3, padding="same")],
    "pool": lambda: [ct.nn.Conv2d(1, 2, 3), ct.nn.AvgPool2d(2), ct.nn.Conv2d(2, 2, 3)],
    "stride": lambda: [ct.nn.Conv2d(1, 2, 5, stride=2, padding=2), ct.nn.Conv2d(2, 2, (1, 3))],
    "dilation": lambda: [ct.nn.Conv2d(1, 2, 2), ct.nn.Conv2d(2, 2, 3, dilation=3)],
}
SEES = {"same": (5, 5), "pool": (8, 8), "stride": (5, 9), "dilation": (8, 8)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_field_holds_exactly_the_pixels_whose_gradient_is_not_zero(name):
    """Brute force: no activation hides a pixel, random weights do not cancel, so every pixel that counts shows."""
    net = ct.nn.Sequential(*NETWORKS[name]()).init(3)
    X = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    wiring = Wiring(excitation.program_for(net, X))
    last = list(wiring.with_units().values())[-1]
    field = excitation.field_of(wiring, last)
    x = ct.Tensor(X[:1], requires_grad=True)
    z = net(x)
    z[0, z.shape[1] // 2, z.shape[2] // 2, 0].sum().backward()
    changes = np.argwhere(x.grad[0, ..., 0] != 0)
    inside = cropped(field, (16, 16))
    assert [(s.start, s.stop) for s in inside] == list(zip(changes.min(0), changes.max(0) + 1, strict=True))
    assert tuple(stop - start for start, stop in field) == SEES[name]


def test_patches_that_reach_beyond_the_image_say_so():
    image = np.arange(9.0).reshape(3, 3, 1)
    patch = excitation.cut(image, ((-1, 2), (0, 3)))
    assert np.isnan(patch[0]).all()
    assert patch[1:, :, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


# ---- measures --------------------------------------------------------------------------------------------------------


def test_selectivity_is_that_of_analysis_of_variance():
    from sklearn.feature_selection import f_classif

    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 90)
    responses = random.normal(size=(90, 4)) + np.outer(codes, [0, 1, 2, 3])
    F, _ = f_classif(responses, codes)
    assert selectivity(responses, codes) == pytest.approx(2 * F / (2 * F + 87))  # η² from F


def test_edges_in_filters_and_their_directions():
    flat, spot = np.full((3, 3), 5), np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    plane = np.tile(np.arange(3) - 1.0, (3, 1))
    found = edges(np.stack([plane, SOBEL, -SOBEL, SOBEL.T, flat, spot])[..., None])
    assert found.share == pytest.approx([1, 8 / 9, 8 / 9, 8 / 9, 0, 0], abs=1e-12)  # Σ w u = 8, of 6 · 12
    assert found.direction[:4] == pytest.approx([0, 0, 180, 90])


def test_filters_drawn_by_chance_are_edges_as_often_as_is_said():
    found = edges(np.random.default_rng(0).normal(size=(4000, 5, 5, 2)))
    assert found.mean == pytest.approx(found.chance, abs=0.003)


# ---- the lecture's claim: pixel, edge, shape, face -------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    from cutaway.cli.labs.features import small

    X, y = ct.datasets.load("digits")
    model = ct.Classifier(small, epochs=2, validation=None, optimizer=ct.optim.AdamW(3e-3), batch_size=32)
    X = X.reshape(-1, 8, 8, 1)
    return features(model.fit(X[:1200], y[:1200]), X[1200:], y[1200:], units=2, steps=4)


def test_deeper_units_see_more_and_tell_classes_better(digits):
    assert digits.fields == [9, 25, 49, 64, 64]
    share = [layer.mean for layer in digits.layers]
    assert all(np.diff(share) > 0)
    assert share[-1] > 0.6 > 0.4 > share[0]


def test_depth_alone_tells_no_classes_only_training_does(digits):
    untrained = [layer.untrained for layer in digits.layers]
    assert max(untrained) < 0.5 * digits.layers[-1].mean


def test_the_output_units_like_their_own_class(digits):
    assert (digits.layers[-1].favourite == np.arange(10)).all()


# ---- results and errors ----------------------------------------------------------------------------------------------


def test_the_finding_and_every_form(digits, tmp_path):
    said = str(digits)
    assert said.startswith("A unit sees 3 × 3, then 5 × 5, then 7 × 7 pixels, then the whole image.")
    assert "The share of its response that classes explain rises at every layer from" in said
    state = json.loads(digits.save(tmp_path / "f.json").read_text())
    assert [layer["pixels"] for layer in state["layers"]] == digits.fields
    assert len(digits.to_pandas()) == 16 + 32 + 32 + 32 + 10
    assert "see 5 × 5 pixels" in digits.save(tmp_path / "f.svg").read_text()


def test_without_classes_units_are_ranked_by_how_much_they_vary():
    X, _ = images()
    found = features(planted(), X, units=2, steps=3)
    assert np.isnan(found.layers[0].mean)
    assert "classes" not in str(found).split("\n")[0]
    spread = found.layers[1].spread
    assert list(found.layers[1].chosen) == np.argsort(-spread, kind="stable")[:2].tolist()
    assert found.plot() is not None


def test_colour_images_are_shown_in_colour():
    X = np.random.default_rng(0).random((20, 10, 10, 3)).astype(np.float32)
    found = features(ct.nn.CNN((10, 10, 3), 2).init(0), X, np.arange(20) % 2, units=1, steps=3)
    assert found.layers[0].patches.shape == (1, 4, 3, 3, 3)
    assert found.plot() is not None


def test_bad_input_says_what_to_do():
    X, y = images()
    with pytest.raises(ArgumentError, match="no convolution"):
        features(ct.nn.MLP(144, [8], 2), X, y)
    with pytest.raises(ShapeError, match="40 images, y 39 labels"):
        features(planted(), X, y[:39])
    with pytest.raises(ShapeError, match=r"give images \(n, height, width, channels\)"):
        features(planted(), X[0, :, 0], y)
