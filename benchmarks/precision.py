"""Train the same networks in float32 and with precision="bf16", from ten seeds each, and compare where they end.

    python -m benchmarks.precision C CNN houses

C and CNN are the benchmarks' networks on the benchmarks' data (mlp.py, cnn.py), and what is
compared is the mean loss of the last epoch, and the loss on rows held out; houses is ct.Regressor on the house prices
that ship, and its R² on a fifth of the rows. A seed draws the first weights and the order of the batches.
"""

import sys

import numpy as np

import cutaway as ct

from . import cnn, mlp

SEEDS = 10
EPOCHS = {"C": 20, "CNN": 8}


def network(name, seed, precision):
    """The loss where training ended, and on rows held out."""
    family = {"C": mlp, "CNN": cnn}[name]
    work = family.WORKLOADS[name]
    data = family.data(work)
    net = family.cutaway_net(ct.nn, work).init(seed)
    run = ct.fit(net, data["X"], data["y"], loss="cross_entropy", epochs=EPOCHS[name], batch_size=work.batch,
                 optimizer=ct.optim.AdamW(ct.optim.schedules.cosine(1e-3)), seed=seed, validation=0.2, threads=1,
                 precision=precision, progress=False)
    return {"loss": run.history["loss"][-1], "validation loss": run.history["val_loss"].min()}


def houses(name, seed, precision):
    """R² on a fifth of the rows, the same for every seed."""
    X, y = ct.datasets.load("houses")
    learn, test = ct.data.split(len(y), 0.2, seed=0)
    model = ct.Regressor(random_state=seed, precision=precision, threads=1).fit(X.iloc[learn], np.asarray(y)[learn])
    return {"R²": model.score(X.iloc[test], np.asarray(y)[test]), "validation loss": model.history_["val_loss"].min()}


def main(names):
    print("| network | what | float32 | bf16 | difference of the means | spread of float32 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in names:
        ends = {p: [(houses if name == "houses" else network)(name, seed, p) for seed in range(SEEDS)]
                for p in ("float32", "bf16")}
        for what in ends["bf16"][0]:
            one, two = (np.array([end[what] for end in ends[p]]) for p in ("float32", "bf16"))
            each = (f"{a.mean():.5f} ({a.min():.5f} to {a.max():.5f})" for a in (one, two))
            print(f"| {name} | {what} | {' | '.join(each)} | {two.mean() - one.mean():+.5f} | {one.std(ddof=1):.5f} |",
                  flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["C", "CNN", "houses"])
