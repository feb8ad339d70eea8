"""What a workbook claims to hold, before calamine reads it: the size of its sheets, and formulas without values."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from ..errors import DataError
from .limits import LONGEST_ELEMENT, MOST_BETWEEN_CELLS, MOST_SHEET_CELLS
from .source_files import most_unpacked

#: The places of cells and rows in the XML of a sheet, r="B2" and r="2", and cells and rows that have none.
PLACE = re.compile(rb"""\br\s{0,9}=\s{0,9}["']([A-Za-z]{1,7})(\d{1,10})["']""")
ROW = re.compile(rb"""<(?:\w{1,20}:)?row\s[^<>]{0,300}?\br\s{0,9}=\s{0,9}["'](\d{1,10})["']""")
NO_PLACE = re.compile(rb"""<(?:\w{1,20}:)?c[\s/>](?![^<>]{0,300}?\br\s{0,9}=)""")
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
DAMAGED = "{} is a damaged workbook ({}): open it in a spreadsheet and save it again."
#: What damaged zip files and XML raise.
DAMAGES = (zipfile.BadZipFile, zlib.error, NotImplementedError, ElementTree.ParseError, EOFError, RuntimeError,
           KeyError, ValueError, IndexError, struct.error)
#: Numbers of the records of .xlsb that begin a row, and that are cells.
XLSB_ROW, XLSB_CELLS, XLSB_SHEET = 0, range(1, 12), 156


@dataclass
class Look:
    """What was seen of each sheet of a workbook: how many cells it would take and has, and the places, (row, column),
    of formulas without a value and of errors, which calamine gives as empty cells of .xlsx."""

    areas: dict[str, tuple[int, int]] = field(default_factory=dict)
    formulas: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    errors: dict[str, set[tuple[int, int]]] = field(default_factory=dict)

    def refuse(self, name: str, path: Path) -> None:
        """Raise DataError for a sheet whose cells lie so far apart that no memory holds what is between them."""
        area, cells = self.areas.get(name, (0, 0))
        if area > max(MOST_SHEET_CELLS, MOST_BETWEEN_CELLS * cells):
            raise DataError(f"{path}: the {cells:,} cells of sheet {name!r} lie so far apart that {area:,} have room "
                            "between them: delete the cell far out, or save the sheet as .csv.")


def looked_at(path: Path) -> Look:
    """Look at a workbook. Raises DataError for what unpacks out of all proportion."""
    if not zipfile.is_zipfile(path):
        return Look()  # .xls holds 65,536 rows of 256 cells at most; what is damaged is for calamine to say
    try:
        with zipfile.ZipFile(path) as book:
            _refuse_bomb(book, path)
            names = set(book.namelist())
            if "content.xml" in names:
                return _ods(book)
            if "xl/workbook.bin" in names:
                return _xlsb(book)
            if "xl/workbook.xml" in names:
                return _xlsx(book)
    except DAMAGES as reason:
        raise DataError(DAMAGED.format(path, reason)) from reason
    raise DataError(f"{path} is a zip file, but no workbook: unpack it, and give a file in it.")


def _refuse_bomb(book: zipfile.ZipFile, path: Path) -> None:
    """Unpack every part, whatever it says of its size, and refuse what is out of proportion."""
    most, count = most_unpacked(path), 0
    for info in book.infolist():
        if info.flag_bits & 1:
            raise DataError(f"{path} is protected by a password: save it without one, or the sheet as .csv.")
        with book.open(info) as part:
            part._left = 1 << 62  # type: ignore[attr-defined]  # what the file says of its size may be a lie
            while block := part.read(2**20):
                count += len(block)
                if count > most:
                    raise DataError(f"{path} unpacks to more than {most:,} bytes: hardly a workbook. If it is one, "
                                    "save the sheet as .csv.")


def _xlsx(book: zipfile.ZipFile) -> Look:
    look, stale = Look(), b'fullCalcOnLoad="1"' in book.read("xl/workbook.xml")
    for name, part in _sheets(book):
        rows = columns = cells = counted = 0
        found = Formulas()
        for text in _pieces(book, part, b"</row>"):
            places = PLACE.findall(text)
            cells += len(places)
            columns = max([columns, *map(_number, {letters for letters, _ in places})])
            rows = max([rows, *map(int, ROW.findall(text)), *{int(number) for _, number in places}])
            if NO_PLACE.search(text):
                loose = [len(NO_PLACE.findall(row)) for row in text.split(b"</row>")]
                columns, cells = max([columns, *loose]), cells + sum(loose)
            counted += text.count(b"</row>")
            if b"<f" in text or b't="e"' in text:
                found.look(text)
        look.areas[name] = max(rows, counted) * columns, cells
        look.formulas[name], look.errors[name] = found.without_value(stale), found.errors
    return look


class Formulas:
    """The formulas of a sheet, by whether a value stands beside them, and its errors, such as #N/A."""

    def __init__(self) -> None:
        self.blank: set[tuple[int, int]] = set()
        self.zeros: set[tuple[int, int]] = set()
        self.others: set[int] = set()
        self.errors: set[tuple[int, int]] = set()

    def look(self, text: bytes) -> None:
        for cell in text.split(b"</c>"):
            inside = cell[max(cell.rfind(b"<c "), 0):]
            if (b"<f" not in inside and b't="e"' not in inside) or not (place := PLACE.search(inside)):
                continue
            at = int(place[2]) - 1, _number(place[1]) - 1
            if b't="e"' in inside:
                self.errors.add(at)
                continue
            value = re.search(rb"<v>([^<]*)</v>", inside)
            if value is None or not value[1]:
                if b't="str"' not in inside:  # the empty text is a value
                    self.blank.add(at)
            elif value[1] == b"0":
                self.zeros.add(at)
            else:
                self.others.add(at[1])

    def without_value(self, stale: bool) -> set[tuple[int, int]]:
        """The places without a value. stale: the writer asks for calculation when the file is opened, as one does that
        calculates nothing and writes 0 beside each formula."""
        return self.blank | {place for place in self.zeros if stale and place[1] not in self.others}


def _sheets(book: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """The names of an .xlsx workbook's sheets and of the parts that hold them."""
    relations = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    there = {name.lower(): name for name in book.namelist()}
    for one in ElementTree.fromstring(book.read("xl/workbook.xml")).iter():
        if one.tag.endswith("}sheet") and (target := targets.get(one.get(RELATION) or "")):
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if part.lower() in there and "worksheets" in part:
                yield one.get("name", ""), there[part.lower()]


def _pieces(book: zipfile.ZipFile, part: str, end: bytes) -> Iterator[bytes]:
    """A part of a workbook, some elements at a time."""
    rest = b""
    with book.open(part) as file:
        while block := file.read(2**20):
            text, between, rest = (rest + block).rpartition(end)
            if between:
                yield text + between
            elif len(rest) > LONGEST_ELEMENT:
                raise ValueError(f"an element of {part} has no end")
    yield rest


def _number(letters: bytes) -> int:
    """The number of a column by its letters: A is 1, AA 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _xlsb(book: zipfile.ZipFile) -> Look:
    look = Look()
    rels = ElementTree.fromstring(book.read("xl/_rels/workbook.bin.rels"))
    targets = {one.get("Id"): "xl/" + one.get("Target", "") for one in rels}
    for kind, about in _records(book.read("xl/workbook.bin")):
        if kind == XLSB_SHEET:
            identity, at = _string(about, 8)
            name, _ = _string(about, at)
            rows = columns = cells = 0
            for kind_of, data in _records(book.read(targets[identity])):
                if kind_of == XLSB_ROW and len(data) >= 4:
                    rows = max(rows, struct.unpack_from("<I", data)[0] + 1)
                elif kind_of in XLSB_CELLS and len(data) >= 4:
                    columns, cells = max(columns, struct.unpack_from("<I", data)[0] + 1), cells + 1
            look.areas[name] = rows * columns, cells
    return look


def _string(data: bytes, at: int) -> tuple[str, int]:
    """A string of a binary part, its length before it, and where it ends."""
    end = at + 4 + 2 * struct.unpack_from("<I", data, at)[0]
    return data[at + 4 : end].decode("utf-16-le"), end


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a binary part: numbers and lengths take seven bits a byte."""
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | data[at] << 7
            at += 1
        length = shift = 0
        for _ in range(4):
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, data[at : at + length]
        at += length


def _ods(book: zipfile.ZipFile) -> Look:
    """The cells that an OpenDocument sheet has when what is repeated in it is written out; empty ends do not count."""
    look, name, rows, columns, widest, empty_rows, cells = Look(), "", 0, 0, 0, 0, 0
    table, row, cell = (f"{{urn:oasis:names:tc:opendocument:xmlns:table:1.0}}{word}" for word in
                        ("table", "table-row", "table-cell"))
    covered = cell.replace("table-cell", "covered-table-cell")
    prefix = table.removesuffix("table")
    pending = 0
    with book.open("content.xml") as file:
        for event, one in ElementTree.iterparse(file, ("start", "end")):
            if event == "start":
                if one.tag == table:
                    name, rows, widest, empty_rows, cells = one.get(f"{prefix}name", ""), 0, 0, 0, 0
                elif one.tag == row:
                    columns = pending = 0
                continue
            if one.tag in (cell, covered):
                times = int(one.get(f"{prefix}number-columns-repeated", "1"))
                if len(one) or any("value" in key or "formula" in key for key in one.attrib):
                    columns, pending, cells = columns + pending + times, 0, cells + 1
                else:
                    pending += times
            elif one.tag == row:
                times = int(one.get(f"{prefix}number-rows-repeated", "1"))
                rows, empty_rows = (rows + empty_rows + times, 0) if columns else (rows, empty_rows + times)
                widest = max(widest, columns)
                one.clear()
            elif one.tag == table:
                look.areas[name] = rows * widest, cells
                one.clear()
    return look
