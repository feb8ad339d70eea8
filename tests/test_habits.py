"""What people write who come from PyTorch, Keras or NumPy: it works, or the answer names our word."""

import copy
import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway import habits
from cutaway.errors import ArgumentError, CutawayError

X, Y = np.linspace(-1, 1, 20).reshape(10, 2), np.linspace(0, 1, 10)


def net():
    return ct.nn.MLP(2, [4], 1)


UNKNOWN = {
    "ct.nn.Dense": (lambda: ct.nn.Dense, "Linear"),
    "ct.nn.CrossEntropyLoss": (lambda: ct.nn.CrossEntropyLoss, 'loss="cross_entropy"'),
    "ct.nn.Lineer": (lambda: ct.nn.Lineer, "did you mean 'Linear'"),
    "ct.ops.tensordot": (lambda: ct.ops.tensordot, "ct.ops.einsum"),
    "ct.ops.scaled_dot_product_attention": (lambda: ct.ops.scaled_dot_product_attention, "ct.ops.softmax"),
    "ct.nn.CosineSimilarity": (lambda: ct.nn.CosineSimilarity, "ct.ops.cosine_similarity"),
    "ct.ops.logsoftmax": (lambda: ct.ops.logsoftmax, "did you mean 'log_softmax'"),
    "ct.optim.RMSprop": (lambda: ct.optim.RMSprop, "RMSProp"),
    "ct.optim.lr_scheduler": (lambda: ct.optim.lr_scheduler, "ct.optim.schedules"),
    "ct.losses.MSELoss": (lambda: ct.losses.MSELoss, "mse"),
    "ct.relu": (lambda: ct.relu, "ct.ops.relu"),
    "ct.Linear": (lambda: ct.Linear, "ct.nn.Linear"),
    "x.cuda()": (lambda: ct.Tensor(1.0).cuda(), "on the processor"),
    "x.masked_select": (lambda: ct.Tensor(1.0).masked_select(1), r"x\[mask\]"),
    "x.softmx": (lambda: ct.Tensor(1.0).softmx(), "did you mean 'softmax'"),
    "net.train()": (lambda: net().train(), r"net.training\(seed, step\)"),
    "net.fit": (lambda: net().fit(X, Y), r"ct.fit\(net, X, y"),
    "net.layr1": (lambda: net().layr1, "did you mean 'layer1'"),
    "opt.step()": (lambda: ct.optim.Adam(0.1).step(), r"opt.update\(net.theta, net.grad, state\)"),
    "opt.zero_grad()": (lambda: ct.optim.Adam(0.1).zero_grad(), r"net.zero_grad\(\)"),
}


@pytest.mark.parametrize("written", UNKNOWN)
def test_unknown_names_are_answered_with_ours(written):
    call, words = UNKNOWN[written]
    with pytest.raises(AttributeError, match=words) as caught:
        call()
    assert isinstance(caught.value, CutawayError)


KEYWORDS = {
    "Conv2d(kernel_size=)": (lambda: ct.nn.Conv2d(3, 8, kernel_size=3), "no kernel_size=. In Cutaway: window"),
    "Linear(in_features=)": (lambda: ct.nn.Linear(in_features=2, out_features=1), "n_in"),
    "LSTM(batch_first=)": (lambda: ct.nn.LSTM(3, 4, batch_first=True), "rows always come first"),
    "Adam(betas=)": (lambda: ct.optim.Adam(1e-3, betas=(0.9, 0.99)), "beta1 and beta2"),
    "Momentum(momentum=)": (lambda: ct.optim.Momentum(0.1, momentum=0.9), "beta"),
    "Adam(weight_decay=)": (lambda: ct.optim.Adam(1e-3, weight_decay=0.1), r"ct.optim.l2"),
    "fit(criterion=)": (lambda: ct.fit(net(), X, Y, criterion="mse"), "loss="),
    "fit(lr=)": (lambda: ct.fit(net(), X, Y, lr=0.1), r"ct.optim.AdamW\(lr\)"),
    "fit(epoch=)": (lambda: ct.fit(net(), X, Y, epoch=3), "did you mean epochs="),
    "compile(criterion=)": (lambda: ct.compile(net(), criterion="mse"), "loss="),
}


@pytest.mark.parametrize("written", KEYWORDS)
def test_unknown_keywords_are_answered_with_ours(written):
    call, words = KEYWORDS[written]
    with pytest.raises(TypeError, match=words) as caught:
        call()
    assert isinstance(caught.value, CutawayError)


class Theirs:
    """Something of PyTorch's as far as Python can tell."""

    __module__ = "torch.nn.modules.loss"

    def __call__(self, z, y):
        raise AssertionError("never called")


class MSELoss(Theirs):
    __module__ = "torch.nn.modules.loss"


class Adam(Theirs):
    __module__ = "torch.optim.adam"


