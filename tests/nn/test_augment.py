"""Augment: what it does to images, beside SciPy; chance decides by seed, step and place alone; at rest, nothing."""

import numpy as np
import pytest
from scipy import ndimage

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.nn import Augment, Conv2d, Flatten, GlobalAveragePool, Linear, Module, Sequential
from cutaway.rules.augment import inverse_map
from cutaway.rules.dropout import word
from cutaway.train import EpochEnded

RNG = np.random.default_rng(0)
N, H, W = 400, 9, 12
EVERYTHING = {"flip": True, "flip_vertical": True, "shift": 2.5, "rotate": 40.0, "crop": 0.6}
ramp = np.broadcast_to(np.stack(np.mgrid[:H, :W], -1), (N, H, W, 2)).astype(float)  # each pixel holds its own place


def photos(n=N, h=H, w=W, c=3):
    return RNG.standard_normal((n, h, w, c))


def changed(X, seed=0, step=1, **settings):
    layer = Augment(**settings)
    with layer.training(seed=seed, step=step):
        return layer(ct.Tensor(np.asarray(X))).numpy()


def maps(n, h, w, seed=0, step=1, call=1, **settings):
    """The map of each image: the matrices (n, 2, 2) and offsets (n, 2)."""
    every = {"flip": False, "flip_vertical": False, "shift": 0.0, "rotate": 0.0, "crop": 1.0} | settings
    found = inverse_map(np.arange(n, dtype=np.uint32), h, w, *every.values(), word(seed), word(step), word(call))
    ai, aj, a, bi, bj, b = found
    return np.stack([np.stack([ai, aj], -1), np.stack([bi, bj], -1)], 1), np.stack([a, b], -1)


# ---- what it does ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [
    {"flip": True}, {"flip_vertical": True}, {"shift": 3.3}, {"rotate": 25}, {"crop": 0.4}, EVERYTHING,
], ids=lambda s: "+".join(s))
def test_pixels_are_those_that_scipy_finds_at_the_same_places(settings):
    X = photos(40)
    A, b = maps(40, H, W, **settings)
    wanted = [np.stack([ndimage.affine_transform(x[..., k], a, o, order=1, mode="nearest") for k in range(3)], -1)
              for x, a, o in zip(X, A, b, strict=True)]
    np.testing.assert_allclose(changed(X, **settings), wanted, rtol=1e-10, atol=1e-10)


def test_turned_as_scipy_turns():
    X = photos(30, 8, 8, 1)
    A, _ = maps(30, 8, 8, rotate=90)
    angles = np.degrees(np.arctan2(A[:, 0, 1], A[:, 0, 0]))
    wanted = [ndimage.rotate(x, angle, reshape=False, order=1, mode="nearest")
              for x, angle in zip(X, angles, strict=True)]
    np.testing.assert_allclose(changed(X, rotate=90), wanted, rtol=1e-10, atol=1e-10)
    assert -90 < angles.min() < -60 and 60 < angles.max() < 90


def test_nothing_asked_nothing_done():
    x = ct.Tensor(photos(3))
    with (layer := Augment()).training() as mode:
        assert layer(x) is x and mode.calls == 0
    rule = ct.rules.OPS["augment"].forward
    settings = {"flip": False, "flip_vertical": False, "shift": 0.0, "rotate": 0.0, "crop": 1.0}
    np.testing.assert_array_equal(rule(x.data, **settings, seed=1, step=2, call=3), x.data)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flips_are_exact_and_come_every_second_time(dtype):
    X = photos().astype(dtype)
    y = changed(X, flip=True)
    kept, mirrored = (y == X).all((1, 2, 3)), (y == X[:, :, ::-1]).all((1, 2, 3))
    assert y.dtype == dtype and np.all(kept ^ mirrored) and abs(mirrored.sum() - N / 2) < 5 * np.sqrt(N / 4)
    y = changed(X, flip=True, flip_vertical=True)
    ways = [(y == z).all((1, 2, 3)).sum() for z in (X, X[:, ::-1], X[:, :, ::-1], X[:, ::-1, ::-1])]
    assert sum(ways) == N and min(ways) > N / 4 - 5 * np.sqrt(N * 3 / 16)


