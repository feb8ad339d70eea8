"""Where a network of sequences looks, as a section of a page."""

import numpy as np

import cutaway as ct
from cutaway.report.places import places, section

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 25, 2))
Y = np.array(["a", "<b>"])[np.arange(30) % 2]


def test_the_section_shows_stretches_sensors_and_some_sequences_of_each_class():
    X[2, 3, 0] = np.nan
    model = ct.Classifier(epochs=1, network={"members": 1, "channels": [4, 4, 4]}).fit(X, Y)
    found = places(model, ct.Sequences(X, np.full(30, 25)), Y)
    page = section(found)
    assert page.count("<svg") == 1 + len(found["examples"]) and "Where it looks" in page and "Sensors" in page
    assert "&lt;b&gt;" in page and "<b>&lt;b&gt;</b>" not in page and "nan" not in page


def test_nothing_is_shown_where_nothing_was_found():
    assert section({}) is None
