#!/usr/bin/env bash
# pyreadstat writes every moment of a pandas column that counts in seconds as 1970-01-01, for Stata, SPSS and SAS.
#
# Versions: pyreadstat 1.3.7, pandas 3.1.1, numpy 2.4.6 (pinned below).
# Expected: the moments that are in the column, as it writes them from columns that count in milli-, micro- or nanoseconds.
# Seen:     no error, no warning: .dta, .sav and .xpt hold 1970-01-01 00:00:00 in each row; pandas' own reader of Stata's
#           files finds the same there, so it is the writing. Gaps stay gaps.
# Matters:  pandas counts in seconds where dates come from NumPy's days ("datetime64[D]"), from Arrow's and DuckDB's columns
#           of seconds, and from astype("datetime64[s]"). A survey that leaves with its dates comes back with one day.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pyreadstat==1.3.7 pandas==3.1.1 numpy==2.4.6
cat > "$place/moments.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pyreadstat

days = pd.Series(np.array(["2020-02-29", "1999-12-31"], "datetime64[D]"))
print(*(f"{name} {version(name)}" for name in ("pyreadstat", "pandas", "numpy")), "Python", sys.version.split()[0])
print("NumPy's days are in pandas", days.dtype)
assert days.dtype == "datetime64[s]"
ways = {"dta": (pyreadstat.write_dta, pyreadstat.read_dta), "sav": (pyreadstat.write_sav, pyreadstat.read_sav),
        "xpt": (pyreadstat.write_xport, pyreadstat.read_xport)}
for ending, (write, read) in ways.items():
    path = f"{sys.argv[1]}/survey.{ending}"
    for unit in ("s", "ms", "us", "ns"):
        write(pd.DataFrame({"day": days.astype(f"datetime64[{unit}]")}), path)
        found = read(path)[0]["day"].astype(str).tolist()
        print(f"{ending} written from {unit:2}: {found}")
        if unit == "s" and ending == "dta":
            assert pd.read_stata(path)["day"].dt.year.tolist() == [1970, 1970], "the file is right: it is the reader"
        want = ["1970-01-01", "1970-01-01"] if unit == "s" else ["2020-02-29", "1999-12-31"]
        assert [text[:10] for text in found] == want, "seconds are written in another way now"
PYTHON
"$place/venv/bin/python" -W ignore "$place/moments.py" "$place"
