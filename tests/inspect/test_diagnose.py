"""ct.diagnose: every symptom has a network that shows it and one, as near as may be, that must not."""

import warnings

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.inspect.diagnosis.symptoms import SYMPTOMS
from cutaway.train.fit import TrainingWarning
from depth import each_once, every

nn, optim = ct.nn, ct.optim
X, Y = ct.datasets.make("moons", n=300, seed=0)


def fit(model, X=X, y=Y, loss="cross_entropy", lr=0.1, **options):
    options = {"optimizer": optim.SGD(lr), "epochs": 8, "progress": False, "threads": 1, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        return ct.fit(model, X, y, loss=loss, **options)


def mlp(*hidden, n_in=2, n_out=2, activation="relu"):
    return nn.MLP(n_in, hidden or (16,), n_out, activation=activation).init(0)


def times(factor, model, *which):
    """A network with some parameters, or all, multiplied."""
    for k in which or range(len(model.parameters())):
        model.parameters()[k].data[...] *= factor
    return model


def with_bias(model, k, value):
    model.parameters()[k].data[...] = value
    return model


def linear_layers(*between):
    return nn.Sequential(nn.Linear(2, 8), *between, nn.Linear(8, 2)).init(0)


def rows_by_class():
    order = np.argsort(Y, kind="stable")
    return {"X": X[order], "y": Y[order]}


def table(last):
    """Rows sorted by class: noise, and one more column."""
    noise = np.random.default_rng(1).normal(size=(300, 4))
    return {"X": np.c_[noise, last].astype("f4"), "y": (np.arange(300) >= 150).astype(int)}


def noise(n, seed):
    r = np.random.default_rng(seed)
    return r.normal(size=(n, 10)).astype("f4"), r.integers(0, 2, n)


def three_classes(last_bias):
    model = with_bias(mlp(n_out=3), -1, [0, 0, last_bias])
    return fit(model, *ct.datasets.make("blobs", n=150, seed=0), lr=0.02)


COUNT = np.arange(300) / 150 - 1
SINE = np.linspace(-2, 2, 200, dtype="f4")[:, None], np.sin(np.linspace(-2, 2, 200))

# symptom: a run that shows it, and a run that must not
CASES = {
    "unscaled inputs": (lambda: fit(mlp(), 1000 * X), lambda: fit(mlp(), 3 * X)),
    "unscaled targets": (
        lambda: fit(mlp(n_in=1, n_out=1), SINE[0], 5000 + 800 * SINE[1], "mse", lr=1e-6),
        lambda: fit(mlp(n_in=1, n_out=1), SINE[0], 2 * SINE[1], "mse"),
    ),
    "an input that tells the target": (
        lambda: fit(mlp(n_in=5), **table(COUNT)),
        lambda: fit(mlp(n_in=5), **table(np.random.default_rng(2).permutation(COUNT))),
    ),
    "held-out rows that were learnt from": (
        lambda: fit(mlp(), validation=(X[:60], Y[:60])),
        lambda: fit(mlp(), validation=0.2),
    ),
    "batches of one class": (
        lambda: fit(mlp(), **rows_by_class(), shuffle=False),
        lambda: fit(mlp(), **rows_by_class()),
    ),
    "layers that collapse": (lambda: fit(linear_layers()), lambda: fit(linear_layers(nn.Tanh()))),
    "loss too high at the start": (lambda: fit(times(100, mlp(), 2), lr=1e-3), lambda: fit(times(2, mlp(), 2))),
    "exploding gradients": (lambda: fit(times(4, mlp(*[16] * 8)), lr=1e-9), lambda: fit(mlp(*[16] * 8), lr=0.01)),
    "not finite": (lambda: fit(mlp(32, 32), lr=20.0), lambda: fit(mlp(32, 32), lr=0.3)),
    "learning rate too high": (
        lambda: fit(mlp(activation="tanh"), lr=20.0, epochs=10),
        lambda: fit(mlp(activation="tanh"), lr=0.3, epochs=10),
    ),
    "learning rate too low": (lambda: fit(mlp(), lr=1e-4), lambda: fit(mlp(), lr=0.1)),
    "updates out of proportion": (
        lambda: fit(times(100, mlp(activation="sigmoid"), 0), lr=0.01),
        lambda: fit(mlp(activation="sigmoid")),
    ),
    "dead ReLUs": (lambda: fit(with_bias(mlp(), 1, -20)), lambda: fit(with_bias(mlp(), 1, -0.2))),
    "saturated activations": (
        lambda: fit(times(300, mlp(activation="tanh"), 0), lr=0.01, epochs=2),
        lambda: fit(mlp(activation="tanh"), lr=0.01, epochs=2),
    ),
    "vanishing gradients": (
        lambda: fit(mlp(*[12] * 10, activation="sigmoid")),
        lambda: fit(mlp(*[12] * 10, activation="selu"), lr=0.01),
    ),
    "a constant is as good": (lambda: fit(mlp(), lr=1e-9), lambda: fit(mlp())),
    "classes never predicted": (lambda: three_classes(-30), lambda: three_classes(0)),
    "overfitting": (
        lambda: fit(mlp(64, n_in=10), *noise(40, 1), optimizer=optim.Adam(0.02), epochs=40),
        lambda: fit(mlp(64), optimizer=optim.Adam(0.02), epochs=20, validation=0.3),
    ),
}


def test_every_symptom_has_its_cases():
    assert CASES.keys() == {symptom.name for symptom in SYMPTOMS}


@pytest.mark.parametrize("name", CASES)
def test_a_network_that_shows_it(name):
    found = ct.diagnose(CASES[name][0](), validation=noise(60, 2) if name == "overfitting" else None)
    assert found[name].text and found[name].change and found[name].numbers is not None
    compile(found[name].change, "change", "exec")


@pytest.mark.parametrize("name", CASES)
def test_a_network_that_must_not(name):
    found = ct.diagnose(CASES[name][1]())
    assert name in found.checked and name not in found


OPTIMIZERS = {"sgd": optim.SGD(0.03), "momentum": optim.HeavyBall(0.01), "adam": optim.Adam(0.01)}


@pytest.mark.parametrize(("problem", "activation", "optimizer"), each_once(
    ["moons", "circles", "blobs", "sine"], ["relu", "tanh", "gelu"], OPTIMIZERS))
def test_healthy_networks_get_no_finding(problem, activation, optimizer):
    X, y = ct.datasets.make(problem, n=300, seed=1)
    numbers = problem == "sine"
    model = mlp(32, 32, n_in=X.shape[1], n_out=1 if numbers else int(y.max()) + 1, activation=activation)
    X = (X - X.mean(0)) / X.std(0)
    found = ct.diagnose(fit(model, X, y, "mse" if numbers else "cross_entropy", optimizer=OPTIMIZERS[optimizer],
                            epochs=20, validation=0.2))
    assert not found, str(found)


# ---- evidence, changes and proof -------------------------------------------------------------------------------------


def test_when_it_began_to_the_step():
    """Biases that are thrown below all inputs in the middle of a run: found by doing the steps again."""
    run = fit(mlp(activation="tanh"), lr=20.0, epochs=10)
    found = ct.diagnose(run)["saturated activations"]
    share = [(1 - run.trace(step=k, keep=["layer1.a"])["layer1.a"] ** 2 < 0.05).mean() for k in (1, found.began + 1)]
    assert found.began > 0 and share[0] < 0.5 < share[1]


def test_what_was_wrong_from_the_start_began_before_the_first_step():
    found = ct.diagnose(fit(with_bias(mlp(), 1, -20)))["dead ReLUs"]
    assert found.began == 0 and found.where == ["layer1"] and found.numbers["dead"]["layer1"] == list(range(16))


def test_consequences_name_their_cause():
    found = ct.diagnose(fit(with_bias(mlp(), 1, -20)))
    assert found.findings[0].name == "dead ReLUs" and not found.findings[0].follows
    assert found["a constant is as good"].follows == "dead ReLUs"
    assert [f.name for f in found.serious] == ["dead ReLUs"]


@pytest.mark.parametrize("name", ["unscaled inputs", "unscaled targets", "batches of one class", "dead ReLUs",
                                  "learning rate too low", "learning rate too high"])
def test_the_change_mends_it(name):
    proof = ct.diagnose(CASES[name][0](), prove=8)[name].proof
    assert proof.gone and not proof.after["share"] > 0.97 * proof.before["share"]


def test_proof_runs_the_text_that_is_shown_and_nothing_else_changes():
    run = fit(mlp(), lr=1e-4)
    theta, next_layer = run.model.theta.copy(), ct.nn.Linear(2, 2)
    ct.seed(0)
    expected = ct.nn.Linear(2, 2).weight.data
    ct.seed(0)
    found = ct.diagnose(run, prove=3)
    np.testing.assert_array_equal(ct.nn.Linear(2, 2).weight.data, expected)
    np.testing.assert_array_equal(run.model.theta, theta)
    change = found["learning rate too low"].change
    names = {"ct": ct}
    exec(change, names)
    again = fit(mlp(), optimizer=names["optimizer"], epochs=3)
    assert ct.losses.cross_entropy(ct.Tensor(again.model.predict(X)), Y).item() == pytest.approx(
        found["learning rate too low"].proof.after["loss"]
    )
    assert next_layer is not None


def test_a_run_that_breaks_off_at_its_first_step():
    found = ct.diagnose(fit(times(1e15, mlp(16, 16))), prove=2)
    assert found["not finite"].began == 1 and "none before" in found["not finite"].text


# ---- what can be given -----------------------------------------------------------------------------------------------


def test_a_network_without_a_run():
    found = ct.diagnose(with_bias(mlp(), 1, -20), X, Y, loss="cross_entropy")
    assert [f.name for f in found if not f.follows] == ["dead ReLUs"]
    assert "run" in found.unchecked["learning rate too high"]
    assert "validation" in found.unchecked["overfitting"]


def test_a_fresh_network_is_not_blamed_for_what_it_has_not_learnt():
    assert not ct.diagnose(mlp(), X, Y, loss="cross_entropy")


def test_an_estimator_and_the_names_of_its_columns():
    y = X[:, 0] + X[:, 1]
    model = ct.Regressor(epochs=30, preset="fast", random_state=0, threads=1).fit(np.c_[X, 1000 * y], y)
    found = ct.diagnose(model)
    assert [f.name for f in found] == ["an input that tells the target"]
    assert found[0].where == [model.encoder_.feature_names[2]]


IMAGES = np.random.default_rng(0).normal(size=(60, 8, 8, 1)).astype("f4")
SERIES = np.random.default_rng(0).normal(size=(60, 9, 2)).astype("f4")


@pytest.mark.parametrize("kind", ["cnn", "gru", "lengths"])
def test_convolutional_and_recurrent_networks(kind):
    data = {"cnn": IMAGES, "gru": SERIES, "lengths": ct.Sequences(SERIES, np.arange(60) % 8 + 2)}[kind]
    mean = IMAGES.mean((1, 2, 3)) if kind == "cnn" else SERIES[:, :2].mean((1, 2))
    model = nn.CNN((8, 8, 1), 2, channels=[4], hidden=[8]) if kind == "cnn" else nn.Recurrent(2, 8, 2, cell="gru")
    run = fit(model.init(0), data, (mean > 0).astype(int), optimizer=optim.Adam(0.01), epochs=20)
    assert not ct.diagnose(run)
    big = ct.Sequences(1000 * SERIES, data.lengths) if kind == "lengths" else 1000 * data
    sick = fit(model.init(0), big, (mean > 0).astype(int), epochs=1)
    assert ct.diagnose(sick)[0].name == "unscaled inputs"


@pytest.mark.parametrize("kind", ["tuple", "dict", "lengths", "table"])
def test_inputs_of_every_form_can_be_scaled(kind):
    class Two(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, a, b):
            return self.second(ct.ops.relu(self.first(a))) + self.second(b)

    series = ct.Sequences(1000 * SERIES, np.arange(60) % 8 + 2)
    given = {"tuple": (1000 * X, X), "dict": {"a": X, "b": 1000 * X}, "lengths": series, "table": 1000 * X}[kind]
    model = {"lengths": nn.Recurrent(2, 8, 2), "table": mlp()}.get(kind) or Two()
    run = fit(model.init(0), given, np.arange(60) % 2 if kind == "lengths" else Y, epochs=2, lr=1e-4, validation=0.2)
    assert ct.diagnose(run, prove=1)["unscaled inputs"].proof.gone


def test_weights_of_samples_count_alike_in_all_losses():
    run = fit(mlp(), sample_weight=np.where(Y == 1, 50.0, 10.0), validation=0.2, optimizer=optim.Adam(0.01), epochs=20)
    assert not ct.diagnose(run)


def test_dead_filters_of_a_convolution():
    run = fit(with_bias(nn.CNN((8, 8, 1), 2, channels=[4], hidden=[8]).init(0), 1, -50), IMAGES, np.arange(60) % 2)
    assert ct.diagnose(run)["dead ReLUs"].where[0] == "layer1"


def test_a_sample_is_enough():
    found = ct.diagnose(fit(with_bias(mlp(), 1, -20)), rows=50)
    assert "dead ReLUs" in found and "50 of 300 rows" in found.about


def test_watch_tells_while_training_and_can_stop_it():
    told = []
    watch = ct.inspect.Watch(every=2, stop=True, tell=told.append)
    run = fit(with_bias(mlp(), 1, -20), callbacks=[watch])
    assert run.epochs_done == 2 and "dead ReLUs" in run.stopped
    assert [f.name for f in watch.findings] == [f.name for f in told] and told[0].name == "dead ReLUs"


def test_print_says_what_was_checked():
    text = str(ct.diagnose(fit(mlp())))
    assert "Nothing was found." in text and "dead ReLUs" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("wrong", "says"), [({}, "on data"), ({"rows": 0}, "rows must be"), ({"validation": (X,)}, "validation must be")]
)
def test_errors(wrong, says):
    data = () if not wrong else (X, Y)
    with pytest.raises(ArgumentError, match=says):
        ct.diagnose(mlp(), *data, loss="cross_entropy", **wrong)


