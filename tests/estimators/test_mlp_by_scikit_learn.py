"""scikit-learn's own tests of its MLP, from the installed package, with our classes in place of its own.

Three of its tests reach into private parts that only its implementation has. Their subjects are tested here:
test_gradient (its `_loss_grad_lbfgs`), test_learning_rate_warmstart and test_adaptive_learning_rate (its `_optimizer`).
"""

import importlib.util

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning

import cutaway as ct
from cutaway.estimators.mlp.objective import Objective
from cutaway.sklearn import MLPClassifier, MLPRegressor
from depth import each_once, every

PRIVATE = {"test_gradient", "test_learning_rate_warmstart", "test_adaptive_learning_rate"}

pytestmark = pytest.mark.filterwarnings("default")  # scikit-learn's tests let its warnings pass


def with_our_classes():
    """scikit-learn's test module, imported while sklearn.neural_network names our classes."""
    own = sklearn.neural_network.MLPClassifier, sklearn.neural_network.MLPRegressor
    sklearn.neural_network.MLPClassifier, sklearn.neural_network.MLPRegressor = MLPClassifier, MLPRegressor
    try:
        spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sklearn.neural_network.MLPClassifier, sklearn.neural_network.MLPRegressor = own
    assert module.MLPClassifier is MLPClassifier
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


THEIRS = with_our_classes()
globals().update({name: test for name, test in THEIRS.items() if name not in PRIVATE})


@pytest.fixture(params=every(2, [0, 42]))
def global_random_seed(request):
    """scikit-learn's fixture of this name lives in a conftest that only its own runs see."""
    return request.param


def test_all_of_their_tests_are_here_but_three():
    assert set(THEIRS) >= PRIVATE and len(THEIRS) > 40


# ---- what the three are about ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "classes"), each_once(["identity", "logistic", "tanh", "relu"], (2, 3)))
def test_the_gradient_that_lbfgs_sees_is_that_of_its_loss(activation, classes):
    rng = np.random.default_rng(42)
    X, y = rng.random((5, 10)), np.arange(1, 6) % classes
    with pytest.warns(ConvergenceWarning):
        mlp = MLPClassifier(10, activation, solver="lbfgs", alpha=1e-1, max_iter=1, random_state=1).fit(X, y)
    model = mlp.model_
    name = "binary_log_loss" if classes == 2 else "log_loss"
    T = y.reshape(-1, 1).astype(float) if classes == 2 else y.astype(np.int32)
    objective = Objective(name, mlp.alpha)
    theta, along = model.theta.copy(), rng.standard_normal(model.theta.size)

    def J(step):
        model.theta = theta + step * along
        return objective(model(X), T).item()

    slope = (J(1e-5) - J(-1e-5)) / 2e-5
    model.theta = theta
    program = ct.compile(model, objective, ct.optim.SGD(0.0), 5, X, T)
    program.feed(X, T)
    assert program.run()[0] == pytest.approx(J(0), rel=1e-14)
    assert program.value("g") @ along == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
def test_a_warm_start_goes_on_counting_rows_for_the_learning_rate(learning_rate):
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    mlp = MLPClassifier(4, solver="sgd", learning_rate=learning_rate, max_iter=1, power_t=0.25, warm_start=True)
    mlp.fit(X, y).fit(X, y)
    wanted = 0.001 if learning_rate == "constant" else 0.001 / (8 + 1) ** 0.25
    assert mlp.learning_rate_ == wanted


def test_an_adaptive_learning_rate_falls_until_it_is_tiny():
    mlp = MLPClassifier(tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive").fit([[3, 2], [1, 6]], [1, 0])
    assert mlp.n_iter_ < mlp.max_iter and mlp.learning_rate_ < 1e-6
