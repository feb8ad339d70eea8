"""ONNX: trained networks and estimators as files that run without Python, or with ONNX Runtime alone."""

from .export import OnnxFile, Port, export
from .operations import ROWS, WITHOUT, Site

__all__ = ["ROWS", "WITHOUT", "OnnxFile", "Port", "Site", "export"]
