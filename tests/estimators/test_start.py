"""start=: a network that is handed over starts anew, or from the weights that it has."""

import copy
import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.sklearn import MLPClassifier

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 3))
LABELS = np.where(X[:, 0] > 0, "a", "b")


def trained():
    net = ct.nn.MLP(3, [8], 1).init(0)
    ct.fit(net, X, (X[:, 0] > 0).astype(float), loss="binary_cross_entropy", epochs=2)
    return net


def still(**how):
    """A classifier whose training moves nothing, so that it shows where it started."""
    return ct.Classifier(optimizer=ct.optim.SGD(0.0), epochs=1, **how)


def by_hand():
    net = ct.nn.MLP(3, [8], 1).init(0)
    program = ct.compile(net, "mse", ct.optim.SGD(0.1), batch_size=8)
    program.feed(X, X[:, 0])
    program.run()
    return net


def from_file(folder):
    ct.save(trained(), folder / "net")
    return ct.load(folder / "net")


def restored(folder):
    class Own(ct.nn.Module):
        def __init__(self):
            self.inner = ct.nn.Linear(3, 1)

        def forward(self, x):
            return self.inner(x)

    ct.save(Own(), folder / "own", input=X[:2])
    return ct.load(folder / "own")


WAYS = {
    "ct.fit": lambda _: trained(), "a program": lambda _: by_hand(), "a file": from_file, "a restored file": restored,
    "a state": lambda _: loaded_state(), "a pickle": lambda _: pickle.loads(pickle.dumps(trained())),
    "a copy": lambda _: copy.deepcopy(trained()),
    "an estimator": lambda _: ct.Classifier(epochs=1).fit(X, LABELS).model_,
}


def loaded_state():
    net = ct.nn.MLP(3, [8], 1)
    net.load_state_dict(trained().state_dict())
    return net


@pytest.mark.parametrize("way", WAYS)
def test_a_trained_network_keeps_its_weights_or_says_that_it_does_not(way, tmp_path):
    net = WAYS[way](tmp_path)
    kept = still(network=net, start="as is").fit(X, LABELS).model_
    assert np.array_equal(kept.theta, net.theta) and kept is not net
    with pytest.warns(UserWarning, match='start="as is"') as told:
        anew = still(network=net).fit(X, LABELS).model_
    assert not np.array_equal(anew.theta, net.theta) and told[0].filename == __file__


def test_a_new_network_starts_anew_without_a_word():
    net = ct.nn.MLP(3, [8], 1).init(7)
    assert np.allclose(still(network=net).fit(X, LABELS).model_.theta, net.init(0).theta)
    net = trained().init(3)  # said to be new again
    still(network=net).fit(X, LABELS)


def test_a_function_that_makes_one_is_asked_likewise():
    net = trained()
    assert np.array_equal(still(network=lambda n_in, n_out: net, start="as is").fit(X, LABELS).model_.theta, net.theta)
    with pytest.warns(UserWarning, match='start="as is"'):
        still(network=lambda n_in, n_out: copy.deepcopy(net)).fit(X, LABELS)


def test_layers_that_a_function_shares_stay_as_they_are():
    net = trained()
    before = net.theta.copy()
    ct.Classifier(network=lambda n_in, n_out: net, start="as is", epochs=2).fit(X, LABELS)
    assert np.array_equal(net.theta, before)


def test_refits_start_from_the_same_weights_and_leave_them():
    net = trained()
    before, model = net.theta.copy(), ct.Classifier(network=net, start="as is", epochs=2)
    first = model.fit(X, LABELS).model_.theta.copy()
    assert np.array_equal(model.fit(X, LABELS).model_.theta, first) and np.array_equal(net.theta, before)
    model.partial_fit(X, LABELS)
    assert np.array_equal(net.theta, before)


def test_a_whole_estimator_is_no_network():
    with pytest.raises(ArgumentError, match=r"network=loaded.model_, start=.as is."):
        ct.Classifier(network=ct.Classifier(epochs=1).fit(X, LABELS)).fit(X, LABELS)


def test_a_file_of_one_that_started_so_can_be_read(tmp_path):
    ct.save(ct.Classifier(network=trained(), start="as is", epochs=1).fit(X, LABELS), tmp_path / "m")
    model = ct.load(tmp_path / "m")
    assert model.start == "new" and hasattr(model.partial_fit(X, LABELS), "_program")
    with pytest.raises(ArgumentError, match="network"):
        model.fit(X, LABELS)


def test_fit_and_fit_many_train_the_network_that_they_are_given():
    nets = [trained(), trained()]
    before = nets[0].theta.copy()
    y = (X[:, 0] > 0).astype(float)
    ct.fit(nets[0], X, y, loss="binary_cross_entropy", optimizer=ct.optim.SGD(0.0), epochs=1)
    ct.fit_many([{"model": nets[1], "X": X, "y": y, "optimizer": ct.optim.SGD(0.0), "epochs": 1}])
    assert np.array_equal(nets[0].theta, before) and np.array_equal(nets[1].theta, before)


def test_a_loaded_drop_in_warm_starts(tmp_path):
    model = MLPClassifier((4,), max_iter=300, tol=1, n_iter_no_change=1, random_state=0, warm_start=True)
    ct.save(model.fit(X, LABELS), tmp_path / "m")
    again = ct.load(tmp_path / "m").set_params(solver="sgd", learning_rate_init=1e-300)
    assert np.allclose(again.fit(X, LABELS).coefs_[0], model.coefs_[0], rtol=1e-12)
