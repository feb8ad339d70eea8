"""callbacks= of Classifier and Regressor: what they hear, what is refused, what a file keeps of them."""

import numpy as np
import pytest
from sklearn.base import clone

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.train import Ended, EpochEnded, Started

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 3))
Y = {ct.Classifier: np.where(X[:, 0] > 0, "a", "b"), ct.Regressor: X[:, 0] + 2}


def said(model, X):
    return model.predict_proba(X) if isinstance(model, ct.Classifier) else model.predict(X)


@pytest.mark.parametrize("kind", [ct.Classifier, ct.Regressor])
def test_they_hear_the_training_with_its_design_and_change_no_bit(kind):
    heard = []
    model = kind(epochs=3, callbacks=[heard.append]).fit(X, Y[kind], sample_weight=np.arange(240))
    assert [type(event) for event in heard] == [Started, EpochEnded, EpochEnded, EpochEnded, Ended]
    assert heard[0].run is model.run_ and model.run_.design is model.design_
    plain = kind(epochs=3).fit(X, Y[kind], sample_weight=np.arange(240))
    assert (said(model, X) == said(plain, X)).all()


def test_one_may_end_the_training():
    model = ct.Classifier(epochs=9, callbacks=lambda event: event.run.stop("enough")).fit(X, Y[ct.Classifier])
    assert model.run_.stopped == "enough"


def test_one_that_raises_leaves_the_estimator_as_it_was():
    def fails(event):
        raise RuntimeError("no")

    model = ct.Classifier(epochs=3).fit(X, Y[ct.Classifier])
    before = said(model, X)
    with pytest.raises(RuntimeError, match="no"):
        model.set_params(callbacks=[fails]).fit(X[:, :2], Y[ct.Classifier])
    assert (said(model, X) == before).all()


@pytest.mark.parametrize("callbacks", [3, [print, "run.csv"]])
def test_what_is_no_function_is_refused(callbacks):
    with pytest.raises(ArgumentError, match="callbacks must be functions of an event"):
        ct.Regressor(callbacks=callbacks).fit(X, Y[ct.Regressor])


def test_single_passes_say_that_they_tell_nobody():
    with pytest.warns(UserWarning, match="callbacks: for fit alone"):
        ct.Regressor(callbacks=[print]).partial_fit(X, Y[ct.Regressor])


def test_they_are_no_part_of_a_file(tmp_path):
    model = ct.Regressor(epochs=2, callbacks=[print]).fit(X, Y[ct.Regressor])
    ct.save(model, tmp_path / "m")
    again = ct.load(tmp_path / "m")
    assert again.callbacks == () and "callbacks" not in again.to_description()["arguments"]
    clone(again).fit(X, Y[ct.Regressor])


# ---- several networks ------------------------------------------------------------------------------------------------


def best(*callbacks):
    return ct.Classifier(preset="best", epochs=3, threads=1, callbacks=callbacks)


def test_of_several_networks_they_hear_of_the_first():
    heard = []
    model = best(heard.append).fit(X, Y[ct.Classifier])
    assert [type(event) for event in heard] == [Started, EpochEnded, EpochEnded, EpochEnded, Ended]
    assert heard[0].run.design is model.design_
    assert (said(model, X) == said(best().fit(X, Y[ct.Classifier]), X)).all()


def test_what_one_raises_while_several_networks_train_is_raised_and_all_hear_of_the_end():
    heard = []

    def fails(event):
        if isinstance(event, EpochEnded):
            raise KeyError("no")

    model = best(fails, heard.append)
    with pytest.raises(KeyError, match="no"):
        model.fit(X, Y[ct.Classifier])
    assert [type(event) for event in heard] == [Started, EpochEnded, Ended] and not hasattr(model, "model_")
