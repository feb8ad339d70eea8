#!/usr/bin/env bash
# DataFrame.to_excel writes OpenDocument to "x.ods", but an Excel workbook, under the same name, to Path("x.ods").
#
# Versions: pandas 3.1.1, odfpy 1.4.1, openpyxl 3.1.5 (pinned below).
# Expected: a str and a pathlib.Path that say the same file write the same format, the one that the ending names, as
#           everywhere else in pandas.
# Seen:     the ending is looked at only where the name is a str. Of a Path the engine is that of .xlsx: the file is a valid
#           workbook of Excel under the name .ods. No warning.
# Matters:  pandas itself reads it back (it looks at the contents), so nothing is noticed where it is written. A reader that
#           goes by the ending, a spreadsheet program or a check of uploads takes it for a broken OpenDocument file.
#           A reader of tables must look at a file's first bytes and its list of parts, not at its name.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 odfpy==1.4.1 openpyxl==3.1.5
cat > "$place/written.py" <<'PYTHON'
import sys
import zipfile
from pathlib import Path

import pandas as pd

place = Path(sys.argv[1])
print(f"pandas {pd.__version__}, Python {sys.version.split()[0]}")
frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def format_of(path):
    with zipfile.ZipFile(path) as parts:
        names = parts.namelist()
        return "Excel" if "xl/workbook.xml" in names else parts.read("mimetype").decode()


frame.to_excel(str(place / "a_str.ods"), index=False)
frame.to_excel(place / "a_path.ods", index=False)
found = {name: format_of(place / name) for name in ("a_str.ods", "a_path.ods")}
print(found)
assert found["a_str.ods"] == "application/vnd.oasis.opendocument.spreadsheet"
assert found["a_path.ods"] == "Excel", "a Path is written as its ending says now"
assert pd.read_excel(place / "a_path.ods").equals(frame)
PYTHON
"$place/venv/bin/python" "$place/written.py" "$place"
