"""Compiled files of estimators: dates, images and sequences go in, intervals and quantiles come out, as `predict` has
them."""

import ctypes
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

CC = pytest.mark.skipif(shutil.which("cc") is None or sys.platform == "win32", reason="no C compiler")
rng = np.random.default_rng(0)
SMALL = {"epochs": 2, "random_state": 0, "threads": 1}
N = 240
SOLD = pd.Series(pd.date_range("1968-11-15 07:30:11.25", periods=N, freq="1041h"))  # before 1970 too, and leap days
PRICE = rng.gamma(2, 50, N) + SOLD.dt.month * 9
SOLD[rng.random(N) < 0.1] = pd.NaT


def called(file, *inputs):
    """What a library's function writes for each row of its inputs, an array an output."""
    function = getattr(ctypes.CDLL(file.path), f"{file.name}_predict")
    given = [np.ascontiguousarray(x, a.dtype).reshape(len(x), -1) for x, a in zip(inputs, file.inputs, strict=True)]
    out = [np.zeros((len(given[0]), *a.shape), a.dtype) for a in file.outputs]
    for k in range(len(given[0])):
        function(*(ctypes.c_void_p(x[k].ctypes.data) for x in (*given, *out)))
    return out


def in_webassembly(file, *inputs):
    """The same by a WebAssembly module, for one row."""
    wasmtime = pytest.importorskip("wasmtime")
    store = wasmtime.Store()
    of = wasmtime.Instance(store, wasmtime.Module.from_file(store.engine, file.path), []).exports(store)
    places = [of[a.name](store) for a in (*file.inputs, *file.outputs)]
    for x, place, a in zip(inputs, places, file.inputs, strict=False):
        of["memory"].write(store, np.ascontiguousarray(x, a.dtype).tobytes(), place)
    of[f"{file.name}_predict"](store, *places)
    read = lambda place, a: of["memory"].read(store, place, place + a.count * np.dtype(a.dtype).itemsize)  # noqa: E731
    return [np.frombuffer(read(place, a), a.dtype).reshape(a.shape)
            for place, a in zip(places[len(inputs):], file.outputs, strict=True)]


def seconds(dates):
    """Seconds since 1970 as the header wants them."""
    whole = dates.to_numpy("datetime64[us]")
    return np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e6)