# ---- rows that the run held out --------------------------------------------------------------------------------------


def in_another_order(X, y):
    order = np.random.default_rng(0).permutation(len(y))
    return X[order].astype(np.float64), y[order]


@pytest.mark.parametrize("given", [lambda X, y: (X, y), lambda X, y: (X.copy(), y.copy()), in_another_order],
                         ids=["the same", "copies", "another order"])
def test_held_out_rows_among_those_given_are_not_taken_for_learnt_ones(given):
    run = fit(mlp(), validation=0.2)
    found = ct.diagnose(run, *given(X, Y))
    assert "held-out rows that were learnt from" in found.checked and not found
    assert "looked at on 240 rows" in str(found)


def test_copies_in_the_runs_own_split_are_found_whatever_is_given():
    run = fit(mlp(), np.r_[X, X], np.r_[Y, Y], validation=0.3)
    assert "held-out rows that were learnt from" in ct.diagnose(run, np.r_[X, X], np.r_[Y, Y])
    assert "held-out rows that were learnt from" in ct.diagnose(run, X[:100], Y[:100])


@pytest.mark.parametrize("name", every(3, ["iris", "wine", "breast_cancer", "diabetes"]))
@pytest.mark.filterwarnings("ignore:validation=0.2 is not used")  # iris and wine have too few rows to hold some back
def test_estimators_on_the_rows_they_were_fitted_on(name):
    X, y = ct.datasets.load(name)
    kind = ct.Regressor if name == "diabetes" else ct.Classifier
    share = {} if len(y) < 200 else {"validation": 0.2}  # of fewer rows none are held back
    model = kind(epochs=30, threads=1, preset="fast", **share).fit(X, y)
    for found in (ct.diagnose(model), ct.diagnose(model, X, y)):
        assert found.serious == [], found


