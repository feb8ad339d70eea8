"""Bad input: one line that names what is wrong, status 2, no traceback, nothing written."""

import os
import subprocess
import sys

import numpy as np
import pytest

BAD_FILES = {
    "empty.csv": b"", "blank.csv": b"  \n\n", "binary.csv": bytes(range(256)) * 20, "heads.csv": b"a,b\n",
    "ragged.csv": b"a,b\n1,2\n1,2,3\n", "one.csv": b"a,b\n1,2\n", "oneclass.csv": b"a,b\n1,x\n2,x\n3,x\n4,x\n",
    "inf.csv": b"a,b\n1,2.5\n2,inf\n3,4\n4,5\n5,6\n", "nothing.csv": b"a,b\n1,\n2,\n3,\n",
    "constant.csv": b"a,b\n1,2.5\n2,2.5\n3,2.5\n4,2.5\n",
}


def check(result, *said):
    status, out, err = result
    assert status == 2 and out == "", (status, out, err)
    assert err.startswith("error: ") and "Traceback" not in err
    for words in said:
        assert words in err, err


@pytest.mark.parametrize(("name", "said"), [
    ("missing.csv", "no file missing.csv"), ("folder", "folder"), ("empty.csv", "empty"), ("blank.csv", "empty"),
    ("binary.csv", "binary"), ("heads.csv", "no rows"), ("ragged.csv", "line 3"), ("one.csv", "1 row"),
    ("oneclass.csv", "one class"), ("inf.csv", "infinity"), ("nothing.csv", "empty in every row"),
    ("constant.csv", "2.5"),
])
def test_bad_tables(here, run, name, said):
    if name in BAD_FILES:
        (here / name).write_bytes(BAD_FILES[name])
    (here / "folder").mkdir()
    check(run("fit", name, "--target", "b"), name, said)
    assert not (here / "model.safetensors").exists()


@pytest.mark.parametrize(("args", "said"), [
    (["-t", "prise"], ["'prise'", "'price'"]),
    (["-t", "xyzzy"], ["'xyzzy'", "'area'"]),
    (["-t", "price", "--drop", "zon"], ["--drop", "'zone'"]),
    (["-t", "price", "--group", "nobody"], ["--group"]),
    (["-t", "price", "--time", "price"], ["--time"]),
    (["-t", "price", "--time", "zone"], ["time"]),
    (["-t", "price", "--group", "owner", "--time", "sold"], ["--group and --time"]),
    (["-t", "price", "--drop", "price"], ["--drop"]),
    (["-t", "same"], ["same"]),
    (["-t", "empty"], ["'empty'", "empty in every row"]),
    (["-t", "kind", "--task", "regression"], ["kind", "not a number"]),
    (["-t", "price", "--task", "guess"], ["--task"]),
    (["-t", "price", "--loss", "hinge"], ["--loss hinge: for this target give mse, half_mse, mae, huber"]),
    (["-t", "kind", "--loss", "mse"], ["--loss mse: for this target give", "cross_entropy"]),
    (["-t", "kind", "--class-weight", "balancd"], ["'--class-weight': 'balancd': it takes 'balanced', and nothing"]),
    (["-t", "price", "--loss", "cross_entropy"], ["cross_entropy"]),
    (["-t", "price", "--test", "0"], ["--test"]),
    (["-t", "price", "--test", "nan"], ["--test"]),
    (["-t", "price", "--hidden", "64,x"], ["--hidden"]),
    (["-t", "price", "--hidden", "0"], ["--hidden"]),
    (["-t", "price", "--epochs", "0"], ["--epochs"]),
    (["-t", "price", "--epochs", "many"], ["--epochs"]),
    (["-t", "price", "--batch-size", "-1"], ["--batch-size"]),
    (["-t", "price", "--lr", "0"], ["--lr"]),
    (["-t", "price", "--lr", "inf"], ["--lr"]),
    (["-t", "price", "--threads", "0"], ["--threads"]),
    (["-t", "price", "--time-limit", "-3"], ["--time-limit"]),
    (["-t", "price", "--seed", "-1"], ["--seed"]),
    (["-t", "price", "--nonsense"], ["--nonsense"]),
    ([], ["--target"]),
    (["-t", "price", "--out", "nodir/m.safetensors"], ["nodir"]),
    (["-t", "price", "--out", "folder"], ["folder"]),
    (["-t", "price", "--out", "table.csv"], [".safetensors"]),
    (["-t", "price", "--report", "nodir/r.html"], ["nodir"]),
    (["-t", "price", "--report", "folder"], ["folder"]),
    (["-t", "price", "--report", "table.csv"], [".html"]),
])
def test_bad_options(here, run, monkeypatch, args, said):
    (here / "folder").mkdir()
    from cutaway.cli.study import Study

    def never(self, progress):
        raise AssertionError("it trained before it looked at its options")

    monkeypatch.setattr(Study, "train", never)
    before = sorted(os.listdir(here))
    check(run("fit", "table.csv", *args), *said)
    assert sorted(os.listdir(here)) == before


