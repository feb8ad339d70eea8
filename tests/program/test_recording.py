"""Recording: which dimensions are the batch, what a program cannot depend on, and the words for it."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, CutawayError, RecordingError, ShapeError
from cutaway.nn import MLP, Linear, Module, ReLU, Sequential, Sigmoid, Softmax
from cutaway.rules import recurrent


class Own(Module):
    """A linear layer, then whatever function is given."""

    def __init__(self, f):
        self.layer, self.f = Linear(2, 3), f

    def forward(self, x):
        return self.f(x, self.layer(x))


def record(f, loss=lambda z, y: (z * z).mean()):
    X, y = np.ones((2, 2)), np.zeros((2, 3))
    return ct.compile(Own(f), loss, ct.optim.SGD(0.1), input=X, target=y, engine="reference")


def loops(x, z):
    for _ in range(x.shape[0]):
        z = z * 2
    return z


def branches(x, z):
    return ct.ops.relu(z) if x.shape[0] > 2 else ct.ops.tanh(z)


@pytest.mark.parametrize(("f", "says"), [
    (branches, r"operation 1 \(tanh\) runs tanh with two rows but relu with three"),
    (loops, "runs .* with two rows but .* with three"),
    (lambda x, z: z * np.ones((len(x), 3)), "reads a constant that depends on the number of rows"),
    (lambda x, z: z / len(x), "reads a constant that depends on the number of rows"),
    (lambda x, z: z.T, r"samples must stay in the first dimension"),
    (lambda x, z: z @ z.T, r"samples must stay in the first dimension"),
    (lambda x, z: z[1:], r"\(index\) makes y_2 of shape \(1, 3\) from two rows but \(2, 3\) from three"),
    (lambda x, z: z[np.arange(len(x))], "picks rows by an array that depends on the number of rows"),
    (lambda x, z: z * 2 if z.sum() > 0 else z, "a comparison was called on a Tensor while the model is being recorded"),
    (lambda x, z: z * 2 if z.sum() else z, r"bool\(\) was called on a Tensor while"),
    (lambda x, z: z * float(z.mean()), "was called on a Tensor while the model is being recorded"),
    (lambda x, z: np.tanh(z), "a NumPy function was called"),
    (lambda x, z: [z], "must return one Tensor, got list"),
])
def test_what_a_program_cannot_depend_on(f, says):
    with pytest.raises(RecordingError, match=says):
        record(f)


def test_the_error_names_the_layer():
    class Inner(Module):
        def forward(self, x):
            return x.sum().item()

    model = Sequential(Linear(2, 2), Inner())
    with pytest.raises(RecordingError, match=r"\.item\(\) was called on a Tensor in layer1 while"):
        ct.compile(model, "mse", target=np.zeros((2, 1)))


@pytest.mark.parametrize("f", [
    lambda x, z: z.reshape(x.shape[0], 3, 1).reshape(-1, 3), lambda x, z: z + np.arange(3.0),
    lambda x, z: z if x.ndim == 2 else z.T, lambda x, z: z[:, [2, 1, 0]], lambda x, z: z - z.mean(axis=0),
    lambda x, z: z + x.sum(axis=1, keepdims=True), lambda x, z: z * z.shape[1],
])
def test_what_it_may_do(f):
    """The program gives what the model gives, for batches of any size."""
    program = record(f)
    model, X = program.model, np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(model.predict(X, engine="reference"), model(X).numpy(), rtol=1e-5, atol=1e-6)


def test_a_model_that_does_nothing_in_evaluation_gives_its_input():
    X = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(Sequential(ct.nn.Dropout(0.5)).predict(X), X)


def test_a_loss_gives_one_number():
    with pytest.raises(RecordingError, match=r"a loss must return one number .*got shape \(2, 3\)"):
        record(lambda x, z: z, loss=lambda z, y: z - y)
    with pytest.raises(RecordingError, match="got float"):
        record(lambda x, z: z, loss=lambda z, y: 1.0)


@pytest.mark.parametrize(("last", "loss"), [
    (Softmax, "cross_entropy"), (ct.nn.LogSoftmax, "cross_entropy"), (Sigmoid, "binary_cross_entropy"),
])
def test_a_link_before_a_loss_on_raw_outputs_is_refused(last, loss):
    with pytest.raises(ArgumentError, match=rf"{loss} takes raw outputs .*remove the last layer"):
        ct.compile(Sequential(Linear(2, 3), last()), loss)


@pytest.mark.parametrize(("call", "says"), [
    (lambda m: ct.compile(m, optimizer="adam"), "optimizer must be one of ct.optim's, such as ct.optim.AdamW"),
    (lambda m: ct.engines.ENGINES.update(tpu=3), "an engine is a class that inherits cutaway.program.Engine, got 3"),
    (lambda m: ct.compile(m, engine="tpu"), "no engine is called 'tpu': use one of cpu, portable, reference"),
    (lambda m: ct.compile(m, batch_size=0), "batch_size must be a whole number of at least 1, got 0"),
    (lambda m: ct.compile(m, "mze"), "no loss is called 'mze'"),
    (lambda m: ct.compile(Sequential(ReLU(), ct.nn.Flatten())), "pass input=|no parameter"),
    (lambda m: ct.compile(m, input=np.ones((2, 7))), "takes inputs of 2 features"),
    (lambda m: ct.compile(m, target=np.zeros((2, 5))), r"outputs of shape \(2, 3\) but the targets"),
])
def test_arguments_that_make_no_sense(call, says):
    with pytest.raises(CutawayError, match=says):
        call(MLP(2, [4], 3))


def test_a_model_with_every_parameter_frozen_cannot_train():
    model = MLP(2, [], 1)
    for p in model.parameters():
        p.requires_grad = False
    with pytest.raises(ArgumentError, match="no parameter to train"):
        ct.compile(model)


def test_data_that_does_not_fit_the_program():
    program = ct.compile(MLP(2, [4], 3), "mse", batch_size=4, engine="reference")
    with pytest.raises(ShapeError, match="must have the same number of rows"):
        program.feed(np.ones((5, 2)), np.ones((4, 3)))
    with pytest.raises(ShapeError, match=r"x was compiled for rows of shape \(2,\), got rows of shape \(3,\)"):
        program.feed(np.ones((5, 3)), np.ones((5, 3)))
    with pytest.raises(ShapeError, match="y was compiled for rows"):
        program.feed(np.ones((5, 2)), np.ones(5))
    weighted = ct.compile(MLP(2, [4], 3), "mse", batch_size=4, weighted=True, engine="reference")
    with pytest.raises(CutawayError, match="needs weights of samples"):
        weighted.feed(np.ones((5, 2)), np.ones((5, 3)))
    with pytest.raises(CutawayError, match="needs targets y"):
        program.feed(np.ones((5, 2)))


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("wrong", [3, -1, 2**20])
def test_classes_that_the_network_has_no_output_for(engine, wrong):
    program = ct.compile(MLP(2, [4], 3), "cross_entropy", batch_size=4, engine=engine)
    with pytest.raises(CutawayError, match=r"y must hold whole numbers from 0 to 2, got"):
        program.feed(np.ones((5, 2)), np.array([0, 1, 2, 0, wrong]))


@pytest.mark.parametrize("cell", [ct.nn.RNN, ct.nn.LSTM, ct.nn.GRU])
def test_the_steps_of_a_scan_are_not_run(cell, monkeypatch):
    """Shapes are asked: an hour of sound is recorded as fast as a word."""
    name, ran = f"{cell.__name__.lower()}_cell", []
    original = getattr(recurrent, name)
    monkeypatch.setattr(recurrent, name, lambda *a: (ran.append(1), original(*a))[1])
    net, X = ct.nn.LastState(cell(2, 3)).init(0), np.random.default_rng(0).normal(size=(4, 5000, 2))
    found = net.predict(X)
    assert len(ran) == 2  # on two rows and on three
    monkeypatch.undo()
    np.testing.assert_allclose(found, net(X).data, rtol=1e-4, atol=1e-5)
    program = ct.compile(net, "mse", input=X, target=found)
    assert {v.shape for v in program.values() if v.name.endswith(".y")} >= {(5000, 3)}


def without_derivative(z):
    return 2 * z


def test_a_rule_without_a_derivative_is_told_of_once_where_a_gradient_would_go_through(monkeypatch):
    from cutaway.program import build
    from cutaway.rules import OPS, rule

    monkeypatch.setattr(build, "_told", set())
    rule("a = 2 z", "elementwise")(without_derivative)
    apply = ct.autodiff.tensor.apply
    try:
        with pytest.warns(UserWarning, match="has no without_derivative_back beside it.*does not learn"):
            record(lambda x, z: apply("without_derivative", z) + z)
        record(lambda x, z: apply("without_derivative", z) + z)  # warnings are errors
        build._told.clear()
        record(lambda x, z: apply("without_derivative", ct.ops.detach(z)) + z)
    finally:
        del OPS["without_derivative"]