@pytest.mark.parametrize("kind", ["images", "sequences", "lengths"])
def test_images_and_sequences_that_a_run_held_out(kind):
    data = {"images": IMAGES, "sequences": SERIES, "lengths": ct.Sequences(SERIES, np.arange(60) % 8 + 2)}[kind]
    model = nn.CNN((8, 8, 1), 2, channels=[4], hidden=[8]) if kind == "images" else nn.Recurrent(2, 8, 2)
    run = fit(model.init(0), data, np.arange(60) % 2, epochs=2, validation=0.2)
    assert "held-out rows that were learnt from" not in ct.diagnose(run, data, np.arange(60) % 2)


def test_a_readers_own_words_for_a_column_that_has_to_go():
    y = (X[:, 0] > 0.5).astype(int)
    frame = {"a": X[:, 1], "b": X[:, 0] * 1000, "c": X[:, 1] ** 2}
    model = ct.Classifier(epochs=5, threads=1).fit(frame, y)
    finding = ct.diagnose(model)["an input that tells the target"]
    assert finding.remedy == "X = X.drop(columns='b')" and finding.command == "--drop b"
    assert "X = X.drop(columns='b')" in str(finding) and "np.delete" not in str(finding)
    assert ct.diagnose(model, prove=2)["an input that tells the target"].proof.gone