def test_bad_model_files(here, run, models):
    whole = (models / "price.safetensors").read_bytes()
    (here / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    import numpy as np
    from safetensors.numpy import save

    (here / "other.safetensors").write_bytes(save({"w": np.zeros(3, np.float32)}))
    (here / "folder").mkdir()
    for name, said in {"cut.safetensors": "cut short", "other.safetensors": "another program", "folder": "folder",
                       "table.csv": "not a model file", "missing.safetensors": "no such file"}.items():
        for command in (["predict", name, "table.csv"], ["evaluate", name, "table.csv"], ["inspect", name]):
            check(run(*command), name, said)


@pytest.mark.parametrize(("out", "said"), [
    ("table.csv", "would be lost"), ("nodir/p.csv", "nodir"), ("folder", "folder"), ("p.parquet", ".csv"),
])
def test_bad_outputs_of_predict(here, run, models, out, said):
    (here / "folder").mkdir()
    before = (here / "table.csv").read_bytes()
    check(run("predict", models / "price.safetensors", "table.csv", "-o", out), out, said)
    assert (here / "table.csv").read_bytes() == before


def test_bad_tables_for_a_model(here, run, models, table):
    model = models / "price.safetensors"
    check(run("predict", model, "missing.csv"), "missing.csv")
    (here / "bad.csv").write_bytes(BAD_FILES["binary.csv"])
    check(run("predict", model, "bad.csv"), "binary")
    table.astype({"area": object}).assign(area="text").to_csv("words.csv", index=False)
    check(run("predict", model, "words.csv"), "words.csv", "'area'", "line 2")
    check(run("predict", model, "table.csv", "--keep", "nobody"), "--keep")
    check(run("evaluate", model, "table.csv", "-t", "nobody"), "--target")
    check(run("evaluate", model, "table.csv", "-t", "empty"), "empty")
    check(run("evaluate", models / "two.safetensors", "table.csv", "-t", "price"), "2")
    table.assign(kind="unheard of").to_csv("new.csv", index=False)
    check(run("evaluate", models / "kind.safetensors", "new.csv"), "'unheard of'", "not in training")


def test_bad_folders_of_the_demo(here, run):
    check(run("demo", "--out", "table.csv"), "file")
    check(run("demo", "--out", "no/such"), "no folder")


def test_unknown_commands(here, run):
    check(run("fitt"), "fitt")
    assert run("--version")[1].startswith("cutaway 0")
    check(run("lab", "ravin"), "did you mean 'ravine'?")


@pytest.mark.parametrize("command", [[], ["lab"]])
def test_a_command_without_a_word_prints_what_there_is(run, command):
    status, out, err = run(*command)
    assert status == 2 and out == "" and err.startswith("Usage: cutaway") and "Commands:" in err and "error" not in err


def test_help_shows_examples_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom cutaway.cli import main\n"
        "for command in ([], ['fit'], ['predict'], ['evaluate'], ['inspect'], ['demo'], ['lab'], ['lab', 'race']):\n"
        "    main([*command, '--help'])\n"
        "print('heavy:', [m for m in ('pandas', 'sklearn', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""
    assert ended.stdout.count("Example: cutaway") == 7 and "heavy: []" in ended.stdout


def test_python_dash_m_is_the_command_line_and_works_on_a_terminal_without_these_letters(models):
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run([sys.executable, "-m", "cutaway", "inspect", models / "price.safetensors"], env=env,
                           capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == "" and "Scores" in ended.stdout and ended.stdout.isascii()


# ---- lines of the file, and names that are nearly right --------------------------------------------------------------


def test_cells_are_found_by_the_line_of_the_file(here, run, models, table):
    inputs = table.drop(columns=["kind", "big", "far"])
    head, *lines = inputs.astype(str).to_csv(index=False).splitlines()
    lines[5] = lines[5].replace(inputs["area"].astype(str)[5], "wide")
    lines[3] = lines[3].replace(inputs["zone"][3], '"over\ntwo lines"')
    (here / "odd.csv").write_text("\n".join([head, "", *lines]) + "\n")
    check(run("predict", models / "price.safetensors", "odd.csv"), "Column 'area', line 9: 'wide' is not a number")


def test_lines_are_those_of_the_file_in_fit_too(here, run, table):
    table.astype({"area": object}).assign(area=table.area.where(table.nr != 42, np.inf)).to_csv("inf.csv", index=False)
    check(run("fit", "inf.csv", "-t", "price", "--time", "sold"), "Column 'area', line 43, is infinity")
    table.assign(kind=table.kind.where(table.nr != 7, "new")).to_csv("new.csv", index=False)
    run("fit", "table.csv", "-t", "kind", "--drop", "price", "--epochs", 1, "-q", "-o", "k.safetensors")
    check(run("evaluate", "k.safetensors", "new.csv"), "Target, line 8: class 'new' was not in training")


def test_columns_in_other_letters_are_guessed(here, run, models, table):
    table.rename(columns=str.upper).to_csv("upper.csv", index=False)
    check(run("predict", models / "price.safetensors", "upper.csv"), "Did you mean 'nr' by 'NR', 'area' by 'AREA'")


def test_a_target_that_is_not_named_lists_the_columns(here, run, table):
    check(run("fit", "table.csv"), "--target: name the column to predict. table.csv has nr, area, zone",
          "--target price?")


@pytest.mark.parametrize(("text", "said"), [
    ("a,b\n1,2\n# 3,4 left out, so,\n5,6\n", "line 3 looks like a comment"),
    ("a b\n1 2\n3 4\n", "separated by spaces"),
], ids=["comment below", "spaces"])
def test_files_that_are_nearly_tables_are_called_by_their_name(here, run, text, said):
    (here / "odd.csv").write_text(text)
    check(run("fit", "odd.csv", "-t", "b"), "odd.csv", said)