def test_shifts_are_even_over_their_range_and_the_border_is_repeated():
    y = changed(ramp, shift=2)
    shift = y[:, 4, 5] - ramp[:, 4, 5]
    np.testing.assert_allclose(y, np.clip(ramp + shift[:, None, None], 0, [H - 1, W - 1]), atol=1e-12)
    assert abs(shift).max() < 2 and abs(shift).max() > 1.9
    assert np.all(abs(shift.mean(0)) < 5 * 2 / np.sqrt(3 * N))
    assert np.all(np.histogram(shift, 8, (-2, 2))[0] > 2 * N / 8 - 5 * np.sqrt(2 * N / 8))
    assert abs(np.corrcoef(shift.T)[0, 1]) < 5 / np.sqrt(N)


def test_a_crop_is_a_window_within_the_image_enlarged():
    A, b = maps(N, H, W, crop=0.5)
    side = A[:, 0, 0]
    np.testing.assert_array_equal(A, side[:, None, None] * np.eye(2))
    assert 0.5 <= side.min() < 0.52 and 0.98 < side.max() < 1
    first, last = b - side[:, None] / 2 + 0.5, b + side[:, None] * (np.array([H, W]) - 0.5) + 0.5  # edges of the window
    np.testing.assert_allclose(last - first, side[:, None] * [H, W])
    assert first.min() >= 0 and np.all(last <= [H, W]) and np.all(first[side < 0.6].max(0) > 0.3 * np.array([H, W]))


def test_what_is_asked_together_is_drawn_apart():
    A, b = maps(N, H, W, **EVERYTHING)
    scale = np.sqrt(abs(np.linalg.det(A)))
    turn = A[:, 0, 1] * np.sign(A[:, 1, 1]) / scale
    drawn = [np.sign(A[:, 0, 0]), np.sign(A[:, 1, 1]), scale, turn, *b.T]
    assert abs(np.corrcoef(drawn[:4]) - np.eye(4)).max() < 5 / np.sqrt(N)
    assert all(len(np.unique(d)) == N for d in drawn[2:])


def test_one_row_of_pixels():
    X = photos(6, 1, 5, 1)
    y = changed(X, flip=True, rotate=20, crop=0.5)
    assert y.shape == X.shape and np.all((y >= X.min((1, 2), keepdims=True)) & (y <= X.max((1, 2), keepdims=True)))


# ---- chance ----------------------------------------------------------------------------------------------------------


def test_seed_step_call_and_place_decide():
    X = photos(20)
    y = changed(X, **EVERYTHING)
    np.testing.assert_array_equal(changed(X, **EVERYTHING), y)
    np.testing.assert_array_equal(changed(X[:13], **EVERYTHING), y[:13])
    Z = X.copy()
    Z[:7] = 0
    np.testing.assert_array_equal(changed(Z, **EVERYTHING)[7:], y[7:])
    for other in (changed(X, seed=1, **EVERYTHING), changed(X, step=2, **EVERYTHING)):
        assert np.all(abs(other - y).max((1, 2, 3)) > 0.1)
    layer = Augment(**EVERYTHING)
    with (twice := Twice(layer)).training():
        one, two = twice(ct.Tensor(X))
    np.testing.assert_array_equal(one.numpy(), y)
    assert np.all(abs(two.numpy() - y).max((1, 2, 3)) > 0.1)


class Twice(Module):
    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        return self.layer(x), self.layer(x)


def network(dtype="float32"):
    return Sequential(Augment(**EVERYTHING), Conv2d(3, 4, 3), GlobalAveragePool(), Linear(4, 2)).astype(dtype).init(0)


