"""Weights by layout, in and out: what PyTorch and Keras made of networks built alike, and what they make of ours.

foreign/ has the files that both wrote, and their answers (foreign_weights.py). Where torch and keras are installed the
same networks are asked live.
"""

import numpy as np
import pytest
from foreign_weights import CASES, file_of, keras_network, torch_answer, torch_network
from safetensors.numpy import load_file, save_file

import cutaway as ct

h5py = pytest.importorskip("h5py")


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def answers(name):
    with np.load(file_of(name, ".answers.npz")) as kept:
        return dict(kept)


@pytest.mark.parametrize("name", CASES)
def test_keras_files_answer_as_keras_did(name):
    net = CASES[name].ours().init(1)
    net.load_state_dict(file_of(name, ".weights.h5"))
    close(net.predict(CASES[name].rows), answers(name)["keras"])


@pytest.mark.parametrize("name", CASES)
def test_pytorchs_state_answers_as_pytorch_did(name):
    net = CASES[name].ours().init(1)
    net.load_state_dict(file_of(name, ".torch.npz"), layout="torch")
    close(net.predict(CASES[name].rows), answers(name)["torch"])


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_safetensors_which_sorts_its_names_goes_in_too(name, tmp_path):
    with np.load(file_of(name, ".torch.npz")) as state:
        save_file({key: state[key] for key in sorted(state.files, reverse=True)}, tmp_path / "net.safetensors")
    net = CASES[name].ours().init(1)
    net.load_state_dict(tmp_path / "net.safetensors", layout="torch")
    close(net.predict(CASES[name].rows), answers(name)["torch"])


def read_h5(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda key, what: found.update({key: what[()]}) if isinstance(what, h5py.Dataset) else None)
    return {key: a for key, a in found.items() if not key.startswith("optimizer")}


@pytest.mark.parametrize("name", CASES)
def test_a_file_for_keras_holds_what_keras_wrote(name, tmp_path):
    net = CASES[name].ours().init(1)
    net.load_state_dict(file_of(name, ".weights.h5"))
    ct.export(net, tmp_path / "net.weights.h5", layout="keras")
    ours, theirs = read_h5(tmp_path / "net.weights.h5"), read_h5(file_of(name, ".weights.h5"))
    assert ours.keys() == theirs.keys()
    for key, a in theirs.items():
        np.testing.assert_array_equal(ours[key], a, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_a_file_for_pytorch_holds_what_pytorch_has(name, tmp_path):
    net = CASES[name].ours().init(1)
    net.load_state_dict(file_of(name, ".torch.npz"), layout="torch")
    ct.export(net, tmp_path / "net.safetensors", layout="torch")
    ours = load_file(tmp_path / "net.safetensors")
    with np.load(file_of(name, ".torch.npz")) as theirs:
        assert ours.keys() == set(theirs.files)
        for key in theirs.files:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


@pytest.mark.parametrize("layout", ["torch", "keras"])
@pytest.mark.parametrize("name", CASES)
def test_out_and_in_again_is_the_same_network(name, layout, tmp_path):
    net, again = CASES[name].ours().init(3), CASES[name].ours().init(4)
    written = ct.export(net, tmp_path / "net.npz", layout=layout)
    again.load_state_dict(tmp_path / "net.npz", layout=layout)
    close(again.predict(CASES[name].rows), net.predict(CASES[name].rows))
    assert str(written).splitlines()[0] == str(tmp_path / "net.npz")


@pytest.mark.parametrize("name", CASES)
def test_pytorch_itself_agrees(name, tmp_path):
    torch = pytest.importorskip("torch")
    case = CASES[name]
    theirs, ours = torch_network(case), case.ours().init(5)
    ours.load_state_dict(theirs, layout="torch")
    close(ours.predict(case.rows), torch_answer(theirs, case))
    other = case.ours().init(6)
    ct.export(other, tmp_path / "net.safetensors", layout="torch")
    state = {key: torch.from_numpy(a.copy()) for key, a in load_file(tmp_path / "net.safetensors").items()}
    theirs.load_state_dict(state, strict=True)
    close(other.predict(case.rows), torch_answer(theirs, case))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras on torch
@pytest.mark.parametrize("name", CASES)
def test_keras_itself_agrees(name, tmp_path):
    pytest.importorskip("keras")
    case = CASES[name]
    theirs = keras_network(case)
    for given in (theirs, theirs.get_weights()):
        ours = case.ours().init(5)
        ours.load_state_dict(given, layout="keras")
        close(ours.predict(case.rows), theirs.predict(case.rows, verbose=0))
    other = case.ours().init(6)
    ct.export(other, tmp_path / "net.weights.h5", layout="keras")
    theirs.load_weights(tmp_path / "net.weights.h5")
    close(other.predict(case.rows), theirs.predict(case.rows, verbose=0))
    theirs.save(tmp_path / "net.keras")
    again = case.ours().init(7)
    again.load_state_dict(tmp_path / "net.keras")
    close(again.predict(case.rows), other.predict(case.rows))
