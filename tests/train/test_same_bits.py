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


def test_another_build_is_compared_case_by_case(tmp_path, monkeypatch, capsys):
    """`--write` and `--against`, with ends made up: which cases differ is named, and another processor is told."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    import same_bits

    def ends(folder, names, off=0.0):
        parts = {f"{name} {k}": np.full(3, float(k)) for name in names for k in (0, 1)}
        return parts | ({"lstm 1": parts["lstm 1"] + off} if "lstm" in names else {})

    try:
        monkeypatch.setattr(same_bits, "trained", ends)
        assert same_bits.write(str(tmp_path / "bits.json")) == same_bits.against(str(tmp_path / "bits.json")) == 0
        assert "the same bits in all 7 cases" in capsys.readouterr().out
        monkeypatch.setattr(same_bits, "trained", lambda folder, names: ends(folder, names, 1e-9))
        monkeypatch.setattr(same_bits.platform, "python_version", lambda: "4.0")
        assert same_bits.against(str(tmp_path / "bits.json")) == 1
        note, *said = capsys.readouterr().out.splitlines()
        assert said == ["DIFFERENT BITS", "lstm: predictions"] and "another versions" in note and "4.0" in note
    finally:
        sys.modules.pop("same_bits")
