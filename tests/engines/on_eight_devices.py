"""Trains networks on one, two and eight of JAX's devices, which are virtual here; test_devices.py runs it by itself.

The number of devices must be set before JAX first looks for them. exact: those trainings whose bits are compared.
"""

import json
import re
import sys

import jax
import numpy as np

import cutaway as ct


def networks():
    rng = np.random.default_rng(0)
    table, images = rng.normal(size=(103, 6)), rng.normal(size=(103, 8, 8, 1))
    series = ct.Sequences(rng.normal(size=(103, 7, 3)), rng.integers(1, 8, 103))
    classes = rng.integers(0, 3, 103)
    yield "MLP with batch norm and dropout", ct.nn.MLP(6, [16], 3, norm="batch", dropout=0.2), table, classes
    yield "CNN", ct.nn.CNN((8, 8, 1), 3, (4,)), images, classes
    yield "LSTM of lengths", ct.nn.Recurrent(3, 8, 3, "lstm"), series, classes


def sent(program, X, y):
    """What devices send each other in a step: how many numbers, by XLA's operation."""
    program.feed(X, y)
    compiled, arguments = program.engine._compiled, []

    def called(*given):
        arguments.extend(jax.tree.map(lambda a: a.copy(), given[1:]))
        return compiled(*given)

    program.engine._compiled = called
    program.run(np.arange(32))
    text = compiled.lower(32, *arguments).compile().as_text()
    found = {}
    for shapes, operation in re.findall(r"= (.*?) (all-reduce|all-gather|all-to-all|reduce-scatter|"
                                        r"collective-permute|collective-broadcast)(?:-start)?\(", text):
        sizes = [np.prod([int(n) for n in shape.split(",") if n]) for shape in re.findall(r"\w+\[([0-9,]*)\]", shapes)]
        found[operation] = found.get(operation, 0) + int(sum(sizes))
    return found


def exactly(*among, exact=True):
    """What exact mode finds on different numbers of devices, or what one device finds without it."""
    found, (_, _, X, y) = {}, next(networks())
    for devices in among:
        own = ct.nn.MLP(6, [8], 3, norm="batch", dropout=0.2).init(0)
        ct.fit(own, X[:50], y[:50], loss="cross_entropy", optimizer=ct.optim.Momentum(0.05), epochs=2, batch_size=50,
               progress=False, engine="xla", devices=devices, exact=exact)
        found[f"exact {devices}"] = [float(number) for a in own.state_dict().values() for number in a.flat]
    return found


def as_on_one():
    found = exactly(1, exact=False)
    for name, net, X, y in networks():
        rows, runs = 32 if "MLP" in name else 103, {}
        for devices in (None, 1, 2, 8) if "MLP" in name else (1, 2) if "LSTM" in name else (1, 8):
            own = net.init(0)
            how = {"engine": "reference"} if devices is None else {"engine": "xla", "devices": devices}
            run = ct.fit(own, X, y, loss="cross_entropy", optimizer=ct.optim.Momentum(0.05), epochs=2, batch_size=rows,
                         progress=False, **how)
            runs[str(devices)] = (own.theta.astype(float).tolist(), run.steps["loss"].tolist())
        found[f"{name}, batches of {rows}"] = runs
    _, _, X, y = next(networks())
    own = ct.nn.MLP(6, [8], 3, dropout=0.2).init(0)
    program = ct.compile(own, "cross_entropy", ct.optim.Momentum(0.05), 32, X[:2], y[:2], engine="xla", devices="all")
    found["all"] = program.engine.devices.count
    found["sent"], found["weights"] = sent(program, X, y), own.theta.size
    try:
        ct.fit(own, X, y, loss="cross_entropy", engine="xla", devices=9)
    except ct.errors.ArgumentError as error:
        found["nine"] = str(error)
    return found


def main():
    jax.config.update("jax_num_cpu_devices", 8)
    json.dump(exactly(None, 8) if "exact" in sys.argv else as_on_one(), sys.stdout)


if __name__ == "__main__":  # whoever collects tests imports it
    main()
