"""ONNX files in: a graph that another library wrote as a network that predicts, trains and can be looked into."""
