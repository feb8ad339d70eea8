"""Trains networks in one process with two devices, or in two with one each; test_processes.py runs it."""

import os

import numpy as np
import pandas as pd
from launch import joined, tell

import cutaway as ct
from cutaway.errors import CutawayError
from cutaway.train.feeding import Data
from cutaway.train.past import shuffled

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(103, 6)), RNG.integers(0, 3, 103)


def network():
    return ct.nn.MLP(6, [8], 3, norm="batch", dropout=0.2).init(0)


def trained(net, inputs=X, targets=y, **how):
    how = {"loss": "cross_entropy", "optimizer": ct.optim.Momentum(0.05), "epochs": 2, "batch_size": 32,
           "progress": False, "engine": "xla", "devices": "all"} | how
    return ct.fit(net, inputs, targets, **how)


def own_rows(rank, processes):
    """The same training where one process has 52 rows and the other 51, and by one that has all."""
    each = [slice(0, 52), slice(52, 103)]
    sizes = [[13, 13, 13, 13], [13, 13, 13, 12]]  # of steps
    weight = np.random.default_rng(1).integers(1, 4, 103).astype(float)
    held = np.arange(103) % 3 > 0
    mine = each[rank] if processes > 1 else slice(0, 103)
    net = ct.nn.MLP(6, [8], 3).init(0)

    def order(rows, epoch):  # what the two do together
        orders = [shuffled(rows[part], 0, epoch) for part in each]
        parts = [np.split(one, np.cumsum(size)[:-1]) for one, size in zip(orders, sizes, strict=True)]
        return np.concatenate([one for step in zip(*parts, strict=True) for one in step])

    how = {"own_rows": True} if processes > 1 else {"shuffle": order, "batch_size": 26}
    run = trained(net, X[mine], y[mine], sample_weight=weight[mine], metrics="accuracy",
                  validation=(X[mine][held[mine]], y[mine][held[mine]]), **how)
    columns = run.history.columns()
    return {"own": [net.theta.tolist(), run.steps["loss"].tolist(), columns["loss"].tolist(),
                    columns["val_loss"].tolist(), columns["val_accuracy"].tolist()],
            "fitted": ct.distributed.shared(lambda: [rank, "medians"])}


def parts_of_a_table(rank):
    """Rows of two processes: 150 of two towns, and 110 of a third, whose class the first has never seen."""
    town = np.repeat(["Bern", "Olten", "Thun"], [80, 70, 110])
    table = pd.DataFrame({"town": town, "size": np.random.default_rng(2).normal(50, 9, 260).round(1)})
    mine = slice(0, 150) if rank == 0 else slice(150, 260)
    return table[mine], np.array(["a", "b", "c"])[np.unique(town, return_inverse=True)[1]][mine]


def own_table(rank):
    """A classifier that two processes fit, each on its part, and what it then says of all towns."""
    table, labels = parts_of_a_table(rank)
    model = ct.Classifier([8], epochs=9, batch_size=32, optimizer=ct.optim.AdamW(0.03), engine="xla", devices="all",
                          class_weight="balanced", preset="fast")
    model.fit_own_rows(table, labels)
    asked = pd.DataFrame({"town": ["Bern", "Olten", "Thun"], "size": [50.0, 40.0, 60.0]})
    refused = [said(ct.Classifier(**{"engine": "xla", "devices": "all"} | how).fit_own_rows, table, labels) for how in (
        {"devices": None}, {"exact": True}, {"split": "time"})]
    return {"says": model.predict(asked).tolist(), "probabilities": model.predict_proba(asked).tolist(),
            "temperature": model.temperature_, "rows": model.design_.rows, "factors": model._factors.tolist(),
            "losses": model.history_["val_loss"].tolist(), "refused": refused}


def said(function, *arguments, **how):
    try:
        function(*arguments, **how)
    except CutawayError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def main():
    rank, processes = joined()
    net, heard = network(), []

    def stop(event):
        heard.append(type(event).__name__)
        if isinstance(event, ct.train.EpochEnded) and event.epoch == 2:
            event.run.stop("enough")

    run = trained(net, validation=0.2, epochs=9, callbacks=stop, checkpoint="kept")
    found = {"weights": net.theta.tolist(), "losses": run.steps["loss"].tolist(), "heard": heard,
             "scores": run.history["val_loss"].tolist(), "stopped": run.stopped, "files": len(os.listdir("kept"))}

    np.save(f"x{rank}.npy", X.astype(np.float32))
    taken, rows = [], Data.rows

    def counted(self, index):
        taken.append(len(index))
        return rows(self, index)

    Data.rows = counted
    net = network()
    trained(net, np.load(f"x{rank}.npy", mmap_mode="r"), batch_size=103, epochs=1)
    Data.rows = rows
    found |= {"mapped": net.theta.tolist(), "taken": taken[-1]}

    found |= own_rows(rank, processes)
    net = network()  # neither 90 nor the last 13 rows are parts of equal size
    run = trained(net, batch_size=90, exact=True, optimizer=ct.optim.clip(ct.optim.AdamW(0.01), norm=1.0))
    found["exact"] = [{name: a.tolist() for name, a in net.state_dict().items()}, run.steps["loss"].tolist()]
    if processes > 1:
        found["traced"] = float(run.trace(step=2).J)  # by one process for itself

    if processes > 1:
        found |= {
            "seeds": said(trained, network(), seed=rank),
            "data": said(trained, network(), X + (rank == 1)),
            "rates": said(trained, network(), optimizer=ct.optim.Momentum(0.1 + rank)),
            "four": said(trained, network(), devices=4),
            "one": said(trained, network(), devices=1),
            "columns": said(trained, network(), X[:, :6 - rank], own_rows=True),
            "whose": said(trained, network(), own_rows=rank == 0),
            "filled": said(trained, network(), X[rank:], y[rank:], own_rows=True),
            "both": said(trained, network(), own_rows=True, exact=True),
            "function": said(trained, network(), own_rows=True, shuffle=lambda rows, epoch: rows),
            "several": said(trained, network(), own_rows=True, devices=None),
            "table": own_table(rank),
            "again": said(ct.distributed.start, rank=rank + 1),
            "same": said(ct.distributed.start),
            "bad": said(trained, network(), np.where(rank == 1, np.nan, X)),  # the last: they part
        }
    tell(rank, found)


if __name__ == "__main__":  # whoever collects tests imports it
    main()
