"""The forms of dates: which words each reads, what a whole column decides, and what is never a date."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.data import TableEncoder
from cutaway.data.date_forms import FORMS, OF_TEXT, DateForm, form_of, read_dates, spell_days
from cutaway.errors import ArgumentError, DataError
from depth import examples

HOT = datetime(2020, 8, 15, 14, 30)
#: form, word -> the moment, by its own clock, and its offset in minutes.
READ = [
    ("iso", "2020-08-15", datetime(2020, 8, 15), None), ("iso", "2020/8/15", datetime(2020, 8, 15), None),
    ("iso", "2023-01", datetime(2023, 1, 1), None), ("iso", " 2020-08-15T14:30 ", HOT, None),
    ("iso", "2020-08-15 2:30 pm", HOT, None), ("iso", "2020-08-15T14:30:00.250Z", HOT + timedelta(seconds=0.25), 0),
    ("iso", "2020-08-15 14:30:00+05:30", HOT, 330), ("iso", "2020-08-15T14:30-08", HOT, -480),
    ("iso", "2020-08-15 14:30 UTC", HOT, 0), ("iso", "2020-8-15 9:05", datetime(2020, 8, 15, 9, 5), None),
    ("mdy", "8/15/2020", datetime(2020, 8, 15), None), ("mdy", "08-15-2020 14:30", HOT, None),
    ("mdy", "8/15/20, 2:30 PM", HOT, None), ("mdy", "8/15/69", datetime(1969, 8, 15), None),
    ("dmy", "15.08.2020", datetime(2020, 8, 15), None), ("dmy", "15/8/2020 14:30:00", HOT, None),
    ("dmy", "15.08.2020 14:30+0200", HOT, 120), ("dmy", "31.12.9999", datetime(9999, 12, 31), None),
    ("named", "Jan 05, 2023", datetime(2023, 1, 5), None), ("named", "5 January 2023", datetime(2023, 1, 5), None),
    ("named", "05-Jan-23", datetime(2023, 1, 5), None), ("named", "05JAN2023", datetime(2023, 1, 5), None),
    ("named", "5th of Sept. 2023", datetime(2023, 9, 5), None), ("named", "May 2023", datetime(2023, 5, 1), None),
    ("named", "Sat, 15 Aug 2020 14:30:00 GMT", HOT, 0), ("named", "August 15th, 2020 at 2:30 p.m.", HOT, None),
    ("compact", "20200815", datetime(2020, 8, 15), None), ("compact", "20200815T143000Z", HOT, 0),
    ("quarter", "2023-Q1", datetime(2023, 1, 1), None), ("quarter", "Q4 2023", datetime(2023, 10, 1), None),
    ("quarter", "2023q2", datetime(2023, 4, 1), None), ("week", "2023-W05", datetime(2023, 1, 30), None),
    ("week", "2023-W05-3", datetime(2023, 2, 1), None), ("week", "2020W53", datetime(2020, 12, 28), None),
    ("time", "14:30", datetime(1970, 1, 1, 14, 30), None), ("time", "2:30 pm", datetime(1970, 1, 1, 14, 30), None),
    ("time", "12 am", datetime(1970, 1, 1), None), ("time", "12:05:07 PM", datetime(1970, 1, 1, 12, 5, 7), None),
    ("year", "2023", datetime(2023, 1, 1), None), ("excel", "44927", datetime(2023, 1, 1), None),
    ("excel", "44927.5", datetime(2023, 1, 1, 12), None), ("excel", "61", datetime(1900, 3, 1), None),
    ("seconds", "1706659200", datetime(2024, 1, 31), 0), ("milliseconds", "1706659200123",
                                                         datetime(2024, 1, 31, 0, 0, 0, 123_000), 0),
]


@pytest.mark.parametrize(("form", "word", "moment", "offset"), READ, ids=[word for _, word, *_ in READ])
def test_a_word_of_a_form_is_this_moment(form, word, moment, offset):
    (found,), (minutes,) = read_dates([word], form)
    assert found == np.datetime64(moment, "us")
    assert minutes == offset or (np.isnan(minutes) and offset is None)


@pytest.mark.parametrize(("form", "word"), [
    ("iso", "2020-02-30"), ("iso", "4711-05"), ("iso", "2020-01-05 25:00"), ("iso", "2020-01/05"),
    ("dmy", "31.02.2020"), ("dmy", "8/15/2020"), ("mdy", "15/8/2020"), ("dmy", "1.5.20"), ("mdy", "1/2-2020"),
    ("named", "31 Feb 2023"), ("named", "Jam 5, 2023"), ("quarter", "2023-Q5"), ("week", "2023-W53"),
    ("week", "2023-W00"), ("time", "24:00"), ("time", "14:30 pm"), ("time", "0 am"), ("time", "12"), ("time", "1:5"),
    ("compact", "20231301"), ("compact", "47110815"), ("excel", "60"), ("excel", "inf"), ("excel", "1e30"),
    ("seconds", "nan"), ("year", "23"), ("iso", "2020-01-05" + " " * 50), ("iso", "٢٠٢٠-٠١-٠١"), ("iso", ""),
])
def test_other_words_are_no_dates_of_it(form, word):
    assert np.isnat(read_dates([word], form)[0][0])


@pytest.mark.parametrize("words", [
    ["1.5.2", "1.5.10", "2.0.0"], ["192.168.1.1", "10.0.0.1"], ["555-1234", "555-9876"], ["030 1234", "030 5678"],
    ["12-34", "10-11", "01-02"], ["3/4", "1/2"], ["10:95", "99:10"], ["A-2020", "B-2021"], ["may", "june"], ["1-2-3"],
    ["4711-05", "4712-11"], ["8/15", "9/30"], ["123-45-6789", "987-65-4321"], ["2020.1", "2021.2"], ["12.5.20"],
])
def test_versions_addresses_phones_and_codes_are_never_dates(words):
    assert form_of(words, np.ones(len(words))) is None
    (column,) = TableEncoder(min_count=1).fit({"when": [*words, "x"], "n": range(len(words) + 1)}).columns[:1]
    assert column.kind != "date"


@pytest.mark.parametrize("numbers", [[2019, 2020, 2021], [44927, 44928, 44929], [1706659200, 1706659260, 1706659999],
                                     [20230115, 20230230, 20230401], [20230115, 20230116], [202301, 202302, 202303]])
def test_numbers_are_numbers_unless_asked_for(numbers):
    assert TableEncoder().fit({"n": numbers}).columns[0].kind == "number"


@pytest.mark.parametrize("cells", [[20230115, 20230228, 20240229], [20230115.0, None, 20230228, 20240229],
                                   ["20230115", "n/a", "20230228", "20240229"]], ids=["whole", "gap", "text"])
def test_whole_numbers_that_all_spell_days_are_dates(cells):
    (column,) = TableEncoder().fit({"n": cells}).columns
    assert (column.kind, column.form, column.first) == ("date", "compact", "2023-01-15T00:00:00")


def test_what_spells_days_is_looked_at_number_by_number():
    days = np.array([float((date(1990, 1, 1) + timedelta(days=i)).strftime("%Y%m%d")) for i in range(0, 20_000, 7)])
    assert spell_days(days) and not spell_days(np.append(days, 20230431.0)) and not spell_days(days + 0.5)


@pytest.mark.parametrize(("words", "form", "unsure"), [
    (["01/02/2020", "8/15/2020"], "mdy", False), (["01/02/2020", "15/08/2020"], "dmy", False),
    (["01.02.2020", "03.04.2020"], "dmy", True), (["01/02/2020", "03/04/2020"], "mdy", True),
    (["1-2-2020"], "dmy", True), (["2020-01-02", "2020-03"], "iso", False),
    (["5 May 2020", "May 6, 2021"], "named", False),
])
def test_the_whole_column_decides_the_form(words, form, unsure):
    assert form_of(words, np.ones(len(words))) == DateForm(form, unsure)


def test_nearly_all_cells_of_a_form_are_enough_and_the_rest_are_gaps_that_a_note_names():
    cells = [f"{1 + i % 12}/{13 + i % 15}/2020" for i in range(99)] + ["15/8/2020"]
    encoder = TableEncoder().fit({"when": cells})
    assert (encoder.columns[0].form, encoder.columns[0].words) == ("mdy", ["15/8/2020"])
    assert "'15/8/2020' are taken for gaps" in encoder.notes()[0]
    assert form_of(cells, np.where(np.arange(100) < 99, 1, 90)) is None


def test_where_day_and_month_cannot_be_told_apart_a_note_says_so_and_asks():
    cells = {"when it was": ["03/04/2020", "05/06/2020", "05/06/2021"]}
    encoder = TableEncoder().fit(cells)
    assert encoder.notes() == ["when it was: no cell tells day from month, and the month is taken to come first; "
                               "--column 'when it was'=date:dmy takes the day first"]
    asked = TableEncoder(kinds={"when it was": "date:dmy"}).fit(cells)
    assert asked.notes() == [] and asked.columns[0].first == "2020-04-03T00:00:00"
    assert asked.columns[0].how.startswith("day first, since 2020-04-03: days") and asked.columns[0].asked


@pytest.mark.parametrize(("numbers", "form"), [
    ([44927, 45000.5], "excel"), ([2019, 2021], "year"), ([20230115, 20230116], "compact"),
    ([1706659200, 1706659260], "seconds"), ([1706659200000, 1706659260000], "milliseconds"),
])
def test_numbers_asked_to_be_dates_are_what_their_range_says(numbers, form):
    assert TableEncoder(kinds={"n": "date"}).fit({"n": numbers}).columns[0].form == form


def test_numbers_that_may_be_anything_are_asked_about():
    with pytest.raises(DataError, match=r"Column 'n' holds numbers such as '5', .*say what they count, date:excel"):
        TableEncoder(kinds={"n": "date"}).fit({"n": [5, 44927]})


def test_a_form_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(ArgumentError, match=r"kinds\['n'\] is 'date:ydm': choose one of date, date:iso \(2024-01-31\), "
                                            r"date:dmy \(31/01/2024\)"):
        TableEncoder(kinds={"n": "date:ydm"})


def test_a_cell_that_the_form_asked_for_does_not_read_is_named():
    with pytest.raises(DataError, match=r"row 1 .*'8/15/2020' is not a date like 31/01/2024 \(day first\)"):
        TableEncoder(kinds={"when": "date:dmy"}).fit({"when": ["1/2/2020", "8/15/2020"]})


@settings(max_examples=examples(80), deadline=None)
@given(word=st.text(st.sampled_from("0123456789-/.: TtZzWQq+,apmJanMy٣\x00"), max_size=45),
       form=st.sampled_from(list(FORMS)))
def test_no_word_breaks_a_form(word, form):
    dates, offsets = read_dates([word], form)
    assert dates.shape == offsets.shape == (1,)
    form_of([word], np.ones(1), tuple(FORMS))


WRITE = {
    "iso": lambda t: t.isoformat(), "dmy": lambda t: t.strftime("%d.%m.%Y %H:%M:%S.%f"),
    "mdy": lambda t: t.strftime("%m/%d/%Y %I:%M:%S.%f %p"), "named": lambda t: t.strftime("%a, %d %b %Y %H:%M:%S.%f"),
}


@settings(max_examples=examples(30), deadline=None)
@given(moments=st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2199, 1, 1)), min_size=1, max_size=9),
       form=st.sampled_from(list(WRITE)), hours=st.none() | st.integers(-12, 14))
def test_random_moments_in_each_form_are_read_as_they_were(moments, form, hours):
    offset = "" if hours is None else f"{'-' if hours < 0 else '+'}{abs(hours):02}:00"
    words = [WRITE[form](moment) + (offset if " " in WRITE[form](moment) or "T" in WRITE[form](moment) else "")
             for moment in moments]
    dates, minutes = read_dates(words, form)
    assert dates.tolist() == moments
    assert np.isnan(minutes).all() if hours is None else (minutes == 60 * hours).all()


@pytest.mark.parametrize("form", OF_TEXT)
def test_the_example_of_a_form_is_read_by_it(form):
    assert not np.isnat(read_dates([FORMS[form][2]], form)[0][0])


def test_seconds_since_1970_are_moments_of_utc():
    (found,), _ = read_dates([str(int(datetime(2024, 1, 31, tzinfo=UTC).timestamp()))], "seconds")
    assert found == np.datetime64("2024-01-31")
