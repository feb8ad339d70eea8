"""What every engine promises (program/engine.py), kept by each that is found."""

import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import ENGINES
from cutaway.program import Engine, State

# the portable engine is the CPU engine but for its arithmetic: test_wasm.py
pytestmark = [pytest.mark.parametrize("name", [name for name in ENGINES if name != "portable"]),
              pytest.mark.usefixtures("kernels_as_written")]
rng = np.random.default_rng(0)
X, y = rng.standard_normal((22, 3)).astype(np.float32), rng.integers(0, 2, 22)
PUBLIC = {name for name in (*vars(Engine), *Engine.__annotations__) if not name.startswith("_")}


def made(name, threads=1, batch_size=8, optimizer=None, **options):
    """A training program on an engine, fed, before its first step."""
    model = ct.nn.MLP(3, [16], 2, norm="batch").init(0)
    program = ct.compile(model, "cross_entropy", optimizer or ct.optim.Adam(1e-2), batch_size, X, y, engine=name,
                         threads=threads, **options)
    program.feed(X, y)
    return program


def value(program, name):
    return next(v for v in program.values() if v.name == name)


def test_it_has_every_member_of_the_interface(name):
    engine = made(name).engine
    assert isinstance(engine, Engine) and engine.name == name and isinstance(engine.exact, bool)
    assert not [member for member in PUBLIC if not hasattr(engine, member)]


def test_its_facts_are_those_it_was_made_with(name):
    program = made(name, seed=7)
    engine = program.engine
    assert (engine.batch_size, engine.threads, engine.seed, engine.rows) == (8, 1, 7, 22)
    assert engine.optimizer == ct.optim.Adam(1e-2) and engine.state is program.state
    assert engine.needs.bytes > 0 and f"{engine.needs.bytes:,}" in str(engine.needs)
    assert all(isinstance(engine.source(i), str) for i in range(len(engine.instructions)))


def test_a_run_gives_a_loss_a_step_and_counts_them(name):
    program = made(name)
    order = rng.permutation(22)
    losses = program.engine.run(order, 0, 3)
    assert losses.shape == (3,) and program.engine.finite and program.state.t == 3 and program.engine.n == 6
    assert len(program.engine.run(order, 8, 1)) == 1 and program.state.t == 4


def test_instructions_one_by_one_are_the_run(name):
    """To the last bit, if the engine says that it is exact."""
    opt = ct.optim.Adam(1e-2, eps=1e-3)  # the gradient of a bias before batch norm is rounding, which Adam blows up
    whole, single = (made(name, keep_all=True, optimizer=opt) for _ in range(2))
    order = np.arange(22)
    wanted = whole.engine.run(order, 0, 3)
    single.engine.begin(order, 0, 3)
    J = []
    for k in range(3):
        for i in range(len(single.instructions)):
            single.engine.one(i)
        J.append(float(single.engine.read(single.engine.listing.loss)))
        assert single.state.t == k + 1
    np.testing.assert_allclose(J, wanted, rtol=1e-5)
    for part in single.state.names:
        np.testing.assert_allclose(single.state[part], whole.state[part], rtol=1e-3, atol=1e-5)
    if whole.engine.exact:
        np.testing.assert_array_equal(J, wanted)
        assert single.state == whole.state


def test_where_a_loss_is_not_finite_the_state_is_that_before_the_step(name):
    program, twice = made(name), made(name)
    bad = X.copy()
    bad[16:] = np.inf
    program.feed(bad, y)
    with np.errstate(all="ignore"):
        losses = program.engine.run(np.arange(22), 0, 3)
    assert len(losses) == 2 and not program.engine.finite
    twice.engine.run(np.arange(22), 0, 2)
    assert program.state == twice.state and program.state.t == 2
    program.feed(X, y)
    assert len(program.engine.run(np.arange(22), 16, 1)) == 1 and program.engine.finite


def test_between_is_told_the_steps_done_and_may_stop(name):
    program, seen = made(name), []

    def between(done):
        seen.append(done)
        return done >= 1

    losses = program.engine.run(np.arange(22), 0, 3, between)
    assert seen[-1] == len(losses) == program.state.t and program.engine.finite


def test_what_is_written_into_the_state_counts_from_the_next_call_on(name):
    one, other = made(name), made(name)
    for program in (one, other):
        program.engine.run(None, 0, 2)
    snapshot = one.state.copy()
    one.engine.run(None, 0, 2)
    one.state.put(snapshot)
    np.testing.assert_array_equal(one.engine.run(None, 0, 2), other.engine.run(None, 0, 2))
    assert one.state == other.state


