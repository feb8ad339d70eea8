"""One raw record predicted, as a service does it: a dict with the columns' names in, a number out."""

import numpy as np

from .family import SEED, Competitor, Workload
from .predict import session

WORKLOADS = {w.name: w for w in (
    Workload("record", (16, 4), 1, "regression", 256, "one record of 20 columns, 16 of numbers and 4 of kinds"),
    Workload("record, houses", (), 1, "regression", 256, "one record of the houses, 79 columns"))}
TARGETS = {"record": {"us": 12}, "record, houses": {"us": 40, "before": 200}}
UNIT = "a call"
PROOF = "The mean of the predictions"
TOLERANCE = 1e-2  # Cutaway's builds train each their own network, in 10 epochs
COLD = None
HIDDEN = (64, 32)


def data(work):
    """Columns of numbers and of kinds apart, each with names; kinds are text, a missing one is ""."""
    if work.shape:
        rng, (numbers, kinds) = np.random.default_rng(SEED), work.shape
        X, K = rng.standard_normal((1000, numbers)), rng.integers(0, 5, (1000, kinds))
        y = X @ rng.standard_normal(numbers) + rng.standard_normal((kinds, 5))[np.arange(kinds), K].sum(1)
        words = np.array(["north", "east", "south", "west", "none"])
        names = [np.array([f"{letter}{k}" for k in range(n)]) for letter, n in (("n", numbers), ("k", kinds))]
        return {"numbers": X, "kinds": words[K], "y": y + 10, "number names": names[0], "kind names": names[1]}
    import cutaway as ct

    table, y = ct.datasets.load("houses")
    numbers, kinds = table.select_dtypes("number"), table.select_dtypes(exclude="number")
    return {"numbers": numbers.to_numpy(float), "kinds": kinds.fillna("").to_numpy().astype(str),
            "y": np.asarray(y, float), "number names": np.array(numbers.columns.tolist()),
            "kind names": np.array(kinds.columns.tolist())}


def frame(data):
    import pandas as pd

    kinds = pd.DataFrame(data["kinds"], columns=data["kind names"]).replace("", None)
    return pd.concat([pd.DataFrame(data["numbers"], columns=data["number names"]), kinds], axis=1)


def loss(work, data, result):
    return float(np.mean(result["outputs"]))


def calls(work, predict, given):
    """`train` for a function of one record."""

    def train(epochs, shuffle):
        for _ in range(epochs):
            outputs = [predict(record) for record in given]
        return {"outputs": np.array(outputs, float).ravel()}

    return train


def records(work, table):
    return [dict(zip(table.columns, row, strict=True)) for row in table[: work.rows].itertuples(index=False)]


# --- each library -------------------------------------------------------------------------------------------------

def cutaway(prepared):
    """`ct.predictor(estimator)` of dicts, or the estimator's `predict` of frames of one row."""

    def prepare(work, data, threads):
        import cutaway as ct

        if prepared and not hasattr(ct, "predictor"):
            raise NotImplementedError
        table = frame(data)
        model = ct.Regressor(list(HIDDEN), epochs=10, random_state=SEED).fit(table, data["y"])
        if prepared:
            return calls(work, ct.predictor(model), records(work, table))
        return calls(work, model.predict, [table[k : k + 1] for k in range(work.rows)])

    return prepare


def pipeline(data):
    """scikit-learn's way: filled and scaled numbers, a column for each kind, its own network."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = frame(data)
    encoded = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), data["number names"].tolist()),
        ("kinds", OneHotEncoder(handle_unknown="ignore", sparse_output=False), data["kind names"].tolist())])
    model = make_pipeline(encoded, MLPRegressor(hidden_layer_sizes=HIDDEN, max_iter=10, random_state=SEED))
    return table, model.fit(table, data["y"])


def sklearn(work, data, threads):
    table, model = pipeline(data)
    return calls(work, model.predict, [table[k : k + 1] for k in range(work.rows)])


def onnx_by_hand(work, data, threads):
    """What a careful programmer writes: a dict of places, numbers scaled one by one, the network by ONNX Runtime."""
    table, model = pipeline(data)
    encoded, network = model[0], model[-1]
    (fill, scale), kinds = encoded.named_transformers_["numbers"], encoded.named_transformers_["kinds"]
    numbers = list(zip(data["number names"].tolist(), fill.statistics_.tolist(), scale.mean_.tolist(),
                       (1 / scale.scale_).tolist(), strict=True))
    names = data["kind names"].tolist()
    pairs = [(name, kind) for name, own in zip(names, kinds.categories_, strict=True) for kind in own]
    place = {pair: len(numbers) + k for k, pair in enumerate(pairs)}
    run = session([(W.T, b) for W, b in zip(network.coefs_, network.intercepts_, strict=True)], threads)

    def predict(record):
        x = np.zeros((1, len(numbers) + len(place)), np.float32)
        row = x[0]
        for k, (name, usual, mean, by) in enumerate(numbers):
            value = record[name]
            row[k] = ((usual if value != value else value) - mean) * by
        for name in names:
            if (at := place.get((name, record[name]))) is not None:
                row[at] = 1
        return run(x)[0, 0]

    return calls(work, predict, records(work, table))


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway(prepared=False), ours=True),
    Competitor("Cutaway, ct.predictor", "Cutaway", "cutaway", cutaway(prepared=True), ours=True),
    Competitor("scikit-learn, a pipeline", "scikit-learn", "sklearn", sklearn, trains=False),
    Competitor("ONNX Runtime, encoded by hand", "ONNX Runtime", "onnxruntime", onnx_by_hand, trains=False),
]
