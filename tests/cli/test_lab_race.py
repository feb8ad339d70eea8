"""cutaway lab race: on digits, on one's own table, and what it refuses."""

import json

SHORT = ("--seeds", "2", "--budget", "2", "--epochs", "2")


def test_a_short_look_prints_and_writes_figures_and_numbers(run, here):
    status, out, err = run("lab", "race", "--quick", "--data", "moons", "--hidden", "8", "--epochs", "2",
                           "--slice", "paths.svg", "-o", "race.svg", "-o", "race.json", "-o", "race.csv")
    kept = json.loads((here / "race.json").read_text())
    assert (status, err) == (0, "")
    assert kept["names"] == ["SGD", "Momentum", "AdaGrad", "RMSProp", "Adam", "AdamW"] and len(kept["seeds"]) == 3
    assert "3 seeds cannot tell 6 apart" in out and "steps  seconds" in out
    assert "Written: paths.svg" in out
    assert "validation loss" in (here / "race.svg").read_text() and "true loss" in (here / "paths.svg").read_text()
    assert (here / "race.csv").read_text().count("\n") == 1 + 6 * 3


def test_ones_own_table_with_words_and_missing_cells(run, here):
    status, out, _ = run("lab", "race", "--data", "table.csv", "--target", "price", "--optimizer", "adamw",
                         "--optimizer", "SGD:0.02", "--hidden", "16", *SHORT, "-o", "race.json")
    kept = json.loads((here / "race.json").read_text())
    assert status == 0 and kept["rates"] == [[0.001, 0.003], [0.02, 0.06]]
    assert "R²" in out and "AdamW" in out
    status, out, _ = run("lab", "race", "--data", "table.csv", "--target", "kind", "--optimizer", "SGD:0.1",
                         "--optimizer", "SGD:0.3", "--by", "accuracy", "--target-loss", "0.8", *SHORT)
    assert status == 0 and "SGD:0.1" in out and "by validation accuracy" in out and "to a training loss of 0.8" in out


def test_what_it_refuses(run, here):
    for wrong, says in (
        (("--optimizer", "Adma"), "did you mean 'Adam'"), (("--optimizer", "Adam:fast"), "give a number above 0"),
        (("--by", "vall_loss"), "did you mean 'val_loss'"), (("--slice", "paths.json"), "must end in .svg"),
        (("--data", "digitz"), "did you mean 'digits'"), (("--data", "table.csv"), "--target"),
        (("--target-loss", "-1"), "give a number above 0"), (("-o", "race.txt"), "must end in"),
    ):
        status, _, err = run("lab", "race", "--quick", *wrong)
        assert status == 2 and says in err, (wrong, err)
