"""Models in MLflow: logged, loaded and served as what they are, a file that runs no code when it is read.

    import cutaway.mlflow
    with mlflow.start_run():
        model = ct.Classifier(callbacks=[ct.callbacks.MLflow()]).fit(X, y)
        cutaway.mlflow.log_model(model, name="moons")

`mlflow.pyfunc.load_model` and MLflow's servers then predict with it. Needs the package mlflow:
pip install "cutaway[mlflow]".
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ArgumentError
from .estimators import Classifier, Regressor
from .extras import needed
from .files import load, save
from .nn import Module

__all__ = ["FLAVOR_NAME", "load_model", "log_model", "save_model", "signature_of"]

FLAVOR_NAME = "cutaway"
FILE = "model.safetensors"
PROBABILITIES = "probabilities"  # the parameter of predict that asks for them


def save_model(model: Any, path: Any, mlflow_model: Any = None, signature: Any = None, input_example: Any = None,
               pip_requirements: list[str] | None = None, metadata: dict[str, Any] | None = None) -> None:
    """Save a network or estimator as an MLflow model: a new folder, with a flavour of its own and that of pyfunc.

    signature: made of the columns (`signature_of`) unless given. pip_requirements: this version of Cutaway unless
    given. The other arguments are MLflow's. Raises what `ct.save` raises, for what no file can hold.
    """
    from . import __version__

    mlflow = _mlflow()
    described = mlflow.models.Model() if mlflow_model is None else mlflow_model
    described.signature = signature_of(model) if signature is None else signature
    described.add_flavor(FLAVOR_NAME, model=f"data/{FILE}", cutaway_version=__version__)
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder, FILE))
        mlflow.pyfunc.save_model(
            path, loader_module="cutaway.mlflow", data_path=str(Path(folder, FILE)), mlflow_model=described,
            signature=None if input_example is None else described.signature,  # which compares both, and else warns
            input_example=input_example, pip_requirements=pip_requirements or [f"cutaway=={__version__}"],
            metadata=metadata)


def log_model(model: Any, name: str = "model", signature: Any = None, input_example: Any = None,
              pip_requirements: list[str] | None = None, metadata: dict[str, Any] | None = None,
              registered_model_name: str | None = None, **how: Any) -> Any:
    """Log a network or estimator as an MLflow model of the active run, or of none; gives MLflow's ModelInfo.

    `how`: MLflow's own, as for its other flavours: params, tags, step and the like. The rest is `save_model`'s.
    """
    return _mlflow().models.Model.log(
        artifact_path=None, name=name, flavor=sys.modules[__name__], model=model, signature=signature,
        input_example=input_example, pip_requirements=pip_requirements, metadata=metadata,
        registered_model_name=registered_model_name, **how)


def load_model(model_uri: str) -> Any:
    """Load the network or estimator itself, not a pyfunc around it, from MLflow's URI of it or a folder.

    Loading never runs code from the file. Raises ArgumentError for a model of another flavour.
    """
    mlflow = _mlflow()
    folder = mlflow.artifacts.download_artifacts(artifact_uri=str(model_uri))
    flavors = mlflow.models.Model.load(folder).flavors
    if FLAVOR_NAME not in flavors:
        raise ArgumentError(f"{model_uri} is a model of {' and '.join(flavors)}, and not of {FLAVOR_NAME}.")
    return load(str(Path(folder, flavors[FLAVOR_NAME]["model"])))


def signature_of(model: Any) -> Any:
    """The MLflow signature of an estimator; None of a network, which says less of its inputs.

    Of a table: numbers are doubles, which may be gaps, as nothing else in MLflow may, and are cast to it from JSON (a
    frame of whole numbers is: `frame.astype(float)`); dates are datetimes, text is strings; columns of booleans and
    of whole numbers taken for categories take anything. Columns that had gaps in training may be left out. Of an
    array: doubles (n, features); of images and sequences in an array: float32. A Classifier's predict has a
    parameter, probabilities, false unless given.
    """
    mlflow = _mlflow()
    if isinstance(model, Module):
        return None
    if not isinstance(model, Classifier | Regressor):
        raise ArgumentError(f"a {type(model).__name__} has no signature here: give one, signature=mlflow.models."
                            "infer_signature(X, predictions).")
    types, kind, encoder = mlflow.types, model.inputs_, model.encoder_
    if kind.name != "table":
        shape = (-1, *encoder.shape) if kind.name == "images" else (-1, -1, kind.n_in(encoder))
        inputs = types.Schema([types.TensorSpec(np.dtype(np.float32), shape)])
    elif not hasattr(model, "feature_names_in_"):
        inputs = types.Schema([types.TensorSpec(np.dtype(np.float64), (-1, model.n_features_in_))])
    else:
        inputs = types.Schema([
            types.ColSpec(_type(column, types), column.name, required=False if _any(column) else not column.gaps)
            for column in encoder.columns if column.features])
    params = None
    if isinstance(model, Classifier):
        params = types.ParamSchema([types.ParamSpec(PROBABILITIES, types.DataType.boolean, False)])
    return mlflow.models.ModelSignature(inputs, params=params)


def _any(column: Any) -> bool:
    """Whether a column takes more than one of MLflow's types: booleans, or numbers and text as categories."""
    whole = column.kind == "category" and any(level.lstrip("-").isdecimal() for level in column.levels)
    return column.kind == "boolean" or whole


def _type(column: Any, types: Any) -> Any:
    if _any(column):
        return types.schema.AnyType()
    return types.DataType[{"number": "double", "date": "datetime"}.get(column.kind, "string")]


class _Served:
    """What MLflow asks for predictions."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> np.ndarray:
        model = self.model
        if isinstance(model, Module):
            return model.predict(np.asarray(data))
        if hasattr(model, "feature_names_in_") and hasattr(data, "columns"):  # what was left out is a gap
            data = data.reindex(columns=[column.name for column in model.encoder_.columns])
        return model.predict_proba(data) if (params or {}).get(PROBABILITIES) else model.predict(data)


def _load_pyfunc(path: str) -> _Served:
    """What MLflow calls to load a model that it serves; path: the file, or the folder that it is in."""
    return _Served(load(str(Path(path, FILE) if Path(path).is_dir() else path)))


def _mlflow() -> Any:
    mlflow = needed("mlflow", "mlflow", "this")
    for part in ("artifacts", "models", "pyfunc", "types"):
        needed(f"mlflow.{part}", "mlflow", "this")
    return mlflow
