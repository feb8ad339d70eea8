"""Names in figures are drawn as they are: no formula, no broken file, and the file is written whole."""

from xml.etree import ElementTree

import pytest

from cutaway.drawing.charts import chart, legend, style
from cutaway.drawing.sheet import Sheet
from cutaway.errors import FileError

NAMES = ["$\\frac{$", "$x$", "a\x1b[31mb", "a\x00b", "</text><script>alert(1)</script>", "\ud800",
         "%s {0} & ' \"", "\\$5$"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_any_name_is_drawn_as_text(tmp_path, name, ending):
    sheet = Sheet(5, 4)
    sheet.title(name, name)
    axes = chart(sheet, 1, 1, 3, 2, name, name, name, log="y")
    axes.plot([1, 2], [1e-6, 1e9], label=name, **style(0))
    legend(axes)
    path = tmp_path / f"f.{ending}"
    sheet.saved(path)
    assert path.stat().st_size > 1000
    if ending == "svg":
        text = [element.text for element in ElementTree.parse(path).iter() if element.tag.endswith("}text")]
        shown = name.encode("unicode_escape").decode() if {"\x1b", "\x00", "\ud800"} & {*name} else name
        assert text.count(shown) == 6
        assert {"10⁵", "10⁹"} <= {*text}


def test_a_figure_that_cannot_be_written_leaves_the_old_file(tmp_path):
    sheet = Sheet(2, 2)
    (tmp_path / "f.png").write_bytes(b"old")
    (tmp_path / "f.png").chmod(0o444)
    with pytest.raises((FileError, ValueError)):
        sheet.saved(tmp_path / "f.nonsense")
    with pytest.raises(FileError):
        sheet.saved(tmp_path / "nowhere" / "f.png")
    assert [path.name for path in tmp_path.iterdir()] == ["f.png"] and (tmp_path / "f.png").read_bytes() == b"old"