def test_a_twin_bound_to_another_state_is_prepared_already_and_apart(name):
    program, model = made(name), ct.nn.MLP(3, [16], 2, norm="batch").init(0)
    program.run()
    before = program.state.copy()
    twin = program.engine.twin(program.engine.optimizer, program.engine.seed)
    twin.bind(State(model, twin.optimizer))
    twin.feed(program.engine.data)
    np.testing.assert_array_equal(twin.run(None, 0, 3), made(name).engine.run(None, 0, 3))
    assert twin.state.t == 3 and twin.state.model is model
    assert program.state == before


def test_values_are_read_with_the_rows_of_the_last_batch(name):
    program = made(name, keep_all=True)
    engine = program.engine
    engine.run(None, 0, 3)
    np.testing.assert_array_equal(engine.read(value(program, "x")), X[16:])
    assert engine.read(value(program, "layer1.z")).shape == (6, 16) and engine.n == 6
    assert engine.read(engine.listing.loss).shape == ()
    np.testing.assert_array_equal(engine.read(engine.listing.block["θ"]), program.state["θ"])


def test_what_each_thread_has_a_copy_of_is_stacked(name):
    program = made(name, threads=2, batch_size=22, keep_all=True)
    engine = program.engine
    engine.run(None, 0, 1)
    for v in program.values():
        copies = engine.copies(v)
        shape = (copies, *v.shape) if copies > 1 else v.shape_at(22)
        assert engine.read(v).shape == shape, v
        assert np.shape(engine.resolve(v)) == shape[1 if copies > 1 else 0 :]


def test_a_value_that_is_written_is_what_later_instructions_read(name):
    program = made(name, keep_all=True)
    engine, z = program.engine, program.engine.listing.output
    engine.begin(None, 0, 1)
    for i, instruction in enumerate(program.instructions):
        if instruction.phase == "backward":
            break
        engine.one(i)
        if z in instruction.written:
            engine.write(z, np.zeros((8, 2)))
    assert float(engine.read(engine.listing.loss)) == pytest.approx(np.log(2))


def test_an_argument_is_resolved_as_its_rule_takes_it(name):
    program = made(name, keep_all=True)
    engine = program.engine
    engine.run(None, 0, 3)
    for i in program.instructions:
        for argument in (*i.arguments, *i.attributes.values()):
            found = engine.resolve(argument)
            if type(argument).__name__ == "ShapeOf":
                assert found == argument.value.shape_at(6)
            elif type(argument).__name__ == "Rows":
                assert found == 6 * argument.per_sample


def test_predict_gives_a_row_for_each_that_was_fed(name):
    model = ct.nn.MLP(3, [4], 2).init(0)
    program = ct.engines.evaluator(model, X[:2], engine=name, batch_size=8, threads=1)
    program.feed(X)
    z = program.engine.predict()
    assert z.shape == (22, 2) and program.engine.optimizer is None
    np.testing.assert_allclose(z, model.predict(X, engine="reference"), rtol=1e-4, atol=1e-6)
    program.engine.forget()
    assert program.engine.rows == 0


def test_rows_that_stand_ready_are_evaluated_again_and_again(name):
    model = ct.nn.MLP(3, [4], 2).init(0)
    program = ct.engines.evaluator(model, X[:2], engine=name, batch_size=4, threads=1)
    inputs, outputs, run = program.engine.standing(3)
    assert {n: x.shape for n, x in inputs.items()} == {"x": (3, 3)} and outputs.shape == (3, 2)
    for rows in (X[:3], X[5:8]):
        inputs["x"][:] = rows
        run()
        np.testing.assert_array_equal(outputs, model.predict(rows, engine=name))
    for p in model.parameters():
        p.data[...] = 0
    run()
    assert not outputs.any()


def test_an_altered_program_runs_other_instructions(name):
    program = made(name)
    listing = program.engine.listing
    made_anew = program.altered(listing)
    made_anew.feed(X, y)
    assert type(made_anew.engine) is type(program.engine) and made_anew.state is not program.state
    np.testing.assert_array_equal(made_anew.engine.run(None, 0, 3), made(name, keep_all=True).engine.run(None, 0, 3))
    assert made_anew.value("layer1.z").shape == (6, 16)


def test_a_trace_and_its_file_name_the_engine_and_its_threads(name):
    run = ct.fit(ct.nn.MLP(3, [16], 2, norm="batch").init(0), X, y, "cross_entropy", optimizer=ct.optim.Adam(1e-2),
                 epochs=1, batch_size=8, engine=name, threads=1, progress=False)
    told = json.loads(json.dumps(run.trace(step=2).to_json()))["steps"][0]
    assert (told["engine"], told["threads"]) == (name, 1)
