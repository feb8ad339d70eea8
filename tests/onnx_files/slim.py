"""slim: an .onnx file without what only people who debug an exporter need, such as lines of code with their paths."""

import onnx


def slim(path):
    """Drop stack traces, other metadata and intermediate shapes from a file, in place; nodes and weights stay."""
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input,
                 *model.graph.output, *(node for f in model.functions for node in f.node), *model.functions):
        for field in ("metadata_props", "value_info"):
            if field in part.DESCRIPTOR.fields_by_name:
                part.ClearField(field)
        if "doc_string" in part.DESCRIPTOR.fields_by_name:
            part.ClearField("doc_string")
    onnx.save(model, path)
