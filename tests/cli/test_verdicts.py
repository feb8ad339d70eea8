"""What makes a score doubtful, or whom it does not see, is said in the terminal, on the page and with --quiet."""

import io
import re
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.cli import main
from cutaway.estimators import honest, rivals

rng = np.random.default_rng(0)


def words(text):
    return " ".join(text.split())


@pytest.fixture
def births(tmp_path, monkeypatch):
    """Whether a child weighs less than 2,500 g, with the weight among the inputs."""
    monkeypatch.chdir(tmp_path)
    weight = rng.normal(2940, 730, 189).round()
    frame = {"low": (weight < 2500).astype(int), "age": rng.integers(14, 45, 189), "smokes": rng.integers(0, 2, 189),
             "birth weight": weight}
    pd.DataFrame(frame).to_csv("births.csv", index=False)
    return tmp_path


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A folder with parcels.csv, parcels of which few are late, more of them where `a` is high; late.safetensors, which
    has learnt which; its report, r.html; and said.txt, what `fit` said."""
    place = tmp_path_factory.mktemp("parcels")
    a = rng.normal(size=3000)
    late = rng.random(3000) < 0.03 * np.exp(a) / 1.6
    frame = {"a": a, "b": rng.normal(size=3000), "y": np.where(late, "late", "on time")}
    pd.DataFrame(frame).to_csv(place / "parcels.csv", index=False)
    with redirect_stdout(io.StringIO()) as out:
        assert main(["fit", str(place / "parcels.csv"), "-t", "y", "--epochs", "8", "--hidden", "16", "--split",
                     "random", "--report", str(place / "r.html"), "-o", str(place / "late.safetensors")]) == 0
    (place / "said.txt").write_text(out.getvalue(), encoding="utf-8")
    return place


@pytest.fixture
def parcels(learnt, tmp_path, monkeypatch):
    """A folder to work in, with what there is of parcels."""
    monkeypatch.chdir(tmp_path)
    for file in learnt.iterdir():
        (tmp_path / file.name).symlink_to(file)
    return tmp_path


def test_a_leak_is_said_at_the_top_with_the_option_that_takes_it_out_and_named_again_beside_the_score(births, run):
    status, out, _ = run("fit", "births.csv", "-t", "low", "--epochs", 3, "--report", "r.html")
    said = "birth weight alone predicts low nearly without a mistake"
    assert status == 0 and words(out).index(said) < out.index("Design") < words(out).rindex(said)
    assert words(out).count(said.removesuffix(" nearly without a mistake")) == 2
    assert words(out).count("As above: birth weight alone predicts") == 1
    assert words(out).count("no network is needed; if not, it has to go (--drop 'birth weight').") == 1
    assert "(--drop 'birth weight')" in words(out)
    page = (births / "r.html").read_text(encoding="utf-8")
    assert page.index(said) < page.index("<h2>Scores</h2>") and "np.delete" not in page
    assert "--drop &#x27;birth weight&#x27;" in page or "--drop 'birth weight'" in page
    assert said in words(run("fit", "births.csv", "-t", "low", "--epochs", 3, "-q")[1])
    assert "alone predicts" not in run("fit", "births.csv", "-t", "low", "--epochs", 3, "--drop", "birth weight")[1]


def test_rare_classes_are_not_overlooked(parcels, run):
    out = (parcels / "said.txt").read_text(encoding="utf-8")
    said = words(out)
    assert "Neither the network nor the linear model takes a single test row for late" in said
    assert "test rows are 'on time': always answering that has accuracy 0.9" in said and "ROC AUC 0." in said
    assert "--class-weight balanced" in said and "avg. precision" in said
    costs = dict(line.split()[:2] for line in out.partition("what ROC AUC on test rows loses")[2].splitlines()[1:3])
    assert float(costs["a"]) > 0.01
    page = (parcels / "r.html").read_text(encoding="utf-8")
    assert "ROC AUC on rows that neither has seen" in page and "takes a single test row for late" in page
    assert "No sign of: classes never predicted" not in page and "Nothing was found" not in page


def test_weights_of_classes_reach_both_models(parcels, run):
    out = run("fit", "parcels.csv", "-t", "y", "--epochs", 8, "--hidden", 16, "--class-weight", "balanced")[1]
    assert "Neither the network nor the linear model takes" not in words(out)
    assert ct.load("model.safetensors").class_weight == "balanced"
    for target in ("a", "b"):
        status, _, err = run("fit", "parcels.csv", "-t", target, "--class-weight", "balanced")
        assert status == 2 and "--class-weight is for a target of classes" in words(err)


def test_a_threshold_of_ones_own(parcels, run):
    out = run("predict", "late.safetensors", "parcels.csv", "--threshold", "late=0.05")[1]
    found = pd.read_csv(io.StringIO(out))
    assert ((found["prediction"] == "late") == (found["probability_late"] >= 0.05)).all()
    assert 0 < (found["prediction"] == "late").sum() < len(found)
    given = run("evaluate", "late.safetensors", "parcels.csv", "--threshold", "late=0.05")[1]
    assert float(words(given).partition("network ")[2].split()[1]) > 0.55  # balanced accuracy
    for wrong in ("late", "late=2", "early=0.1", "=0.5"):
        status, _, err = run("predict", "late.safetensors", "parcels.csv", "--threshold", wrong)
        assert status == 2 and "'late', 'on time'" in words(err)


def test_copies_among_the_test_rows(here, run, table):
    pd.concat([table, table.head(120)]).to_csv("twice.csv", index=False)
    out = run("fit", "twice.csv", "-t", "price", "--epochs", 2, "--split", "random")[1]
    assert "test rows are, number for number, among those learnt from" in words(out)
    assert "number for number" not in words(run("fit", "table.csv", "-t", "price", "--epochs", 2)[1])


def test_a_test_part_of_one_class(here, run, table):
    table.loc[table["zone"] == "north"].assign(kind="other").head(20).to_csv("t.csv", index=False)
    status, out, _ = run("fit", "table.csv", "-t", "kind", "--test", "t.csv", "--drop", "price", "--epochs", 2)
    assert status == 0 and "All 20 test rows have kind other" in words(out)


def test_a_forecast_stands_beside_its_season(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    hours = np.arange(900)
    load = 100 + 20 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(0).normal(size=900)
    pd.DataFrame({"load": load}).to_csv("load.csv", index=False)
    status, out, _ = run("fit", "load.csv", "--forecast", "load", "--window", 8, "--epochs", 2)
    assert status == 0 and "the simple one is the value 24 steps before" in words(out)
    assert re.search(r"On the 178 test rows .*the value 24 steps before.* R² 0\.99", words(out))


def test_a_diagnosis_speaks_of_options():
    from cutaway.cli.study import commanded
    from cutaway.inspect import Finding

    changes = {
        "epochs = 40": "--epochs 40", "optimizer = ct.optim.AdamW(0.0001, weight_decay=0.1)": "--lr 0.0001",
        "optimizer = ct.optim.AdamW(ct.optim.schedules.cosine(0.03))": "--lr 0.03", "model.init(0)": "",
    }
    for change, option in changes.items():
        assert commanded(Finding("x", "serious", "", change, "")).command == option


def test_a_forecast_of_many_steps_is_told_in_few_lines(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    hours = np.arange(400)
    load = 100 + 20 * np.sin(2 * np.pi * hours / 12) + rng.normal(size=400)
    pd.DataFrame({"load": load}).to_csv("load.csv", index=False)
    status, out, _ = run("fit", "load.csv", "--forecast", "load", "--window", 12, "--horizon", 24, "--epochs", 1,
                         "--report", "r.html")
    steps = out.partition("Each step ahead")[2].partition("Time")[0].split("\n")
    assert status == 0 and 5 <= sum(line.strip().startswith("load +") for line in steps) <= 8
    assert "the value 12 steps before" in words(out) and "24 steps are forecast" in words(out)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<h1>load, 24 steps ahead" in page and page.count("<svg") == 3
    settings = words(re.sub(r"<[^>]*>", " ", page.partition("Settings and versions")[2]))
    assert "forecast load window 12 horizon 24 test 0.2 epochs 1" in settings


def test_evaluate_says_whom_the_score_does_not_see(parcels, run):
    said = words(run("evaluate", "late.safetensors", "parcels.csv")[1])
    assert "of the given rows are 'on time'" in said and "does not take a single given row for late" in said
    assert "of the test rows are 'on time'" in words(run("inspect", "late.safetensors")[1])


def test_a_column_that_holds_the_future_of_a_forecast(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    load = np.cumsum(rng.normal(size=400))
    frame = {"load": load, "temp": rng.normal(size=400), "load later": 2 * np.r_[load[2:], 0, 0]}
    pd.DataFrame(frame).head(390).to_csv("load.csv", index=False)
    command = ("fit", "load.csv", "--forecast", "load", "--window", 6, "--epochs", 1, "-q")
    assert "load later alone predicts the next load" in words(run(*command)[1])
    assert "alone predicts" not in words(run(*command, "--drop", "load later")[1])


def test_rows_in_the_order_of_time_are_no_test_between_each_other(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    r = np.random.default_rng(0)
    frame = {"t": pd.date_range("2020", periods=400, freq="h"), "a": r.normal(size=400)}
    level = 20 + 9 * np.sin(np.arange(400) / 40) + 0.05 * r.normal(size=400)
    pd.DataFrame({**frame, "y": level}).to_csv("walk.csv", index=False)
    monkeypatch.setattr(honest, "MOST_TIES", 1)
    assert "The test rows are therefore the latest by t" in words(run("fit", "walk.csv", "-t", "y", "--epochs", 1)[1])
    said = words(run("fit", "walk.csv", "-t", "y", "--epochs", 1, "--split", "random")[1])
    assert "t alone predicts y, because the rows are in its order" in said and "(--time t)" in said
    assert "alone predicts" not in words(run("fit", "walk.csv", "-t", "y", "--epochs", 1, "--time", "t")[1])


def test_a_column_that_holds_how_a_series_goes_on(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    load = np.cumsum(np.random.default_rng(0).normal(size=300))
    pd.DataFrame({"load": load, "rise": np.append(np.diff(load), 0)}).to_csv("s.csv", index=False)
    command = ("fit", "s.csv", "--forecast", "load", "--window", 8, "--epochs", 1)
    assert "rise alone predicts the next change of load" in words(run(*command)[1])
    rose = np.append(0, np.diff(load))  # known when the forecast is made
    pd.DataFrame({"load": load, "rose": rose}).to_csv("s.csv", index=False)
    assert "alone predicts" not in words(run(*command)[1])


@pytest.fixture
def patients(tmp_path, monkeypatch):
    """A row a day of sixty patients, a third of them ill, with what was written down at the end."""
    monkeypatch.chdir(tmp_path)
    r = np.random.default_rng(0)
    who = np.repeat(np.arange(60), 9)
    frame = pd.DataFrame({"who": who, "day": np.tile(np.arange(9), 60), "pulse": r.normal(size=540),
                          "ward": r.normal(size=540), "ill": (who % 3 == 0).astype(int)})
    frame["score"] = 2.0 * frame["ill"] - 1
    frame["end"] = np.where(frame["day"] == 8, frame["score"], r.normal(size=540))
    frame.to_csv("days.csv", index=False)
    return frame


def test_a_feature_that_gives_away_what_sequences_are(patients, run):
    command = ("fit", "days.csv", "--id", "who", "--time", "day", "-t", "ill", "--epochs", 1)
    said = words(run(*command)[1])
    assert "score alone predicts ill" in said and "--drop score" in said and "end alone predicts ill" in said
    assert "alone predicts" not in words(run(*command, "--drop", "score", "--drop", "end")[1])


def test_copies_of_sequences_come_without_an_option_that_they_lack(patients, run):
    pd.concat([patients, patients.assign(who=patients["who"] + 60)]).to_csv("twice.csv", index=False)
    command = ("fit", "twice.csv", "--id", "who", "--time", "day", "-t", "ill", "--epochs", 1)
    said = words(run(*command)[1])
    assert "test sequences are, number for number, among those learnt from" in said and "--group" not in said


def test_what_does_not_fit_on_a_line_goes_on_below_its_own_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    from cutaway.cli.terminal import Screen

    Screen().title("Scores", "the linear model is ridge regression; errors in the unit of price")
    assert capsys.readouterr().out == ("\nScores  the linear model is ridge regression; errors in the\n"
                                       "        unit of price\n")


def test_steps_ahead_fit_in_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    from cutaway.cli.sections import steps_ahead
    from cutaway.cli.terminal import Screen
    from cutaway.report.findings import Score

    one = {"R²": 0.5, "RMSE": 1234.5}
    steps_ahead(Screen(), [Score("consumption +1", 100, one, one, one)], "test rows")
    told = capsys.readouterr().out
    assert "…" not in told
    assert re.search(r"R² +R² +R² +RMSE +RMSE +RMSE\n +step +network +linear +simple +network", told)


def test_what_is_not_looked_at_is_said(parcels, run, monkeypatch):
    from cutaway.cli import doubts

    said = words((parcels / "said.txt").read_text(encoding="utf-8"))
    assert "Scores" in said and "are looked for" not in said
    monkeypatch.setattr(doubts, "MOST_COLUMNS", 1)
    monkeypatch.setattr(doubts, "MOST_COMPARED", 100)
    said = words(run("fit", "parcels.csv", "-t", "y", "--epochs", 1)[1])
    assert "leaks are looked for in the first 1 columns" in said
    assert re.search(r"copies of rows to learn from is looked at for the first 100 of these [\d,]+", said)


def test_a_class_said_by_what_mistakes_cost_is_told_and_kept(parcels, run):
    (parcels / "r.html").unlink()
    fit = ("fit", "parcels.csv", "-t", "y", "--epochs", 8, "--hidden", 16, "--positive", "late")
    status, out, _ = run(*fit, "--threshold", "cost=1:20", "--report", "r.html")
    said = words(out)
    assert status == 0 and "late from 0.0476 on a false alarm costs 1, a miss 20" in said
    assert "When is it late?" in said and "never saying 'late' costs" in said and "--threshold late=" not in said
    page = (parcels / "r.html").read_text(encoding="utf-8")
    assert "<h2>When is it late?</h2>" in page and 'class="cut"' in page and "late from 0.0476 on" in page
    assert ct.load("model.safetensors").threshold_ == pytest.approx(1 / 21)
    found = pd.read_csv(io.StringIO(run("predict", "model.safetensors", "parcels.csv")[1]))
    p = found["probability_late"]
    clear = (p - 1 / 21).abs() > 1e-5  # written with six digits
    assert ((found["prediction"] == "late") == (p >= 1 / 21))[clear].all() and (found["prediction"] == "late").any()
    inspected = words(run("inspect", "model.safetensors")[1])
    assert "late from 0.0476 on" in inspected and "When is it late?" in inspected
    given = words(run("evaluate", "model.safetensors", "parcels.csv", "--threshold", "cost=1:4")[1])
    assert "'late' is said from a probability of 0.2 on" in given and "costs" in given
    other = words(run("evaluate", "model.safetensors", "parcels.csv", "--positive", "on time", "--threshold", 0.9)[1])
    assert "When is it on time?" in other


def test_what_a_positive_class_cannot_be(parcels, models, run):
    fit = ("fit", "parcels.csv", "-t", "y", "--epochs", 2, "--hidden", 8, "-q")
    for options, says in (
        (("--threshold", 0.2), "needs --positive LABEL"), (("--positive", "lat"), "Did you mean 'late'?"),
        (("--positive", "late", "--threshold", 1.2), "a probability above 0 and below 1"),
        (("--positive", "late", "--threshold", "cost=1"), "cost=1:20"),
        (("--positive", "late", "--threshold", "cost=1:2", "--class-weight", "balanced"), "leave class_weight out"),
    ):
        status, _, err = run(*fit, *options)
        assert status == 2 and says in words(err)
    status, _, err = run("fit", "parcels.csv", "-t", "a", "--positive", "late")
    assert status == 2 and "--positive is for a target of classes" in words(err)
    for options, says in ((("--positive", "late", "--threshold", "f1"), "chosen when a model is fitted"),
                          (("--positive", "lat"), "Did you mean 'late'?"),
                          (("--threshold", "lat=0.2"), "labels are 'late'"),
                          (("--positive", "late", "--threshold", 0.1, "--threshold", 0.2), "given 2 times")):
        for command in ("predict", "evaluate"):
            status, _, err = run(command, "late.safetensors", "parcels.csv", *options)
            assert status == 2 and says in words(err)
    for options in (("--positive", "late"), ("--threshold", 0.2), ("--threshold", "late=0.2")):
        status, _, err = run("predict", models / "price.safetensors", models / "table.csv", *options)
        assert status == 2 and "the model predicts numbers" in words(err)


def test_many_classes_are_told_by_the_worst_and_the_commonest_mistakes(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(rivals.compare.__kwdefaults__, "rows", 900)
    r = np.random.default_rng(0)
    kind, far = r.integers(0, 60, 900), r.normal(size=(60, 3)) * 3
    frame = pd.DataFrame(far[kind] + r.normal(size=(900, 3)), columns=list("abc"))
    frame.assign(kind=[f"k{k:02}" for k in kind]).to_csv("kinds.csv", index=False)
    status, out, _ = run("fit", "kinds.csv", "-t", "kind", "--epochs", 2, "--preset", "fast", "--report", "r.html")
    said = words(out)
    assert status == 0 and "top-5 accuracy" in said and "ROC AUC" not in said and "always answering" in said
    assert "classes occur among the test rows" in said and "mostly taken for" in said
    assert "Boosting, which grows a tree for each class in every step, is left out." in said
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Commonest mistakes" in page and 'class="confusion' not in page and "top-5 accuracy" in page
    assert "classes occur" in words(run("inspect", "model.safetensors")[1])
