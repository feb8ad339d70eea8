"""precision="bf16": products of factors rounded to bf16, added up in float32; all else in float32."""

import copy
import warnings

import numpy as np
import pytest
from around import Around, assert_same_values, uneven
from cases import CASES, scan
from hypothesis import given, settings
from hypothesis import strategies as st
from test_operands import guarded

import cutaway as ct
from cutaway.engines import precision
from cutaway.engines.cpu import bfloat, kernels
from cutaway.rules import OPS, bf16, with_rounded_factors
from depth import examples

ON_CPU = pytest.mark.skipif(not bfloat.there(), reason="this processor has no products of bf16")
ENGINES = [pytest.param("cpu", marks=ON_CPU), "reference"]


# ---- what rounding is ------------------------------------------------------------------------------------------------


@settings(max_examples=examples(200), deadline=None)
@given(st.floats(width=32, allow_subnormal=False, min_value=-2.0**126, max_value=2.0**126))
def test_the_nearest_number_of_eight_digits_is_taken(x):
    exact = np.float64(np.float32(x))
    rounded = np.float64(bf16(np.array([x], np.float32))[0])
    step = 2.0 ** (np.floor(np.log2(abs(exact))) - 7) if exact else 1.0
    assert abs(rounded - exact) <= step / 2
    assert rounded / step == np.round(rounded / step)


def test_halves_go_to_the_even_one_and_what_is_no_number_stays():
    given = np.array([1 + 2**-8, 1 + 3 * 2**-8, np.nan, np.inf, -np.inf, 3.4e38, 1e-39, -1e-39, 0.0], np.float32)
    wanted = [1, 1 + 2**-6, np.nan, np.inf, -np.inf, np.inf, 0, -0.0, 0]
    np.testing.assert_array_equal(bf16(given), np.array(wanted, np.float32))
    assert bf16(given).dtype == np.float32 and bf16(given.astype(float)).dtype == np.float64


# ---- kernels beside their rules --------------------------------------------------------------------------------------


def layers(rng, sizes):
    return ct.nn.MLP(sizes[0], sizes[1:-1], sizes[-1], activation="tanh").init(int(rng.integers(100)))


def rounded_steps(program):
    return [i for i in program.instructions if i.rounded]


def compiled(net, X, y, engine="cpu", threads=1, **options):
    return ct.compile(net, "mse", ct.optim.SGD(0.0), batch_size=len(X), input=X, target=y, engine=engine,
                      threads=threads, precision="bf16", keep_all=True, **options)


def assert_products_are_the_rules(program):
    """Each instruction, with what the CPU engine gave it, beside its rule in float64: off by float32's sums alone."""
    for i in rounded_steps(program):
        read = {name: program.value(v) for name, v in i.operands().items() if v is not None and v in i.reads}
        rule = OPS[i.op]
        function = with_rounded_factors(rule.backward if i.backward else rule.forward)
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        known = {name: a.astype(np.float64) for name, a in read.items()} | {"b_shape": i.operands()["W"].shape[:1]}
        results = function(*(known.get(name) for name in names), **i.attributes)
        results = results if isinstance(results, tuple) else (results,)
        for v, result in zip(i.writes, results, strict=True):
            if v is not None:
                np.testing.assert_allclose(program.value(v), result, rtol=2e-5, atol=2e-5 * np.abs(result).max())


@ON_CPU
@settings(max_examples=examples(25), deadline=None)
@given(n=st.integers(1, 70), sizes=st.lists(st.integers(1, 70), min_size=2, max_size=3), threads=st.integers(1, 3))
def test_layers_of_any_size_equal_their_rules(n, sizes, threads):
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    program = compiled(layers(rng, sizes), X, y, threads=threads)
    program.feed(X, y)
    program.run()
    assert len(rounded_steps(program)) >= 2 * (len(sizes) - 1)
    assert_products_are_the_rules(program)


@ON_CPU
@pytest.mark.parametrize(("n", "sizes"), [(600, [31, 5]), (3, [1100, 3]), (40, [512, 520])])
def test_long_sums_and_crowded_rows_equal_their_rules(n, sizes):
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    program = compiled(layers(rng, sizes), X, y, threads=2)
    program.feed(X, y)
    program.run()
    assert_products_are_the_rules(program)


