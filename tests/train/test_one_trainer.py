"""One thread at a time trains a model: a second one is told so, before it has changed anything."""

import threading

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import TrainingError
from cutaway.train.events import EpochEnded

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 3)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
OPTIONS = {"loss": "cross_entropy", "epochs": 3, "progress": False}


def in_another_thread(work):
    """The error that the work raised there, or None."""
    errors = []

    def go():
        try:
            work()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    return errors[0] if errors else None


def during(work, model, **options):
    """A run of the model, with work done in its second epoch."""
    return ct.fit(model, X, y, callbacks=[lambda e: isinstance(e, EpochEnded) and e.epoch == 2 and work()],
                  **(OPTIONS | options))


def test_a_second_thread_cannot_train_the_same_model():
    model, alone, errors = ct.nn.MLP(3, [4], 2).init(0), ct.nn.MLP(3, [4], 2).init(0), []
    during(lambda: errors.append(in_another_thread(lambda: ct.fit(model, X, y, **OPTIONS))), model)
    assert isinstance(errors[0], TrainingError) and "another thread is training this model" in str(errors[0])
    ct.fit(alone, X, y, **OPTIONS)
    assert np.array_equal(model.theta, alone.theta)  # the second left no trace
    assert in_another_thread(lambda: ct.fit(model, X, y, **OPTIONS)) is None  # afterwards it may


def test_nor_one_that_shares_a_layer_with_it():
    shared = ct.nn.Linear(3, 4)
    model, other = (ct.nn.Sequential(shared, ct.nn.ReLU(), ct.nn.Linear(4, 2)) for _ in range(2))
    errors = []
    during(lambda: errors.append(in_another_thread(lambda: ct.fit(other, X, y, **OPTIONS))), model)
    assert isinstance(errors[0], TrainingError)


def test_two_threads_train_two_models_at_once_to_the_bits_of_one_after_the_other():
    models, alone = ([ct.nn.MLP(3, [4], 2).init(k) for k in range(2)] for _ in range(2))
    errors = []
    during(lambda: errors.append(in_another_thread(lambda: ct.fit(models[1], X, y, **OPTIONS))), models[0])
    assert errors == [None]
    for model in alone:
        ct.fit(model, X, y, **OPTIONS)
    assert all(np.array_equal(a.theta, b.theta) for a, b in zip(models, alone, strict=True))


def test_a_run_that_failed_lets_go_of_its_model():
    model = ct.nn.MLP(3, [4], 2)
    with pytest.raises(ZeroDivisionError):
        during(lambda: 1 / 0, model)
    assert in_another_thread(lambda: ct.fit(model, X, y, **OPTIONS)) is None


def test_other_threads_may_predict_meanwhile():
    model = ct.nn.MLP(3, [4], 2)
    errors = []
    during(lambda: errors.append(in_another_thread(lambda: model.predict(X))), model)
    assert errors == [None]


@pytest.mark.parametrize("use", [lambda p: p.run(np.arange(60)), lambda p: p.feed(X, y)], ids=["run", "feed"])
def test_a_program_at_work_refuses_a_second_thread(use):
    program = ct.compile(ct.nn.MLP(3, [4], 2), "cross_entropy", batch_size=20)
    program.feed(X, y)
    errors = []
    program.run(np.arange(60), between=lambda done: bool(errors.append(in_another_thread(lambda: use(program)))))
    assert isinstance(errors[0], TrainingError) and "at work in another thread" in str(errors[0])
    assert len(program.run(np.arange(60))) == 3
