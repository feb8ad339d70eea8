"""`cutaway lab approximation` and `cutaway lab collapse`: what they print, write and refuse."""

import json


def test_a_function_is_fitted_and_the_figure_written(run, here):
    code, out, _ = run("lab", "approximation", "sin(3 * x)", "--quick", "--domain", "-1,1", "-o", "f.svg", "-o",
                       "f.json")
    assert code == 0 and "from 1 to 16 ReLUs in one hidden layer the error falls from" in " ".join(out.split())
    numbers = json.loads((here / "f.json").read_text())
    assert numbers["low"] == [-1] and numbers["shapes"][-1] == [5, 5]
    assert min(numbers["rms"][0]) > 3 * max(numbers["rms"][4])
    assert "<text" in (here / "f.svg").read_text()


def test_two_variables(run, here):
    code, _, _ = run("lab", "approximation", "x * y", "--widths", "4", "--depths", "none", "--seeds", "1", "--steps",
                     "100", "--domain", "0,1,0,2", "-o", "f.json")
    assert code == 0 and json.loads((here / "f.json").read_text())["high"] == [1, 2]


def test_linear_layers_on_moons_and_on_a_file(run, here):
    code, out, _ = run("lab", "collapse", "--quick", "-o", "c.json", "-o", "c.svg")
    assert code == 0 and "4 linear layers score" in out and "are one layer 2 → 2" in " ".join(out.split())
    numbers = json.loads((here / "c.json").read_text())
    assert numbers["collapse"]["difference"]["float64"] < 1e-13
    assert min(numbers["scores"]["4 layers, relu between"]) > max(numbers["scores"]["4 linear layers"])
    code, out, _ = run("lab", "collapse", "--quick", "--data", "table.csv", "--target", "price", "--depth", "2")
    assert code == 0 and "linear regression" in out


def test_mistakes_are_answered(run, here):
    for args, says in (
        (["approximation", "sin(z)"], "there is no 'z'"),
        (["approximation", "__import__('os')"], "__import__"),
        (["approximation", "x", "--widths", "a"], "give numbers with commas"),
        (["approximation", "x", "--domain", "1,2,3"], "domain must be"),
        (["collapse", "--activation", "rleu"], "relu"),
        (["collapse", "--depth", "1"], "greater than or equal to 2"),
    ):
        code, _, err = run("lab", *args, "--quick")
        assert code != 0 and says in " ".join(err.split())
