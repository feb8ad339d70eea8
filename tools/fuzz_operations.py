"""Model files of one operation each, whose operands have every shape that broadcasting, or a learned array, gives them.

    python tools/fuzz_model_files.py 4000 [seed]

runs these after the hostile ones. Such a file is what somebody would write who knows the format well: its checksums
and its declared shapes fit, so that it loads, and the operation's kernel meets operands that no layer gives it. Each
is loaded, asked for predictions by both engines, and trained for two steps by both, in either precision and with one
thread or three; what they give must agree. The cases are those of the tests (tests/engines/variants.py), changed once
or twice.
"""

import contextlib
import random
import sys
import warnings
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "rules"), str(TESTS / "engines"), str(Path(__file__).parent)]


def choose(variants, rng, generator):
    """(operation, case) by chance, of some rows and widths; (operation, None) where there is no such variant."""
    import numpy as np

    _, name, make = rng.choice(variants)
    n, k = rng.choice([2, 5, 7]), rng.choice([1, 2, 3, 4, 17])
    case = None
    with contextlib.suppress(ValueError, IndexError):  # of a width that the variant cannot have
        case = make(generator, n, k)
    if case is not None and rng.random() < 0.3:  # and one more operand of another shape
        place = rng.randrange(len(case.inputs))
        x = case.inputs[place]
        if x is not None and x.ndim > 1:
            axis = rng.randrange(1, x.ndim)
            new = (*x.shape[:axis], rng.choice([0, 1, 2, x.shape[axis] + 1]), *x.shape[axis + 1 :])
            inputs = list(case.inputs)
            inputs[place] = np.resize(x, new)
            case.inputs = tuple(inputs)
    return name, case


def use(model, path, dtype, threads):
    """Save, load, predict and train; how far it came. Errors that are not ours come out, unequal results too."""
    import numpy as np
    from around import uneven

    import cutaway as ct
    from cutaway.errors import CutawayError

    X, outcome = model.data(), []
    try:
        ct.save(model, path, input=X)
    except CutawayError:
        return "refused by save"
    try:
        loaded = [ct.load(path).astype(dtype) for _ in range(2)]
    except CutawayError:
        return "refused by load"
    try:
        made = [net.predict(X, engine=engine) for net, engine in zip(loaded, ("cpu", "reference"), strict=True)]
    except CutawayError:
        return "refused by predict"
    compare("predictions", *made, dtype)
    for net, engine in zip(loaded, ("cpu", "reference"), strict=True):
        try:
            program = ct.compile(net, uneven, ct.optim.SGD(0.01), batch_size=4, input=X, target=np.zeros(model.n),
                                 engine=engine, threads=threads)
            program.feed(X, np.zeros(model.n))
            program.run(steps=2)
        except CutawayError as error:
            outcome.append(type(error).__name__)
    if outcome:
        assert len(outcome) == 2, f"only one engine trains it: {outcome}"
        return "predicted, training refused"
    compare("weights", *(net.theta for net in loaded), dtype)
    return "predicted and trained"


def compare(what, a, b, dtype):
    import numpy as np

    finite = np.isfinite(b)
    size = max(1.0, float(np.abs(b[finite]).max(initial=0)))
    close = np.abs(np.where(finite, a - b, 0)) <= (2e-3 if dtype == "float32" else 1e-8) * size
    same = np.all(close & (np.isfinite(a) == finite))
    assert same, f"{what} differ between the engines: {a.ravel()[:5]} {b.ravel()[:5]}"


def one(number, seed, variants, path):
    """What came of file `number` of a seed: of the first variant by chance that its rule takes."""
    import numpy as np
    from around import Around

    import cutaway as ct
    from cutaway.errors import CutawayError

    rng, generator = random.Random(f"{seed} {number}"), np.random.default_rng([seed, number])
    ct.seed(number)
    with np.errstate(all="ignore"):
        while True:
            name, case = choose(variants, rng, generator)
            with contextlib.suppress(CutawayError, IndexError, AttributeError):  # it or the network around it breaks
                model = Around(name, case)
                model.predict(model.data(), engine="reference")
                break
        return use(model, path, rng.choice(["float32", "float64"]), rng.choice([1, 3]))


def work(folder, first, last, seed):
    """A process that uses files first..last, and says so line by line."""
    import resource

    from fuzz_model_files import LIMIT
    from variants import every_variant

    warnings.filterwarnings("ignore", ".*has no CPU kernel", RuntimeWarning)
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    variants = list(every_variant())
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    for number in range(first, last):
        print(number, "operation", "begins", flush=True)
        try:
            said = one(number, seed, variants, Path(folder, "operation.safetensors"))
        except BaseException as error:
            import traceback

            places = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
            said = f"FOUND {type(error).__name__}: {str(error)[:200]!r} at {' '.join(places)}"
        print(number, "operation", said, flush=True)


if __name__ == "__main__":
    work(sys.argv[2], *map(int, sys.argv[3:6]))
