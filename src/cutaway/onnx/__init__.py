"""ONNX: trained networks and estimators as files that run without Python, and networks from other libraries' files."""

from .export import OnnxFile, Port, export
from .operations import ROWS, WITHOUT, Site
from .reading.load import load_onnx
from .reading.network import OnnxNetwork
from .reading.table import NODES, node
from .reading.values import Fixed, Turned

__all__ = ["NODES", "ROWS", "WITHOUT", "Fixed", "OnnxFile", "OnnxNetwork", "Port", "Site", "Turned", "export",
           "load_onnx", "node"]