def test_a_rare_class_that_is_never_predicted():
    r = np.random.default_rng(0)
    a = r.normal(size=3000)
    late = np.where(r.random(3000) < 0.03 * np.exp(a) / 1.6, "late", "on time")
    model = ct.Classifier(epochs=5, threads=1).fit({"a": a, "b": r.normal(size=3000)}, late)
    finding = ct.diagnose(model, rows=128)["classes never predicted"]
    assert "late" in finding.text and "class_weight" in finding.remedy
    assert finding.command == "--class-weight balanced"


def test_the_lines_of_the_readme_give_no_false_finding(monkeypatch, tmp_path):
    """Run as they stand up to the diagnosis: the data are healthy."""
    import re
    from pathlib import Path

    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    script = "\n".join(block for block in blocks if "moons" in block or "ct.diagnose" in block)
    script = re.sub(r"^(t|run)\.to_.*$", "", script, flags=re.MULTILINE)  # tests/test_pages.py writes these pages
    found = []
    diagnose = ct.diagnose
    monkeypatch.setattr(ct, "diagnose", lambda *given, **how: found.append(diagnose(*given, **how)) or found[-1])
    monkeypatch.chdir(tmp_path)
    exec(script, {"ct": ct})
    assert len(found) == 1 and not found[0] and "held-out rows that were learnt from" in found[0].checked


def test_a_sample_without_the_rare_class_says_nothing_of_a_constant():
    """Always giving the same answer is right on the 16 rows looked at, and wrong on others."""
    y = np.r_[np.zeros(290, int), np.ones(10, int)]
    run = fit(mlp(n_out=1), X, y, "binary_cross_entropy", shuffle=False)
    assert "a constant is as good" not in {finding.name for finding in ct.diagnose(run, rows=16).findings}
