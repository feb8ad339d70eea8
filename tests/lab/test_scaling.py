"""Learning curves: parts that grow, models whose curves are known, crossings claimed only where seeds agree."""

import json
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.lab.learning_curves.crossing import Crossing, interval, leads, sentence
from cutaway.lab.learning_curves.scaling import growing, scaling


class Known:
    """Is right on a share of the rows that its curve gives for the number of rows learnt from."""

    def __init__(self, curve, seed):
        self.curve, self.random = curve, np.random.default_rng(seed)

    def fit(self, X, y):
        self.rows, self.classes_ = len(X), np.unique(y)
        return self

    def predict(self, X):
        truth = X[:, 0].astype(int)
        wrong = self.random.permutation(len(X))[: round((1 - self.curve(self.rows)) * len(X))]
        truth[wrong] = 1 - truth[wrong]
        return truth


def answers(n=800):
    y = np.arange(n) % 2
    return np.stack([y, np.arange(n)], 1).astype(float), y


def curves(**curves):
    return {name: lambda seed, curve=curve: Known(curve, seed) for name, curve in curves.items()}


# ---- curves ----------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_models_whose_curves_are_known():
    found = scaling(*answers(), sizes=[50, 100, 200], seeds=3,
                    models=curves(network=lambda n: 1 - 10 / n, plain=lambda n: 0.9))
    assert found.score.shape == (2, 3, 3)
    assert found.score[0].mean(1) == pytest.approx([0.8, 0.9, 0.95])
    assert (found.score[1] == 0.9).all()
    assert found.gains()[0] == pytest.approx([0.05, 0.05, 0.05])  # from 100 to 200 is one doubling
    assert found.gains()[1] == pytest.approx([0, 0, 0], abs=1e-12)  # a ceiling


def test_a_crossing_of_known_curves_is_found_between_the_right_sizes():
    rising = curves(network=lambda n: min(1, n / 300), line=lambda n: 0.6)
    found = scaling(*answers(), sizes=[60, 120, 240, 300], seeds=3, models=rising)
    (crossing,) = found.crossings()
    assert crossing.lead == (-1, -1, 1, 1)
    assert crossing.crossed == (120, 240)
    assert str(found).startswith("The network overtakes line between 120 and 240 rows.")


def test_each_part_lies_in_the_next_and_none_meets_the_test_part():
    seen = {}

    class Watching(Known):
        def fit(self, X, y):
            seen[len(X)] = set(X[:, 1])
            return super().fit(X, y)

        def predict(self, X):
            seen["test"] = set(X[:, 1])
            return super().predict(X)

    scaling(*answers(), sizes=[20, 80, 320], seeds=1, models={"one": lambda seed: Watching(lambda n: 1.0, seed)})
    assert seen[20] < seen[80] < seen[320]
    assert not seen[320] & seen["test"]
    assert len(seen["test"]) == 200


def test_every_beginning_has_the_classes_in_proportion():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    order = growing(np.arange(1000), labels, seed=1)
    for n in (10, 50, 333):
        assert np.bincount(labels[order[:n]], minlength=3) == pytest.approx(np.array([0.6, 0.3, 0.1]) * n, abs=1)
    assert not (growing(np.arange(1000), labels, 2) == order).all()


def test_equal_seeds_give_equal_curves_however_many_fits_run_at_a_time():
    X, y = ct.datasets.load("wine")
    how = {"sizes": [80], "models": ["network", "random forest"]}
    one, two = (scaling(X, y, seeds=[7], workers=workers, **how) for workers in (1, 2))
    assert (one.score == two.score).all()
    assert (one.loss == two.loss).all()


def test_text_and_gaps_are_encoded_for_every_model():
    X, y = ct.datasets.load("houses")
    found = scaling(X[:200], y[:200], sizes=[140], seeds=1)
    assert found.models == ["network", "ridge regression", "random forest", "gradient boosting"]
    assert found.metric == "R²"
    assert (found.score > 0.7).all()


def test_a_straight_line_hits_a_ceiling_and_a_network_does_not():
    """The lecture: "DL keeps improving as data grows. ML hits a ceiling." Here, where the truth bends."""
    X, y = ct.datasets.make("friedman", n=700, noise=0.0)
    found = scaling(X, y, sizes=[60, 500], seeds=3, models=["network", "ridge regression"])
    network, line = found.score.mean(2)
    assert network[1] > 0.95 > 0.8 > line[1]
    assert found.crossings()[0].lead[-1] == 1
    assert found.gains()[1, 0] < 0.02 < found.gains()[0, 1]  # even the lower end of the network's


# ---- who is ahead ----------------------------------------------------------------------------------------------------


def test_intervals_are_those_of_scipy():
    from scipy import stats

    values = np.random.default_rng(0).normal(0.3, 1, (1, 6))
    low, mean, high = (part[0] for part in interval(values))
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 5, mean, stats.sem(values[0])))


