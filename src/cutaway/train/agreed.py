"""What all processes that train one model must agree on before the first step, by the words of a message."""

from __future__ import annotations

from typing import Any

from .checkpoint import Checkpoints, digest


def beginnings(training: Any) -> dict[str, Any]:
    """What the first thing that is computed together depends on."""
    past, model = training.past, training.model
    shapes = {name: part.shape[past.own:] for name, part in past.data.inputs.arrays.items()}
    return {
        "the shape of the data": f"{shapes} for {past.count} rows" if past.own or past.count == len(past.data) else
                                 f"{shapes}, of which {past.count} rows are learnt from",
        "the data": past.digest(model.dtype), "seed": past.seed, "batch_size": past.batch_size,
        "the first weights": digest([(name, p.data.tobytes()) for name, p in model.named_parameters()]),
        "optimizer": f"{past.optimizer!r}",
        "the program": digest([(i.title, i.formula, [v.shape for v in i.written])
                               for i in training.program.instructions]),
        "devices": f"{training.program.engine.devices.count}",
    }


def ways(training: Any) -> dict[str, Any]:
    """All else that a run depends on, and how far it is."""
    return Checkpoints("").settings(training) | {"steps done before": training.program.state.t}