@ON_CPU
@settings(max_examples=examples(25), deadline=None)
@given(n=st.integers(1, 5), c=st.integers(1, 35), m=st.integers(1, 40), window=st.integers(1, 3),
       stride=st.integers(1, 2), size=st.integers(4, 9), threads=st.integers(1, 2))
def test_filters_of_any_size_equal_their_rule(n, c, m, window, stride, size, threads):
    rng = np.random.default_rng(n)
    filters = ct.nn.Conv2d(c, m, window, stride=stride, padding=window // 2)
    net = ct.nn.Sequential(ct.nn.LayerNorm(c), filters, ct.nn.Flatten()).init(0)
    X = rng.normal(size=(n, size, size, c)).astype(np.float32)
    y = np.zeros_like(net(X).data)
    program = compiled(net, X, y, threads=threads)
    program.feed(X, y)
    program.run()
    assert len(rounded_steps(program)) == 2
    assert_products_are_the_rules(program)


@ON_CPU
@pytest.mark.filterwarnings("ignore:.*no CPU kernel")
def test_no_kernel_leaves_its_operands_or_differs_from_its_rule():
    found, = guarded("bf16 3 16")  # every shape is tried in float32
    wrong = {of: said for of, said in found.items() if not said.startswith(("refused", "kernels"))}
    assert not wrong
    for op in (op for op in CASES if OPS[op].rounds):
        assert any(of[0].startswith(f"{op}-") and said.startswith("kernels: ") and not said.startswith("kernels: 0")
                   for of, said in found.items())


def test_every_operation_that_rounds_has_a_kernel_for_it():
    assert {op for op in OPS if OPS[op].rounds} == set(kernels.ROUNDED)


@pytest.mark.parametrize("engine", ENGINES)
def test_special_values_go_through(engine):
    """NaN stays and spreads along its row alone; beyond 3.39e38 a factor is infinite; below 1e-38 it is zero."""
    net = ct.nn.Linear(3, 2)
    net.weight.data[...] = [[1, 0.5, 2], [1, 1, 1]]
    X = np.array([[np.nan, 1, 1], [3.4e38, 0, 0], [1e-39, 0, 0], [1, 1, 1]], np.float32)
    program = compiled(net, X, np.zeros((4, 2), np.float32), engine)
    program.feed(X, np.zeros((4, 2), np.float32))
    with np.errstate(all="ignore"):
        program.run()
    np.testing.assert_array_equal(program.value("z"), [[np.nan] * 2, [np.inf] * 2, [0, 0], [3.5, 3]])


# ---- what it promises ------------------------------------------------------------------------------------------------


@pytest.fixture
def moons():
    return ct.datasets.make("moons", n=120, seed=0)


def fit(net, X, y, **how):
    how = {"loss": "cross_entropy", "optimizer": ct.optim.AdamW(1e-2), "epochs": 3, "precision": "bf16"} | how
    return ct.fit(net, X, y, **how)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_traced_step_is_the_one_trained_and_its_arithmetic_adds_up(moons, engine):
    run = fit(ct.nn.MLP(2, [24], 2).init(0), *moons, engine=engine)
    t = run.trace(step=5)  # raises unless J has the same bits
    assert str(t).count("factors in bf16") == 4
    e = t.explain("layer1.z", 3, 5)
    np.testing.assert_allclose(e.total, e.value, rtol=1e-5)
    assert {float(bf16(np.array([f.value]))[0]) - f.value for term in e.terms for f in term.factors[:2]
            if len(term.factors) == 2} == {0}
    for name, *index in (("layer2.weight", 1, 3), ("layer1.bias", 4), ("layer1.a", 3, 5)):
        g = t.explain(name, *index, of="gradient")
        np.testing.assert_allclose(g.total, g.value, rtol=1e-4, atol=1e-7)
    again = ct.inspect.read_trace(t.to_json())
    assert [i.rounded for i in again.instructions] == [i.rounded for i in t.instructions]
    program = t.program()
    program.run()
    np.testing.assert_array_equal(program.state.theta, t.after("θ"))


@pytest.mark.parametrize("layer", [ct.nn.RNN, ct.nn.LSTM, ct.nn.GRU])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_arithmetic_of_a_scan_adds_up(layer, engine):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 5, 3)).astype(np.float32), rng.normal(size=(12, 1)).astype(np.float32)
    net = ct.nn.Sequential(ct.nn.LastState(layer(3, 7)), ct.nn.Linear(7, 1)).init(0)
    run = fit(net, X, y, loss="mse", engine=engine)
    t = run.trace(step=2)
    (scan,) = [i for i in t.instructions if i.op in ("rnn", "lstm", "gru") and not i.backward]
    assert scan.rounded
    gates = scan.results.get("gates", scan.results["y"])
    e = t.explain(gates, 3, 2, 4)
    squash = np.tanh if scan.op == "rnn" else lambda s: 1 / (1 + np.exp(-s))
    np.testing.assert_allclose(squash(e.total), e.value, rtol=1e-5)
    g = t.explain(scan.operands["W"], 4, 2, of="gradient")
    np.testing.assert_allclose(g.total, g.value, rtol=1e-4, atol=1e-7)