def test_a_lead_needs_seeds_that_agree():
    differences = np.array([[0.01, 0.011, 0.012], [0.01, -0.01, 0.03], [-0.02, -0.021, -0.019], [0.0, 0.0, 0.0]])
    assert leads(differences).tolist() == [1, 0, -1, 0]
    assert leads(differences[:, :1]).tolist() == [0, 0, 0, 0]  # one seed shows nothing


def test_no_crossing_is_claimed_of_noise():
    random = np.random.default_rng(1)
    claimed = sum(Crossing("a", "b", (1, 2, 3), tuple(leads(random.normal(size=(3, 4))).tolist())).crossed is not None
                  for _ in range(400))
    assert claimed < 12  # 0.6 % by chance: two of three sizes apart by a level of 5 %, on opposite sides


@pytest.mark.parametrize(("lead", "crossed", "said"), [
    ((1, 1, 1), None, "The network is ahead of x everywhere."),
    ((-1, -1, -1), None, "X is ahead of the network everywhere."),
    ((0, 0, 0), None, "The network cannot be told apart from x at any size."),
    ((-1, 1, 1), (10, 100), "The network overtakes x between 10 and 100 rows."),
    ((-1, 0, 1), (10, 1000), "The network overtakes x between 10 and 1,000 rows."),
    ((1, -1, -1), (10, 100), "X overtakes the network between 10 and 100 rows."),
    ((0, 1, 1), None, "The network is ahead of x from 100 rows on."),
    ((0, 0, 1), None, "The network is ahead of x at 1,000 rows."),
    ((1, 0, 1), None, "The network is ahead of x at 1,000 rows."),
    ((-1, 0, 0), None, "The network cannot be told apart from x from 100 rows on (behind before)."),
])
def test_what_is_said(lead, crossed, said):
    one = Crossing("network", "x", (10, 100, 1000), lead)
    assert one.crossed == crossed
    assert sentence([one]) == said


def test_models_that_stand_alike_are_named_together():
    both = [Crossing("network", name, (10, 20), (-1, -1)) for name in ("a", "b")]
    assert sentence(both) == "A and b are ahead of the network everywhere."


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_model_that_fails_has_no_score_there_and_the_others_go_on():
    class Broken(Known):
        def fit(self, X, y):
            if len(X) < 50:
                raise ValueError("too few rows for me")
            return super().fit(X, y)

    models = curves(network=lambda n: 0.9) | {"broken": lambda seed: Broken(lambda n: 0.8, seed)}
    found = scaling(*answers(), sizes=[40, 100], seeds=2, models=models)
    assert np.isnan(found.score[1, 0]).all()
    assert np.isfinite(found.score[0]).all()
    assert found.crossings()[0].sizes == (100,)
    assert "No score: broken, 40 rows, seed 0: too few rows for me" in str(found)


def test_ctrl_c_keeps_what_is_done(monkeypatch):
    class Slow(Known):
        def fit(self, X, y):
            if len(X) > 100:
                called_off.wait(60)
            return super().fit(X, y)

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, **how):  # the fit that has begun ends when the others are called off
            super().shutdown(wait=False, **how)
            called_off.set()
            super().shutdown(wait)

    called_off = threading.Event()
    monkeypatch.setattr(sys.modules[scaling.__module__], "ThreadPoolExecutor", Pool)

    def press(done, of):
        if done >= 2:
            signal.raise_signal(signal.SIGINT)

    found = scaling(*answers(), sizes=[50, 200, 400], seeds=2, workers=1, progress=press,
                    models={"slow": lambda seed: Slow(lambda n: 0.9, seed)})
    assert found.cut_short == "interrupted"
    assert np.isfinite(found.score[0, 0]).all()
    assert np.isnan(found.score[0, 1, 1]) and np.isnan(found.score[0, 2]).all()
    assert "-" in str(found)
    assert found.plot() is not None


def test_bad_arguments_say_what_to_do():
    X, y = answers(100)
    with pytest.raises(ArgumentError, match="from 2 to 75, which is all but the test part"):
        scaling(X, y, sizes=[50, 90])
    with pytest.raises(ArgumentError, match="did you mean 'random forest'"):
        scaling(X, y, models=["random fores"])
    with pytest.raises(DataError, match="takes one target, got 2"):
        scaling(X, np.stack([y, y], 1))


def test_numbers_in_every_form(tmp_path):
    models = curves(network=lambda n: 1 - 10 / n, flat=lambda n: 0.9)
    found = scaling(*answers(), sizes=[50, 100], seeds=2, models=models)
    frame = found.to_pandas()
    assert len(frame) == 2 * 2 * 2
    assert frame.query("model == 'network' and rows == 50")["accuracy"].tolist() == [0.8, 0.8]
    state = json.loads(found.save(tmp_path / "s.json").read_text())
    assert state["kind"] == "scaling"
    assert state["loss"][0][0] == [None, None]  # these models give no probabilities
    assert state["crossings"][0]["lead"] == [-1, 0]
    assert "share of wrong predictions" in found.save(tmp_path / "s.svg").read_text()
