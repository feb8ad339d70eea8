"""The XLA engine beside a scan over an epoch that is written by hand in JAX, and beside the CPU engine:
`cutaway bench --engine xla`.

Both do their epochs on data that lie on the device, and are timed without compiling, which is timed apart: the first
epoch always with it, and whole processes with empty caches and with what the first one left. The limit is the scan
written by hand: both are compiled by the same XLA, from nearly the same operations, so none should be ahead by much.
Expected before it was measured: equal where products count (D, LSTM), a little behind on A, where each call of a kernel
counts, half a microsecond, and the engine also keeps every loss and looks for numbers that are not finite.

What is measured of A to D, the CNN and the LSTM is a program's epochs, with every step's loss. Of 64 models it is all
of `fit_many`: that 64 models are checked and made ready, drawn their orders, and given their histories; the scan by
hand puts the first weights on the device, too, and gives weights and every epoch's losses back.
"""

from dataclasses import replace

import numpy as np

from . import cnn, many, mlp, rnn
from .family import SEED, TRAINED, Competitor
from .peers import DECAY, LR, initial, jax_like, rounding

OF = {name: family for family, names in ((mlp, "ABCD"), (cnn, ["CNN"]), (rnn, ["LSTM-64"]), (many, ["64 A"]))
      for name in names}  # which family has a workload
WORKLOADS = {name: family.WORKLOADS[name] for name, family in OF.items()}
WORKLOADS["64 A"] = replace(WORKLOADS["64 A"], stretch=12)  # a search trains for many epochs
TARGETS = {name: {"JAX": 0.95} for name in WORKLOADS}
UNIT, PROOF = "a step", TRAINED
TOLERANCE = 0.01
COLD = "A"

MOST = 4096  # steps in one call, as `fit` has where a tenth of a second of them is short


def data(work):
    return OF[work.name].data(work)


def loss(work, data, result):
    return OF[work.name].loss(work, data, result)


def here(threads):
    """Let XLA have so many threads, on the CPU if nothing else was said before."""
    import os

    os.environ["NPROC"] = str(threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def cutaway(work, data, threads, engine="xla"):
    """Cutaway's program, epochs in one call as `fit` has them; 64 models by `fit_many`."""
    here(threads)
    if work.models > 1:
        return many_models(work, data, threads, engine)
    import cutaway as ct

    model = OF[work.name].cutaway_net(ct.nn, work)
    model.load_state_dict(initial(data))
    program = ct.compile(model, "mse" if work.task == "regression" else "cross_entropy",
                         ct.optim.AdamW(LR, weight_decay=DECAY), work.batch, data["X"][:2], data["y"][:2],
                         engine=engine, threads=threads, seed=SEED, **rounding(work, ct.compile))
    program.feed(data["X"], data["y"])
    start = program.state.copy()

    def train(epochs, shuffle):
        program.state.put(start)
        rng, at_once = np.random.default_rng(SEED), max(1, MOST // work.steps)
        for done in range(0, epochs, at_once):
            orders = [rng.permutation(work.rows) if shuffle else np.arange(work.rows)
                      for _ in range(min(at_once, epochs - done))]
            program.run(np.concatenate(orders), steps=len(orders) * work.steps)
        return model.state_dict()

    return train


def on_cpu(work, data, threads):
    return cutaway(work, data, threads, "cpu")


def many_models(work, data, threads, engine):
    import cutaway as ct

    models = [mlp.cutaway_net(ct.nn, work) for _ in many.MODELS]

    def train(epochs, shuffle):
        for i, model in enumerate(models):
            model.load_state_dict({name: w[i] for name, w in initial(data).items()})
        ct.fit_many([{"model": model, "X": data["X"], "y": data["y"], "loss": "mse", "epochs": epochs,
                      "batch_size": work.batch, "optimizer": ct.optim.AdamW(lr, weight_decay=DECAY), "seed": seed,
                      "shuffle": shuffle, "engine": engine}
                     for model, (seed, lr) in zip(models, many.MODELS, strict=True)],
                    workers=threads if engine == "cpu" else None, progress=False)
        return many.stacked([model.state_dict() for model in models])

    return train


def by_hand(work, data, threads):
    here(threads)
    if work.models > 1:
        return many.jax_vmap(work, data, threads, losses=True)
    options = {"unfold": True} if work.name == "CNN" else {}
    return jax_like(OF[work.name].jax_net, scan=True, losses=True, **options)(work, data, threads)


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway, ours=True),
    Competitor("JAX by hand", "JAX", "jax", by_hand),
    Competitor("Cutaway, engine cpu", "cpu", "cutaway", on_cpu, ours=True),
]
