#!/usr/bin/env bash
# pandas reads a .csv.zst file that was cut off as if it were whole: fewer rows, a wrong last number, no error, no warning.
#
# Versions: pandas 3.1.1, zstandard 0.25.0, polars 2.1.0, pyarrow 26.0.1 (pinned below).
# Expected: a download that stopped half way is refused, as the same table is when it was packed by gzip ("ended before the
#           end-of-stream marker"), bzip2 or xz, and as polars and pyarrow refuse the very same .zst file.
# Seen:     zstandard's stream reader ends at the cut without a word (its decompress() of whole bytes does raise), and
#           pandas.read_csv on top of it gives the rows up to there. The last row is half a row: its number lost digits.
# Matters:  zstd is what data sets are packed with now. A model is trained on half of the rows, in which one number is
#           off by powers of ten, and nothing ever shows it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    pandas==3.1.1 zstandard==0.25.0 polars==2.1.0 pyarrow==26.0.1 numpy==2.4.6
cat > "$place/cut.py" <<'PYTHON'
import bz2
import gzip
import lzma
import sys
import warnings
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow
import pyarrow.csv
import zstandard

warnings.simplefilter("error")
place = Path(sys.argv[1])
ROWS = 200_000
table = b"n,square\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(ROWS))
print(f"pandas {pd.__version__}, zstandard {zstandard.__version__}, polars {pl.__version__}, pyarrow {pyarrow.__version__}")


def read(reader, name):
    try:
        return reader(place / name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


packers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.ZstdCompressor().compress}
for ending, pack in packers.items():
    packed = pack(table)
    (place / f"whole.csv.{ending}").write_bytes(packed)
    (place / f"cut.csv.{ending}").write_bytes(packed[: len(packed) // 2])
    assert len(pd.read_csv(place / f"whole.csv.{ending}")) == ROWS
    got = read(pd.read_csv, f"cut.csv.{ending}")
    print(f"pandas, cut.csv.{ending}:", f"{len(got):,} of {ROWS:,} rows" if isinstance(got, pd.DataFrame) else got)
    assert isinstance(got, pd.DataFrame) == (ending == "zst"), "pandas treats cut files alike now"
last = got.iloc[-1]
print(f"its last row: n = {int(last['n'])}, square = {int(last['square'])}, where {int(last['n']) ** 2} was written")
assert len(got) < ROWS
assert (got["n"] ** 2 == got["square"])[:-1].all()
assert last["n"] ** 2 > 9 * last["square"]
for name, reader in {"polars": pl.read_csv, "pyarrow": pyarrow.csv.read_csv}.items():
    refused = read(reader, "cut.csv.zst")
    print(f"{name}, cut.csv.zst:", refused)
    assert isinstance(refused, str)
PYTHON
"$place/venv/bin/python" "$place/cut.py" "$place"
