"""Cutaway beside its peers: one file a workload family; how a fair run is made, its results, tables and pictures.

`cutaway bench` runs it. A family and `worker.py` import nothing of Cutaway at their top: peers never load it.
"""

FAMILIES = ("mlp", "cnn", "rnn", "update", "predict", "record", "many", "idioms")
