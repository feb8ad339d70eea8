"""Images are drawn in their own colours; where black and white are the images' extremes, the picture says so."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.inspect.pixels import Pixels, pixels_of

COLOUR = (29, 44, 75)


def pictures(figure):
    return [image.get_array() for image in figure.axes[0].images]


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text")))


def flat(dtype, scale=1.0):
    """Two images of one colour each, but for a pixel, as different numbers say it."""
    X = np.tile(np.array(COLOUR, np.float64), (2, 8, 8, 1))
    X[1, 0, 0] = 200
    return (X * scale).astype(dtype)


SAID = {
    "bytes": (flat(np.uint8), "0 is black, 255 white"),
    "bytes as floats": (flat(np.float32), "0 is black, 255 white"),
    "fractions": (flat(np.float64, 1 / 255), "0 is black, 1 white"),
    "12 bits": (flat(np.uint16, 4095 / 255), "0 is black, 4095 white"),
    "16 bits": (flat(np.uint16, 65535 / 255), "0 is black, 65535 white"),
}


@pytest.mark.parametrize("name", SAID)
def test_a_known_range_gives_true_colours_in_feature_maps(name):
    X, said = SAID[name]
    net = ct.nn.CNN((8, 8, 3), 2, channels=(2,)).init(0)
    figure = ct.inspect.feature_maps(net, X[1]).plot()
    assert np.allclose(pictures(figure)[0][4, 4], np.array(COLOUR) / 255, atol=1e-3)
    assert said in words(figure) and "stretched" not in words(figure)


@pytest.mark.parametrize("name", ["bytes", "fractions"])
def test_behind_an_estimator_the_colours_are_those_before_it_encoded_them(name):
    X = np.concatenate([SAID[name][0]] * 20)
    model = ct.Classifier(ct.nn.CNN((8, 8, 3), 2, channels=(2,)), epochs=1, validation=None).fit(X, np.arange(40) % 2)
    drawn = [ct.inspect.feature_maps(model, X[0]).plot(), ct.inspect.neuron(model, "layer1", 0, X[:1]).plot()]
    for figure, shown in zip(drawn, (pictures(drawn[0])[:1], [a for ax in drawn[1].axes for a in
                                                              (i.get_array() for i in ax.images)][-1:]), strict=True):
        assert np.allclose(shown[0][-1, -1], np.array(COLOUR) / 255, atol=2e-3)
        assert "stretched" not in words(figure)
    found = ct.lab.features(model, X, np.arange(40) % 2, steps=1)
    assert np.allclose(found.pixels(model.encode(X[:1])[0])[-1, -1], np.array(COLOUR) / 255, atol=2e-3)
    assert "0 is black, 1 white" in words(found.plot())


def test_where_the_range_is_not_known_the_stretch_is_said():
    net = ct.nn.CNN((8, 8, 1), 2, channels=(2,)).init(0)
    image = np.linspace(-1, 3, 64).reshape(8, 8)
    figure = ct.inspect.feature_maps(net, image).plot()
    assert "stretched:\n−1 is black, 3 white" in words(figure)
    assert pictures(figure)[0][0, 0] == 0 and pictures(figure)[0][-1, -1] == 1


def test_a_narrow_band_of_a_wide_range_is_stretched_and_said_so():
    narrow = np.random.default_rng(0).integers(1000, 1100, (1, 6, 6, 1))
    pixels = pixels_of(None, narrow.astype(np.float32))
    assert pixels.stretched and (pixels.black, pixels.white) == (narrow.min(), narrow.max())


def test_two_pictures_of_one_set_are_on_one_scale():
    X = np.stack([np.full((4, 4, 3), 20.0), np.full((4, 4, 3), 200.0)])
    pixels = pixels_of(None, X)
    assert pixels(X[0])[0, 0, 0] == pytest.approx(20 / 255) and pixels(X[1])[0, 0, 0] == pytest.approx(200 / 255)


def test_grey_images_stay_grey_and_what_lies_outside_stays_missing():
    assert Pixels()(np.ones((2, 2, 1))).shape == (2, 2)
    assert np.isnan(Pixels()(np.full((2, 2, 3), np.nan))).all()


def test_filters_of_colour_show_each_channel_on_the_shared_scale():
    f = ct.inspect.filters(ct.nn.CNN((8, 8, 3), 2, channels=(2,)).init(0))
    figure = f.plot()
    most = np.abs(f.array).max()
    together, *channels = pictures(figure)[:4]
    assert np.allclose(together, 0.5 + f.array[0] / (2 * most))
    assert all((channels[c] == f.array[0, ..., c]).all() for c in range(3))
    assert {image.get_clim() for image in figure.axes[0].images[1:4]} == {(-most, most)}
    assert f"all from −{most:.3g} to {most:.3g}" in words(figure)