# ---- dates and intervals ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dated():
    frame = pd.DataFrame({"sold": SOLD.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")})
    return ct.Regressor(network=[8], **SMALL).fit(frame, PRICE), frame


@CC
def test_a_date_goes_in_as_seconds_by_the_clock_of_training_and_an_interval_comes_out(dated, tmp_path):
    model, frame = dated
    assert set(model.encoder_.columns[0].parts) >= {"days", "year", "month", "weekday", "time", "month sin", "time cos"}
    file = ct.export(model, tmp_path / "sold.so", coverage=0.8)
    answer, interval = called(file, seconds(frame.sold.dt.tz_localize(None))[:, None])
    np.testing.assert_allclose(answer[:, 0], model.predict(frame), rtol=1e-5)
    np.testing.assert_allclose(interval[:, 0], model.predict_interval(frame, 0.8), rtol=1e-5)
    header = Path(file.header).read_text("utf-8")
    assert "seconds since 1970-01-01 00:00, by the clock of Europe/Berlin and not by UTC" in header
    assert "between which the target of 0.8 of new rows lies" in header


def test_a_module_of_webassembly_takes_dates_apart_too(dated, tmp_path):
    model, frame = dated
    file = ct.export(model, tmp_path / "sold.wasm", coverage=0.5)
    for k in (0, 77, 201):
        row = frame.iloc[k : k + 1]
        answer, interval = in_webassembly(file, seconds(row.sold.dt.tz_localize(None)))
        np.testing.assert_allclose(answer, model.predict(row), rtol=1e-5)
        np.testing.assert_allclose(interval, model.predict_interval(row, 0.5), rtol=1e-5)


@CC
def test_quantiles_come_out_rising_and_intervals_around_the_outer_ones(tmp_path):
    X = rng.normal(size=(N, 2))
    model = ct.Regressor(network=[4], loss="quantile", quantiles=(0.1, 0.5, 0.8, 0.9), **SMALL).fit(X, PRICE)
    file = ct.export(model, tmp_path / "q.so", coverage=0.8)
    answer, quantiles, interval = called(file, X)
    np.testing.assert_allclose(answer[:, 0], model.predict(X), rtol=1e-5)
    np.testing.assert_allclose(quantiles, model.predict_quantiles(X), rtol=1e-5)
    np.testing.assert_allclose(interval[:, 0], model.predict_interval(X, 0.8), rtol=1e-5)


# ---- images ----------------------------------------------------------------------------------------------------------


@CC
@pytest.mark.parametrize(("kind", "channels", "c"), [("uint8", 3, "uint8_t"), ("float32", 1, "float"),
                                                     ("uint16", 1, "double")])
def test_an_image_goes_in_pixel_by_pixel(kind, channels, c, tmp_path):
    X = (rng.random((40, 6, 5, channels)) * (1 if kind == "float32" else 255)).astype(kind)
    y = np.where(X.mean(axis=(1, 2, 3)) > np.median(X), "light", "dark")
    model = ct.Classifier(network=ct.nn.CNN((6, 5, channels), 1, channels=[3], hidden=[4]), **SMALL).fit(X, y)
    file = ct.export(model, tmp_path / "seen.so")
    assert str(file.inputs[0]).startswith(f"pixels  {c} (6, 5, {channels})  the image, 6 x 5 pixels")
    np.testing.assert_allclose(called(file, X)[0], model.predict_proba(X), atol=1e-6)


# ---- sequences -------------------------------------------------------------------------------------------------------


@CC
@pytest.mark.parametrize("differ", [False, True], ids=["one length", "many"])
def test_a_sequence_goes_in_with_gaps_and_its_length(differ, tmp_path):
    S = rng.normal(size=(30, 7, 3))
    S[rng.random(S.shape) < 0.1] = np.nan
    S[:, :, 1] = 4.0  # says nothing
    lengths = rng.integers(2, 8, 30) if differ else np.full(30, 7)
    lengths[:2] = 7, 2 if differ else 7
    X = ct.Sequences(S, lengths) if differ else S
    model = ct.Classifier(network=ct.nn.Recurrent(4, 5, 1, cell="gru"), **SMALL).fit(X, np.arange(30) % 2)
    file = ct.export(model, tmp_path / "heard.so")
    assert [a.name for a in file.inputs] == ["series", "steps"][: 1 + differ]
    S[np.arange(7) >= lengths[:, None]] = 1e9  # padding is not read
    np.testing.assert_allclose(called(file, S, lengths)[0] if differ else called(file, S)[0],
                               model.predict_proba(X), atol=1e-6)
    if differ:  # lengths that cannot be are cut to those that can
        short, long = (called(file, S[:1], [n])[0] for n in (-5, 99))
        np.testing.assert_array_equal(short, called(file, S[:1], [1])[0])
        np.testing.assert_array_equal(long, called(file, S[:1], [7])[0])
    assert f"not used: {model.encoder_.columns[1].reason}" in Path(file.header).read_text("utf-8")


@CC
def test_a_sequence_can_be_scaled_by_its_own_mean_and_deviation(tmp_path):
    S = rng.normal(size=(30, 6, 2)) * 10.0 ** rng.integers(-3, 4, (30, 1, 2))
    S[:3, :, 0] = 7.0  # where a sequence never changes it is 0
    S[rng.random(S.shape) < 0.1] = np.nan
    model = ct.Classifier(network=ct.nn.Recurrent(4, 3, 1, cell="gru"), **SMALL).fit(S, np.arange(30) % 2)
    model.encoder_ = ct.data.SequenceEncoder(each=True).fit(S)
    file = ct.export(model, tmp_path / "own.so")
    np.testing.assert_allclose(called(file, S)[0], model.predict_proba(S), atol=1e-6)


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_what_cannot_be_promised_is_refused_in_words(dated, tmp_path):
    with pytest.raises(ArgumentError, match="rows held back can promise"):
        ct.export(dated[0], tmp_path / "m.o", coverage=0.99999)
    X = rng.normal(size=(40, 2))
    alone = ct.Regressor(validation=None, **SMALL)
    for model, says in ((ct.Classifier(**SMALL), "is a Classifier"), (alone, "this model has none")):
        with pytest.raises(ArgumentError, match=says):
            ct.export(model.fit(X, np.arange(40) % 2), tmp_path / "m.o", coverage=0.9)
