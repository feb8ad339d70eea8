#!/usr/bin/env bash
# pyreadstat gives a number for Stata's plain missing "." in a column of whole numbers that has ".a" too (user_missing=True).
#
# Versions: pyreadstat 1.3.7, pandas 3.1.1, numpy 2.4.6 (pinned below).
# Expected: read_dta(user_missing=True) keeps the letters of Stata's extended missing values (.a to .z), and gives NaN for
#           the plain one, as it does in columns without letters, and as it does without the option.
# Seen:     of a column of whole numbers with a letter in it, the plain missing value is a whole number: 0, or
#           9221120237041090560, which is how NaN's bits read as an integer. No warning. Of fractions beside a letter it is
#           NaN. pandas, which reads the same file with convert_missing=True, has "." in both.
# Matters:  the option is for surveys that tell "refused" (.a) from "not asked" (.). With it, whoever was not asked has an
#           income of 0 or of nine quintillions, and no check of gaps shows it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pyreadstat==1.3.7 pandas==3.1.1 numpy==2.4.6
cat > "$place/missing.py" <<'PYTHON'
import sys
from pathlib import Path

import pandas as pd
import pyreadstat

file = Path(sys.argv[1]) / "survey.dta"
print(f"pyreadstat {pyreadstat.__version__}, pandas {pd.__version__}")
written = pd.DataFrame({"income": [1200, "a", None, 900], "rent": [310.5, "a", None, 470.5], "age": [31.0, 52.0, None, 47.0]})
pyreadstat.write_dta(written, str(file), missing_user_values={"income": ["a"], "rent": ["a"]}, version=14)

plain, _ = pyreadstat.read_dta(str(file))
asked, _ = pyreadstat.read_dta(str(file), user_missing=True)
by_pandas = pd.read_stata(file, convert_missing=True)
names = ["income", "rent", "age"]
print("without the option:", *(plain[name].tolist() for name in names))
print("user_missing=True: ", *(asked[name].tolist() for name in names))
print("pandas:            ", *([str(v) for v in by_pandas[name]] for name in names))
assert plain["income"].isna().tolist() == [False, True, True, False]
assert [str(v) for v in by_pandas["income"]][1:3] == [".a", "."]
assert asked["rent"].tolist()[1] == "a" and pd.isna(asked["rent"].iloc[2]) and pd.isna(asked["age"].iloc[2])
assert asked["income"].tolist()[2] in (0, 9221120237041090560), "the plain missing value is told now"
PYTHON
"$place/venv/bin/python" "$place/missing.py" "$place"
