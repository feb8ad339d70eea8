"""The same training ends with the same bits, whatever process, folder or cache it runs in."""

import sys
from pathlib import Path

import numpy as np

import cutaway as ct


def test_another_process_hash_seed_folder_and_cache_train_to_the_same_bits(monkeypatch, capsys):
    """The short version of `python tools/same_bits.py`."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    from same_bits import main

    try:
        assert main(quick=True) == 0
    finally:
        sys.modules.pop("same_bits")
    *digests, verdict = capsys.readouterr().out.splitlines()
    assert len({line.split()[0] for line in digests}) == 1 and len(digests) == 3
    assert verdict == "the same bits"


def test_another_seed_trains_to_other_bits():
    ends, X = [], np.random.default_rng(0).standard_normal((40, 13))
    for seed in (0, 0, 1):
        net = ct.nn.MLP(13, [8], 1, dropout=0.2).init(0)
        ct.fit(net, X, X[:, 0], epochs=1, seed=seed)
        ends.append(net.theta.tobytes())
    assert ends[0] == ends[1] != ends[2]