FOREIGN = {
    "a network": (lambda: ct.fit(Theirs(), X, Y), r'layout="torch"'),
    "a loss": (lambda: ct.fit(net(), X, Y, loss=MSELoss()), 'say loss="mse"'),
    "a loss's class": (lambda: ct.fit(net(), X, Y, loss=MSELoss), 'say loss="mse"'),
    "an optimizer": (lambda: ct.fit(net(), X, Y, optimizer=Adam()), r"ct.optim.Adam\(lr\)"),
    "a network in compile": (lambda: ct.compile(Theirs(), target=Y), r'layout="torch"'),
    "a network in an estimator": (lambda: ct.Regressor(network=Theirs()).fit(X, Y), r'layout="torch"'),
    "a loss in an estimator": (lambda: ct.Regressor(loss=MSELoss()).fit(X, Y), 'say loss="mse"'),
    "a class of ours": (lambda: ct.fit(ct.nn.MLP, X, Y), "build one"),
    "inputs by name": (lambda: ct.fit(net(), {"a": X}, Y), "missing a required argument: 'x'"),
    "parameters": (lambda: ct.optim.Adam(net().parameters(), lr=1e-3), r"ct.fit\(net"),
    "a loss's name": (lambda: ct.fit(net(), X, Y, loss="mean_squared_error"), "in Cutaway: mse"),
    "a device": (lambda: net().to("cuda:0"), "no device cuda:0"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_belongs_to_others_is_refused_with_our_way(what):
    call, words = FOREIGN[what]
    with pytest.raises(ArgumentError, match=words):
        call()


def test_layers_are_reached_by_the_names_of_their_parameters():
    model = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(2, 3)), ct.nn.Linear(3, 1))
    for name, p in model.named_parameters():
        found = model
        for part in name.split("."):
            found = getattr(found, part)
        assert found is p


def test_habits_that_work():
    model = net().init(0)
    assert model.eval().cpu().to("cpu") is model and model.double().dtype == np.float64
    assert [type(m).__name__ for m in model.modules()] == ["MLP", "Linear", "ReLU", "Linear"]
    p = ct.nn.Parameter(np.arange(3))
    assert p.requires_grad and p.dtype == np.float32 and p.tolist() == [0, 1, 2]


def test_a_parameter_made_from_an_array_goes_back_to_it():
    class Scaled(ct.nn.Module):
        def __init__(self):
            self.scale = ct.nn.Parameter(np.array([2.0, 3.0]))

        def forward(self, x):
            return x * self.scale

    model = Scaled()
    model.theta[:] = 0
    for twin in (model.init(5), copy.deepcopy(model).init(1)):
        assert twin.theta.tolist() == [2, 3]


def test_networks_optimizers_and_tensors_can_be_asked_for_what_they_lack():
    for thing in (net(), ct.optim.Adam(0.1), ct.Tensor(1.0), ct.nn, ct.ops):
        assert not hasattr(thing, "no_such_thing") and getattr(thing, "__no_such__", 3) == 3
    with pytest.raises(habits.UnknownName) as caught:
        _ = ct.nn.Dense
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_no_table_holds_a_name_that_works():
    """An entry for a name that exists would never be read."""
    assert not habits.NN.keys() & set(ct.nn.__all__) and not habits.OPTIM.keys() & set(ct.optim.__all__)
    assert not habits.TENSOR.keys() & {n for n in dir(ct.Tensor) if not n.startswith("_")}
    assert not habits.OPS.keys() & {n for n in vars(ct.ops) if callable(getattr(ct.ops, n))}
    assert not habits.MODULE.keys() & set(dir(ct.nn.Module))


@pytest.mark.parametrize(("make", "words"), [
    (lambda: ct.nn.ReLU(inplace=True), "memory is planned"), (lambda: ct.nn.Softmax(dim=0), "along the last axis"),
    (lambda: ct.nn.Flatten(2), "Flatten takes no arguments, got 2"), (lambda: ct.nn.Softplus(beta=2), "softplus"),
    (lambda: ct.nn.Flatten(start_dim=2), "ct.ops.flatten"), (lambda: ct.nn.Identity(3), "Identity takes no arguments"),
    (lambda: ct.nn.Tanh(3, a=4), "Tanh takes no arguments, got 3, a="),
])
def test_layers_that_take_no_arguments_say_so(make, words):
    """Anything was taken and not used."""
    with pytest.raises(TypeError, match=words) as caught:
        make()
    assert isinstance(caught.value, CutawayError)


@pytest.mark.parametrize(("ask", "words"), [
    (lambda: ct.nn.init.xavier_uniform_, "glorot_uniform, as init= of a layer"), (lambda: ct.nn.init.he, "he_normal"),
    (lambda: ct.optim.schedules.CosineAnnealingLR, "cosine"), (lambda: ct.optim.schedules.cosin, "did you mean"),
])
def test_names_of_initial_values_and_schedules(ask, words):
    with pytest.raises(habits.UnknownName, match=words):
        ask()


def test_one_row_is_told_from_many():
    with pytest.raises(ct.errors.ShapeError, match=r"If the 3 numbers given are one row, write predict\(\[x\]\)"):
        ct.nn.MLP(3, [2], 1).predict(np.ones(3))