@ON_CPU
@settings(max_examples=examples(12), deadline=None)
@given(layer=st.sampled_from(["rnn", "lstm", "gru"]), n=st.integers(1, 40), k=st.integers(1, 6))
def test_scans_equal_their_rules(layer, n, k):
    """All but a state on the other side of a half, which is rounded the other way."""
    case = scan(layer, np.random.default_rng(n), n, k, state=True, ends=True, width=11 * k)
    found = []
    for engine in ("reference", "cpu"):
        model = Around(layer, case).astype("float32")
        found.append(ct.compile(model, uneven, ct.optim.SGD(0.05), batch_size=model.n, input=model.data(),
                                target=np.zeros(model.n), engine=engine, threads=1, keep_all=True, precision="bf16"))
        found[-1].feed(model.data(), np.zeros(model.n))
        found[-1].run()
    assert_same_values(*found, rtol=1e-2, atol=1e-3)


@ON_CPU
def test_bits_repeat_and_threads_agree(moons):
    def thetas(**how):
        return fit(ct.nn.MLP(2, [24], 2).init(0), *moons, **how).model.theta

    np.testing.assert_array_equal(thetas(threads=2), thetas(threads=2))
    assert (thetas() != thetas(precision=None)).any()
    np.testing.assert_allclose(thetas(threads=1), thetas(threads=3), atol=2e-2)
    np.testing.assert_allclose(thetas(), thetas(engine="reference"), atol=2e-2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_run_goes_on_to_the_same_bits_and_in_no_other_precision(moons, engine, tmp_path):
    whole = fit(ct.nn.MLP(2, [24], 2).init(0), *moons, engine=engine)
    stop = lambda event: event.run.stop("enough") if getattr(event, "epoch", 0) == 1 else None  # noqa: E731
    fit(ct.nn.MLP(2, [24], 2).init(0), *moons, engine=engine, checkpoint=tmp_path, callbacks=[stop])
    on = fit(ct.nn.MLP(2, [24], 2).init(0), *moons, engine=engine, checkpoint=tmp_path, resume=True)
    np.testing.assert_array_equal(on.model.theta, whole.model.theta)
    with pytest.raises(ct.errors.FileError, match="precision"):
        fit(ct.nn.MLP(2, [24], 2).init(0), *moons, engine=engine, checkpoint=tmp_path, resume=True, precision=None)


def test_many_models_train_as_each_alone(moons):
    entry = {"X": moons[0], "y": moons[1], "loss": "cross_entropy", "epochs": 2, "engine": "reference"}
    models = [ct.nn.MLP(2, [8], 2).init(0) for _ in range(3)]
    ct.fit_many([entry | {"model": m, "precision": p} for m, p in zip(models, ("bf16", None, "float32"), strict=True)])
    np.testing.assert_array_equal(models[1].theta, models[2].theta)
    assert (models[0].theta != models[1].theta).any()


def test_gradients_are_those_of_the_rounded_network(moons):
    """They are exact where nothing needs rounding: whole numbers up to 256."""
    net = ct.nn.MLP(2, [4], 1)
    for p in net.parameters():
        p.data[...] = np.round(np.random.default_rng(0).normal(size=p.shape) * 4)
    X, y = np.round(moons[0] * 4).astype(np.float32), np.zeros((len(moons[0]), 1), np.float32)
    found = []
    for asked in ("bf16", None):
        program = ct.compile(copy.deepcopy(net), "mse", ct.optim.SGD(0.0), len(X), X, y, engine="reference",
                             precision=asked, keep_all=True)
        program.feed(X, y)
        program.run()
        found.append({name: program.value(v) for name, v in program.engine.listing.gradients.items()})
    for name, exact in found[1].items():
        np.testing.assert_allclose(found[0][name], exact, rtol=2**-7, atol=2**-8 * np.abs(exact).max())


def test_xla_rounds_the_same(moons):
    pytest.importorskip("jax")
    losses = [fit(ct.nn.MLP(2, [24], 2).init(0), *moons, engine=e, precision=p).history["loss"]
              for e, p in (("xla", "bf16"), ("reference", "bf16"), ("reference", None))]
    assert np.abs(losses[0] - losses[1]).max() < 0.1 * np.abs(losses[2] - losses[1]).max()


# ---- where it is asked for -------------------------------------------------------------------------------------------


def test_an_unknown_precision_is_told_which_there_are(moons):
    for call in (lambda p: fit(ct.nn.MLP(2, [4], 2), *moons, precision=p),
                 lambda p: ct.compile(ct.nn.MLP(2, [4], 2), precision=p),
                 lambda p: ct.Classifier(precision=p).fit(*moons)):
        with pytest.raises(ct.errors.ArgumentError, match="precision is 'half': give None, 'float32' or 'bf16'"):
            call("half")
    with pytest.raises(ct.errors.ArgumentError, match=r'float64.*net.astype'):
        fit(ct.nn.MLP(2, [4], 2).astype("float64"), *moons)


def test_where_there_are_no_such_products_it_says_so_once_and_runs_in_float32(moons, monkeypatch):
    precision._say.cache_clear()
    monkeypatch.setattr(bfloat, "there", lambda: False)
    net = ct.nn.MLP(2, [4], 2).init(0)
    with pytest.warns(RuntimeWarning, match="AVX512_BF16.*float32"):
        run = fit(copy.deepcopy(net), *moons)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(copy.deepcopy(net), *moons)
    np.testing.assert_array_equal(run.model.theta, fit(net, *moons, precision=None).model.theta)
    assert not rounded_steps(run.program) and "bf16" not in str(run.program)
    precision._say.cache_clear()


@ON_CPU
def test_an_estimator_remembers_it(moons, tmp_path):
    from sklearn.base import clone

    model = ct.Classifier(epochs=2, precision="bf16").fit(*moons)
    assert model.design_.dtype == "float32" and "float32, products in bf16" in str(model.design_)
    assert rounded_steps(model.run_.program)
    ct.save(model, tmp_path / "m.safetensors")
    again = ct.load(tmp_path / "m.safetensors")
    assert again.get_params()["precision"] == clone(again).precision == "bf16"
    assert any(i.rounded for i in ct.trace(again, *moons).instructions)
    np.testing.assert_array_equal(model.predict_proba(moons[0]), again.predict_proba(moons[0]))
    assert rounded_steps(again.partial_fit(*moons)._program)


def test_float32_can_be_asked_for_where_the_design_would_take_more_digits(moons):
    model = ct.Regressor(epochs=1, precision="float32").fit(moons[0], moons[1].astype(float))
    assert model.model_.dtype == np.float32 and not rounded_steps(model.run_.program)


def test_the_loss_ends_as_in_float32(moons):
    """Over a few seeds the two spread alike (docs/cpu-engine.md has ten seeds of larger networks)."""
    ends = {p: [fit(ct.nn.MLP(2, [16], 2).init(seed), *moons, seed=seed, epochs=15, precision=p,
                    engine="reference").history["loss"][-1] for seed in range(5)] for p in ("bf16", None)}
    assert abs(np.mean(ends["bf16"]) - np.mean(ends[None])) < np.std(ends[None])
