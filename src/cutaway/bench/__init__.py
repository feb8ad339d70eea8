"""Cutaway beside its peers: one file a workload family, everything else here is how a fair run is made.

`cutaway bench` runs it. A family and `worker.py` import nothing of Cutaway at their top: peers never load it.
"""

FAMILIES = ("mlp", "cnn", "rnn", "update", "predict", "many")
