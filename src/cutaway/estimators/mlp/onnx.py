"""How skl2onnx converts the drop-ins: by its converters of scikit-learn's networks, of which ours have the attributes.

It asks a model that it does not know for `onnx_parser`, `onnx_shape_calculator` and `onnx_converter`; only then is it
imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError

ACTIVATIONS = ("identity", "logistic", "relu", "tanh")


class Convertible:
    """What a drop-in tells skl2onnx about itself."""

    def onnx_parser(self) -> None:
        """Register this class with skl2onnx, which goes on as with scikit-learn's own."""
        from skl2onnx import update_registered_converter

        options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}
        classifies = hasattr(self, "classes_")
        update_registered_converter(type(self), f"Cutaway{type(self).__name__}", self.onnx_shape_calculator(),
                                    self.onnx_converter(), options=options if classifies else None)

    def onnx_shape_calculator(self) -> Callable:
        """Find the shapes of what comes out by skl2onnx's own function."""
        from skl2onnx.common import shape_calculator

        if hasattr(self, "classes_"):
            return shape_calculator.calculate_linear_classifier_output_shapes
        return shape_calculator.calculate_linear_regressor_output_shapes

    def onnx_converter(self) -> Callable:
        """Convert as skl2onnx does scikit-learn's network. Raises ArgumentError for what such a network cannot be."""
        return _convert


def _convert(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.operator_converters import multilayer_perceptron as theirs

    mlp = operator.raw_operator
    if mlp.activation not in ACTIVATIONS or mlp.out_activation_ == "exp" or len(mlp._gaps.columns):
        lack = (
            "gaps (NaN) among its inputs" if len(mlp._gaps.columns)
            else "loss='poisson'" if mlp.out_activation_ == "exp" else f"activation={mlp.activation!r}"
        )
        raise ArgumentError(
            f"skl2onnx converts networks as scikit-learn has them, and this {type(mlp).__name__} has {lack}: use one "
            f"of the activations {', '.join(ACTIVATIONS)}, another loss, and fill gaps before it in a pipeline."
        )
    several = hasattr(mlp, "classes_") and mlp._label_binarizer.y_type_.startswith("multilabel")
    if hasattr(mlp, "classes_") and not several:
        theirs.convert_sklearn_mlp_classifier(scope, operator, container)
        return
    kind = theirs.guess_proto_type(operator.inputs[0].type)
    kind = kind if kind == theirs.onnx_proto.TensorProto.DOUBLE else theirs.onnx_proto.TensorProto.FLOAT
    y = theirs._predict(scope, operator.inputs[0].full_name, container, mlp, proto_dtype=kind)
    if several:  # theirs takes two labels for two classes
        labels, probabilities = (out.full_name for out in operator.outputs)
        found = scope.get_unique_variable_name("found")
        theirs.apply_identity(scope, y, probabilities, container)
        container.add_node("Binarizer", y, found, threshold=0.5, op_domain="ai.onnx.ml")
        theirs.apply_cast(scope, found, labels, container, to=theirs.onnx_proto.TensorProto.INT64)
        return
    theirs.apply_reshape(scope, y, operator.output_full_names, container, desired_shape=(-1, mlp.n_outputs_))
