"""Cutaway beside its peers: one file a workload family, everything else here is how a fair run is made."""
