"""The first layer of a table's network: edges, bins and codes by hand, in training, in files, and explained."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, FileError, ShapeError
from cutaway.nn.tabular import code_width, quantile_edges

pytestmark = pytest.mark.usefixtures("kernels_as_written")

RNG = np.random.default_rng(0)
N = 60
Z = np.column_stack([RNG.standard_normal(N), np.arange(N) % 4, RNG.integers(0, 2, N), RNG.uniform(0, 9, N)])
Y = np.abs(Z[:, 0]) + (Z[:, 1] == 2) - Z[:, 3]


def layer(**options):
    return ct.nn.TableInput.of(Z, codes={1: 4}, scaled=[0, 2, 3], bins=3, **options)


def network(seed=1, **options):
    first = layer(**options)
    return ct.nn.Sequential(first, ct.nn.Linear(first.n_out, 8), ct.nn.ReLU(), ct.nn.Linear(8, 1)).init(seed)


# ---- edges -----------------------------------------------------------------------------------------------------------


def test_edges_are_quantiles_and_equal_ones_count_once():
    np.testing.assert_array_equal(quantile_edges(np.arange(101), 4), [0, 25, 50, 75, 100])
    np.testing.assert_array_equal(quantile_edges([0] * 60 + [1, 2, 3, 4], 4), [0, 4])
    np.testing.assert_array_equal(quantile_edges([np.nan, np.inf, 1, 3], 2), [1, 2, 3])


@pytest.mark.parametrize("x", [[], [7, 7, 7], [np.nan]])
def test_numbers_without_two_values_have_no_edges(x):
    assert not len(quantile_edges(x, 4))


def test_a_feature_of_two_values_stays_plain():
    assert tuple(layer().edges) == (0, 3)
    assert layer(beside=False).plain == (2,)


def test_bins_hold_eight_rows_at_least_unless_said():
    made = ct.nn.PiecewiseLinear.of(np.arange(160.0)[:, None])
    assert made.bins == (20,)
    assert ct.nn.PiecewiseLinear.of(np.arange(10_000.0)[:, None]).bins == (48,)


@pytest.mark.parametrize(("levels", "width"), [(1, 2), (9, 5), (100, 21), (10**6, 32)])
def test_a_vector_is_wider_for_more_codes(levels, width):
    assert code_width(levels) == width


# ---- values ----------------------------------------------------------------------------------------------------------


def test_bins_by_hand():
    made = ct.nn.PiecewiseLinear((1,), (2,))
    made.set_edges({1: [0, 2, 6]})
    rows = [[9, -1], [9, 0], [9, 1], [9, 2], [9, 5], [9, 6], [9, 7]]
    wanted = [[0, 0], [0, 0], [0.5, 0], [1, 0], [1, 0.75], [1, 1], [1, 1]]
    assert made(rows).tolist() == wanted


def test_a_row_by_hand():
    made = layer()
    made.code1.data[...] = np.arange(12).reshape(4, 3)
    row = np.array([[0.1, 2, 1, 4.5]])
    (out,) = made(row).data
    e0, e3 = made.edges[0], made.edges[3]
    u = [np.interp(0.1, e0, np.arange(4)), np.interp(4.5, e3, np.arange(4))]  # how many bins are full
    np.testing.assert_allclose([out[:3].sum(), out[3:6].sum()], u, rtol=1e-5)
    np.testing.assert_allclose(out[6:9], [0.1, 1, 4.5], rtol=1e-6)
    np.testing.assert_array_equal(out[9:], [6, 7, 8])


@pytest.mark.parametrize(("code", "row"), [(-1, 0), (0, 0), (3, 3), (4, 3), (1e30, 3), (np.inf, 3), (-np.inf, 0)])
@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_no_code_leaves_the_table(code, row, engine):
    net = ct.nn.Sequential(ct.nn.TableInput(1, codes=[0], entries=[4], widths=[2]), ct.nn.Identity())
    table = net[0].code0.data
    np.testing.assert_array_equal(net.predict(np.array([[code], [1.0]]), engine=engine), table[[row, 1]])


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_a_code_that_is_not_a_number_stays_visible(engine):
    net = ct.nn.Sequential(ct.nn.TableInput(1, codes=[0], entries=[4], widths=[2]), ct.nn.Identity())
    assert np.isnan(net.predict(np.array([[np.nan], [1.0]]), engine=engine)).tolist() == [[True] * 2, [False] * 2]


def test_codes_are_exact_up_to_two_to_the_24():
    made = ct.nn.TableInput(1, codes=[0], entries=[2**24], widths=[1])
    made.code0.data[-3:, 0] = 5, 6, 7
    assert made([[2**24 - 3], [2**24 - 2], [2**24 - 1]]).data[:, 0].tolist() == [5, 6, 7]


def test_slopes_go_to_the_numbers_and_none_to_codes():
    x = ct.Tensor(np.array([[0.1, 2, 1, 4.5]]), requires_grad=True)
    made = layer(beside=False)
    (made(x) * np.arange(1, made.n_out + 1)).sum().backward()
    b0, b3 = (int(np.searchsorted(made.edges[c], v)) for c, v in ((0, 0.1), (3, 4.5)))
    widths = [made.edges[c][b] - made.edges[c][b - 1] for c, b in ((0, b0), (3, b3))]
    np.testing.assert_allclose(x.grad, [[b0 / widths[0], 0, 7, (3 + b3) / widths[1]]], rtol=1e-5)


def test_a_polygon_by_hand():
    made = ct.nn.PiecewiseLinear((1, 0), (2, 1), width=2)
    made.set_edges({1: [0, 2, 6], 0: [0, 1]})
    made.weight.data[...] = [[1, 10], [2, 20], [3, 30], [4, 40], [5, 50]]  # bins of 1, of 0; then 1 and 0 themselves
    made.bias.data[...] = [0.5, 0.25, 0.125, 0]
    (out,) = made([[0.5, 3.0]]).data
    first, second = 1 * 1 + 2 * 0.25 + 4 * 3, 3 * 0.5 + 5 * 0.5
    np.testing.assert_allclose(out, [first + 0.5, 10 * first + 0.25, second + 0.125, 10 * second])


@pytest.mark.parametrize("width", [0, 1, 3, 40])
@pytest.mark.parametrize("bins", [(1,), (5, 1, 40)])
def test_kernels_say_what_rules_say_of_odd_numbers_too(bins, width):
    made = ct.nn.PiecewiseLinear(range(len(bins)), bins, width)
    made.set_edges({c: np.sort(RNG.normal(size=t + 1)) for c, t in enumerate(bins)})
    made.upper.data[0] = made.lower.data[0]  # a bin that has no width counts as 1 wide
    edges = [made.edges[c] for c in range(len(bins))]
    ends = [[e[0], e[-1], np.nextafter(e[0], -9), np.nextafter(e[-1], 9), e[len(e) // 2]] for e in edges]
    rows = np.vstack([np.transpose(ends), *([[x] * len(bins)] for x in (0.1, np.nan, np.inf, -np.inf, 1e30, -0.0))])
    rows[-1, -1] = np.nan  # in one number, which is to be seen in that one's results alone
    net = ct.nn.Sequential(made, ct.nn.Identity()).init(0)
    with np.errstate(invalid="ignore"):
        said, expected = (net.predict(rows, engine=engine) for engine in ("cpu", "reference"))
    np.testing.assert_allclose(said, expected, rtol=1e-5, atol=1e-6)
    assert np.isnan(expected[-1]).any() and (np.isfinite(expected[-1]).any() or len(bins) == 1)
    for k, row in enumerate(rows):
        assert net.predict(row[None]).tobytes() == said[k : k + 1].tobytes()


def test_a_polygon_begins_as_a_straight_line():
    made = ct.nn.PiecewiseLinear.of(Z[:, :1], width=3)
    out = made([[-1.0], [0.0], [1.0], [2.0]]).data
    np.testing.assert_allclose(np.diff(out, 2, axis=0), 0, atol=1e-6)
    assert (np.abs(np.diff(out, axis=0)) > 1e-3).all()


# ---- in a network ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["cpu", "xla"])
@pytest.mark.parametrize("width", [0, 4])
def test_every_engine_trains_it_alike(engine, width):
    losses = [ct.fit(network(width=width), Z, Y, epochs=4, batch_size=16, optimizer=ct.optim.AdamW(1e-2), seed=3,
                     engine=one).history["loss"] for one in ("reference", engine)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("width", [0, 4])
def test_every_instruction_has_machine_code(width):
    program = ct.compile(network(width=width), "mse")
    assert None not in program.engine.kernels


def test_layers_are_counted_and_buffers_have_names_of_their_own():
    net = ct.nn.Sequential(ct.nn.PiecewiseLinear((0,), (2,)), ct.nn.PiecewiseLinear((1,), (3,)), ct.nn.Linear(3, 1))
    names = [name for name, _ in net.named_buffers()]
    assert names == ["layer1.lower", "layer1.upper", "layer2.lower", "layer2.upper"]


def test_drawing_weights_anew_keeps_the_edges():
    net = network()
    before = net[0].edges
    net.init(5)
    np.testing.assert_array_equal(net[0].edges[0], before[0])


def test_a_traced_step_is_the_one_that_trained_and_bins_are_explained():
    run = ct.fit(network(), Z, Y, epochs=2, batch_size=16)
    trace = run.trace(step=5)
    assert run.steps["loss"][4] == trace.J
    inside = int(np.flatnonzero((trace["layer1.u"][0] > 0) & (trace["layer1.u"][0] < 1))[0])
    assert "upper" in str(trace.explain("layer1.u", 0, inside))
    said = trace.explain("layer1.h", 0, 1)
    assert said.parts[1].value == pytest.approx(said.value)


@pytest.mark.parametrize("custom", [False, True])
def test_model_files_hold_it(tmp_path, custom):
    class Own(ct.nn.Module):
        def __init__(self):
            self.inner = network()

        def forward(self, x):
            return self.inner(x)

    net = Own() if custom else network()
    ct.save(net, tmp_path / "net.safetensors", input=Z[:2]) if custom else ct.save(net, tmp_path / "net.safetensors")
    again = ct.load(tmp_path / "net.safetensors")
    assert (type(again) is ct.nn.Sequential) != custom
    np.testing.assert_array_equal(again.predict(Z), net.predict(Z))


def test_one_row_alone_is_the_same_bits():
    net = network()
    np.testing.assert_array_equal(np.concatenate([net.predict(row[None]) for row in Z]), net.predict(Z))


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "said"), [
    (lambda: ct.nn.PiecewiseLinear((0, 0), (2, 2)), "each feature once"),
    (lambda: ct.nn.PiecewiseLinear((0,), (2, 2)), "1 columns .* 2 numbers of bins"),
    (lambda: ct.nn.PiecewiseLinear((), ()), "leave the layer out"),
    (lambda: ct.nn.TableInput(3, plain=[3]), "features 0 to 2"),
    (lambda: ct.nn.TableInput(3, codes=[1], entries=[4], widths=[]), "entries"),
    (lambda: ct.nn.TableInput(3, columns=[1], bins=[2], codes=[1], entries=[4], widths=[2]), "feature 1 holds codes"),
    (lambda: ct.nn.TableInput(3), "nothing is to come out"),
    (lambda: ct.nn.TableInput(3, codes=[1], entries=[2**24 + 1], widths=[2]), "rare levels"),
    (lambda: ct.nn.TableInput.of(Z, codes={7: 2}), "got feature 7"),
    (lambda: ct.nn.PiecewiseLinear((0,), (2,)).set_edges({0: [1, 1, 2]}), "3 finite edges"),
])
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(ArgumentError, match=said):
        make()


def test_rows_of_another_width_are_refused():
    with pytest.raises(ShapeError, match="takes rows of 4 features"):
        layer()(np.zeros((2, 5)))
    with pytest.raises(ShapeError, match="at least 4 features"):
        ct.nn.PiecewiseLinear((3,), (2,))(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="rows of numbers"):
        ct.nn.TableInput.of(np.zeros(4))


def test_a_damaged_file_is_refused(tmp_path):
    from cutaway.files.architecture import build, to_json

    entry = to_json(layer())
    entry["settings"]["widths"] = [3, 3]
    with pytest.raises(FileError, match="damaged"):
        build(entry, {}, 10**6)


def test_the_vectors_of_codes_begin_near_each_other():
    weights = ct.nn.TableInput(1, codes=[0], entries=[2000], widths=[8]).init(0).code0.data
    assert 0.098 < weights.std() < 0.102