def images_seen(engine, threads=1, dtype="float32", steps=2, n=50):
    X = np.random.default_rng(1).standard_normal((n, H, W, 3))
    program = ct.compile(network(dtype), "cross_entropy", batch_size=32, input=X, seed=5, engine=engine,
                         threads=threads, keep_all=True)
    program.feed(X, np.arange(n) % 2)
    program.run(steps=steps)
    return X, program.value("input.y"), program


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_engine_and_any_number_of_threads_change_images_alike(dtype):
    X, plain, _ = images_seen("reference", dtype=dtype)
    np.testing.assert_array_equal(plain, changed(X[32:].astype(dtype), seed=5, step=2, **EVERYTHING))
    _, one, program = images_seen("cpu", dtype=dtype)
    np.testing.assert_allclose(one, plain, rtol=1e-5, atol=1e-6 if dtype == "float32" else 1e-12)
    assert "augment" in str(program) and len(one) == 50 - 32
    for threads in (2, 3):
        np.testing.assert_array_equal(images_seen("cpu", threads, dtype)[1], one)


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    X, y = photos(40).astype("float32"), np.arange(40) % 2
    options = {"loss": "cross_entropy", "optimizer": ct.optim.AdamW(1e-2), "epochs": 4, "batch_size": 16}
    whole, broken, resumed = network(), network(), network()
    ct.fit(whole, X, y, **options)

    def stop(event):
        if isinstance(event, EpochEnded) and event.epoch == 3:
            raise SystemExit

    with pytest.raises(SystemExit):
        ct.fit(broken, X, y, checkpoint=tmp_path, callbacks=[stop], **options)
    ct.fit(resumed, X, y, checkpoint=tmp_path, resume=True, **options)
    np.testing.assert_array_equal(resumed.theta, whole.theta)


# ---- at rest ---------------------------------------------------------------------------------------------------------


def test_evaluation_is_untouched(tmp_path):
    X, net = photos(10).astype("float32"), network()
    bare = Sequential(*net.layers[1:])
    x = ct.Tensor(X)
    assert net[0](x) is x
    np.testing.assert_array_equal(net(X).numpy(), bare(X).numpy())
    np.testing.assert_array_equal(net.predict(X), bare.predict(X))
    ct.save(net, tmp_path / "net.safetensors", input=X)
    assert "augment" not in str(ct.files.describe(tmp_path / "net.safetensors")["program"])
    back = ct.load(tmp_path / "net.safetensors")
    assert repr(back[0]) == "Augment(flip, flip vertical, shift 2.5, rotate 40, crop 0.6)"
    np.testing.assert_array_equal(back.predict(X), net.predict(X))


def test_a_gradient_that_cannot_pass_is_an_error():
    net = Sequential(Conv2d(1, 1, 1), Augment(flip=True), Flatten(), Linear(4, 1))
    X = np.ones((2, 2, 2, 1))
    assert net(X).shape == (2, 1)
    with pytest.raises(ArgumentError, match=r"layer1 \(Augment\(flip\)\) lets no gradient through.*put it first"):
        ct.compile(net, "mse", input=X)


@pytest.mark.parametrize(("settings", "message"), [
    ({"flip": "left"}, "flip must be True or False, got 'left'"),
    ({"flip_vertical": 1}, "flip_vertical must be True or False, got 1"),
    ({"shift": -1}, "shift must be a number of pixels, 0 or more, got -1"),
    ({"shift": np.inf}, "shift must be a number of pixels, 0 or more, got inf"),
    ({"shift": (1, 2)}, r"shift must be a number of pixels, 0 or more, got \(1, 2\)"),
    ({"rotate": 181}, "rotate must be degrees, from 0 to 180, got 181"),
    ({"rotate": np.nan}, "rotate must be degrees"),
    ({"crop": 0}, "crop must be the smallest share of the height and width to keep, 0.01 to 1, got 0"),
    ({"crop": True}, "crop must be .* got True"),
], ids=str)
def test_settings_are_checked(settings, message):
    with pytest.raises(ArgumentError, match="Augment: " + message):
        Augment(**settings)


def test_images_are_checked():
    with pytest.raises(ShapeError, match=r"takes images .*got shape \(5, 8, 8\): reshape to \(5, 8, 8, 1\)"):
        Augment(flip=True)(np.ones((5, 8, 8)))
    with pytest.raises(ShapeError, match=r"images of 8x4 out of sight"):
        changed(np.ones((5, 8, 4, 1)), shift=4)
    with pytest.raises(ArgumentError, match="takes no Sequences"):
        Augment(flip=True)(ct.Sequences(np.ones((5, 8, 4)), [8] * 5))
