"""A drawing of a network as one SVG file: neurons and their weights where they are few, else bands and blocks."""

from __future__ import annotations

import zlib
from os import PathLike
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..files.container import write_whole
from ..files.endings import DRAWING, PRINT, check_ending
from ..files.restored import Restored
from ..shown import Picture, Shown
from ..text import counted
from .network_graph import Node, graph_of
from .operations import any_length, program_of
from .reading import names_of, network_of

FEW = 16  # units that are drawn one by one; of more the first six and the last two
SHOWN = 6, 2
LEVELS = 8  # widths that lines of weights come in
EDGE, GAP, WIDE_GAP, LANE, STACK = 24, 46, 84, 18, 24
MOST_LINES = 5000  # of weights; in a deeper network bands take their place
LETTER, LINE = 6.6, 16  # pixels of a letter and of a line of text

STYLE = """
ID{--paper:#fbfaf7;--text:#1f1e1b;--faint:#5f5c56;--rule:#8d887e;--fill:#ece8df;--above:#b8470b;--below:#2a66a8}
@media (prefers-color-scheme:dark){ID{--paper:#181715;--text:#e9e6df;--faint:#a8a398;--rule:#7d786e;--fill:#35322d;
--above:#f19555;--below:#7fb2ec}}
ID .paper{fill:var(--paper)}ID text{font:12px system-ui,sans-serif;fill:var(--faint);
paint-order:stroke;stroke:var(--paper);stroke-width:3px}ID .map~text,ID .unit~.sign{stroke:none}
ID .name{fill:var(--text);font-weight:600}ID .head{fill:var(--text);font-size:15px;font-weight:600}
ID .sign{fill:var(--text);font-size:14px}ID .mid{text-anchor:middle}ID .end{text-anchor:end}
ID .unit{fill:var(--paper);stroke:var(--text);stroke-width:1.4}ID .map{fill:var(--fill);stroke:var(--rule)}
ID .dots{fill:var(--rule)}ID .band{fill:var(--fill);opacity:.75}
ID .flow{fill:none;stroke:var(--rule);stroke-width:1.4}ID .tip{fill:var(--rule)}
ID .above,ID .below{fill:none;stroke:var(--above)}ID .below{stroke:var(--below)}
"""


def draw(model: Any, path: str | PathLike | None = None, input_shape: Any = None,
         names: list[str] | None = None) -> NetworkDrawing:
    """Draw a network (SVG) from left to right, also written to a file if a path is given.

    >>> import cutaway as ct
    >>> drawing = ct.inspect.draw(ct.nn.MLP(2, [3], 1))
    >>> drawing
    NetworkDrawing(MLP: 13 parameters; input: 2 features; layer1: linear 2 → 3, relu; layer2: linear 3 → 1)
    >>> drawing.svg[:4]
    '<svg'

    Up to 16 neurons a layer are circles, and lines between two such layers are weights: orange above zero, blue below,
    the wider, the larger within their layer. Larger layers show their first and last units and are joined by a band.
    Convolutions and pooling are stacks of maps, recurrent layers have a loop, and connections past layers run above.
    model: a network or a trained estimator, which names inputs and classes. input_shape: as in ct.summary, where the
    first layer does not fix it. names: of the input's features. The file is self-contained; text stays text.
    Raises ArgumentError for a path that does not end in .svg.
    """
    if path is not None:
        check_ending(path, "the drawing of a network", DRAWING, hint=PRINT)
    network = network_of(model)
    program = program_of(model, input_shape)
    fixed = input_shape is not None or network is not model or isinstance(network, Restored)
    nodes = graph_of(program, not fixed and any_length(program))
    if network is not model and names is None:
        names = names_of(model)
    outputs = [str(label) for label in getattr(model, "classes_", [])]
    kind = type(model).__name__ if network is not model else getattr(network, "class_name", type(network).__name__)
    head = f"{kind}: {counted(sum(p.size for p in network.parameters()), 'parameter')}"
    drawing = NetworkDrawing(head, "; ".join(map(str, nodes)), _Picture(nodes, names or [], outputs).svg(head))
    if path is not None:
        write_whole(path, drawing.svg.encode("utf-8"))
    return drawing


class NetworkDrawing(Shown):
    """What `ct.inspect.draw` gives: title, about (what is to be seen, in words) and svg, the file's text."""

    def __init__(self, title: str, about: str, svg: str) -> None:
        self.title, self.about, self.svg = title, about, svg

    def __repr__(self) -> str:
        return f"NetworkDrawing({self.title}; {self.about})"

    def _in_notebook(self) -> Any:
        yield Picture(self.svg, f"{self.title}; {self.about}")

    def _repr_svg_(self) -> str:
        return self.svg


# ---- SVG -------------------------------------------------------------------------------------------------------------


def _text(text: Any) -> str:
    """Remove from text the characters that XML forbids or that turn the direction of text round."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def _add(parent: ElementTree.Element, tag: str, text: Any = None, **attributes: Any) -> ElementTree.Element:
    """Add an element; numbers get one decimal, class_ is class."""
    made = {key.rstrip("_").replace("_", "-"): f"{v:.1f}".removesuffix(".0") if isinstance(v, int | float) else _text(v)
            for key, v in attributes.items()}
    element = ElementTree.SubElement(parent, tag, made)
    element.text = None if text is None else _text(text)
    return element


def _path(*parts: Any) -> str:
    return " ".join(part if isinstance(part, str) else f"{part:.1f}".removesuffix(".0") for part in parts)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


# ---- where everything lies -------------------------------------------------------------------------------------------


class _Box:
    """A node on the sheet: its middle (x, y), the size of its shape, and the places of its units."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.x = self.y = 0.0
        self.named = node.kind in ("units", "maps", "cells") and not (
            node.operation and node.operation.rule.windows and not node.operation.rule.units)
        self.caption = [node.name, *node.lines] if self.named else node.lines[node.kind != "maps" :]
        if node.operation is not None and (count := sum(v.width for v in node.operation.parameters)):
            self.caption.append(counted(count, "parameter"))
        self.units: list[int | None] = []
        if node.kind == "units":
            k = node.count
            first, last = SHOWN
            self.units = list(range(k)) if k <= FEW else [*range(first), None, *range(k - last, k)]
            self.radius = 13 if k <= 6 else 9
            self.pitch = 2 * self.radius + (16 if k <= 6 else 5)
            self.width, self.height = 2.0 * self.radius, 2.0 * self.radius + (len(self.units) - 1) * self.pitch
        elif node.kind == "maps":
            self.sheets = int(np.clip(1 + np.log2(node.count), 1, 6))
            high, wide = node.places if len(node.places) == 2 else (max(node.count / 4, 1), (node.places or (1,))[0])
            side = float(np.clip(14 + 12 * np.log2(max(high, wide)), 22, 86))
            self.sheet = side * max(wide / max(high, wide), 0.25), side * max(high / max(high, wide), 0.25)
            self.width, self.height = (k + 5 * (self.sheets - 1) for k in self.sheet)
        elif node.kind == "cells":
            self.width, self.height = 66.0, 46.0
        elif node.kind == "join":
            self.width = self.height = 26.0
        else:
            self.word = node.lines[0] if node.lines else node.name
            self.width, self.height = LETTER * len(self.word) + 20, 26.0

    @property
    def wide(self) -> float:
        """The width with the words."""
        return max([self.width, *(LETTER * len(line) for line in self.caption)])

    @property
    def above(self) -> float:
        """The height from a box's middle to its top, with the loop."""
        return self.height / 2 + (20 if self.node.kind == "cells" else 0)

    @property
    def below(self) -> float:
        """The height from a box's middle to the end of its words."""
        return self.height / 2 + (LINE * len(self.caption) + 8 if self.caption else 0)

    @property
    def top(self) -> float:
        return self.y - self.above

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    def unit(self, i: int) -> float:
        """The middle of the unit drawn in place i."""
        return self.y - self.height / 2 + self.radius + i * self.pitch

    @property
    def ends(self) -> tuple[float, float]:
        """The places above and below where bands meet the box."""
        half = self.height / 2 if self.node.kind in ("units", "maps") else 1
        return self.y - half, self.y + half


class _Picture:
    """Boxes in columns, edges between neighbours, and lanes above for connections past layers."""

    def __init__(self, nodes: list[Node], names: list[str], outputs: list[str]) -> None:
        self.boxes = {id(node): _Box(node) for node in nodes}
        self.names, self.outputs = names, outputs
        self.columns: list[list[_Box]] = [[] for _ in range(1 + max(node.column for node in nodes))]
        for node in nodes:
            self.columns[node.column].append(self.boxes[id(node)])
        self.edges = [(self.boxes[id(a)], box) for box in self.boxes.values() for a in box.node.before]
        self.lanes = self._lanes()
        self.last = self.boxes[id(nodes[-1])]
        self.lined = True
        every = [W.size for a, b in self.edges if (W := self._weights(a, b)) is not None]
        self.lined = self.legend = 0 < sum(every) <= MOST_LINES
        self._place()

    def _lanes(self) -> list[tuple[_Box, _Box, int]]:
        """Find lanes for the connections past a column: short ones lowest, none on another."""
        long = [(a, b) for a, b in self.edges if b.node.column - a.node.column > 1]
        taken: list[list[tuple[int, int]]] = []
        out = []
        for a, b in sorted(long, key=lambda edge: edge[1].node.column - edge[0].node.column):
            span = a.node.column, b.node.column
            free = (i for i, lane in enumerate(taken) if all(span[1] <= s or span[0] >= e for s, e in lane))
            lane = next(free, len(taken))
            if lane == len(taken):
                taken.append([])
            taken[lane].append(span)
            out.append((a, b, lane))
        return out

    def _place(self) -> None:
        names = max((len(_cut(n, 20)) for n in self._labels(self.columns[0])), default=0) * LETTER
        x = EDGE + names
        for i, column in enumerate(self.columns):  # first around y = 0, the middles of first and last in balance
            wide = max(box.wide for box in column)
            for over, box in zip([None, *column], column, strict=False):
                box.x = x + wide / 2
                box.y = 0.0 if over is None else over.y + over.below + STACK + box.above
            middle = (column[0].y + column[-1].y) / 2
            for box in column:
                box.y -= middle
            weights = any(self._weights(a, b) is not None for a, b in self.edges if b.node.column == i + 1)
            x += wide + (WIDE_GAP if weights else GAP)
        every = list(self.boxes.values())
        down = EDGE + 34 + len({lane for *_, lane in self.lanes}) * LANE - min(box.top for box in every)
        for box in every:
            box.y += down
        labels = max((len(_cut(n, 20)) for n in self.outputs), default=0) * LETTER if self._names_outputs() else 0
        self.width = x - GAP + labels + EDGE
        self.lane = min(box.top for box in every) - 12
        self.height = max(box.y + box.below for box in every) + EDGE + 22 * self.legend

    def _labels(self, column: list[_Box]) -> list[str]:
        inputs = [box for box in column if not box.node.before and box.node.kind == "units"]
        return self.names if any(box.node.count == len(self.names) for box in inputs) else []

    def _names_outputs(self) -> bool:
        return self.last.node.kind == "units" and self.last.node.count == len(self.outputs)

    def _weights(self, a: _Box, b: _Box) -> np.ndarray | None:
        """Find the weights of neurons (units of b, units of a) where both are few enough to be drawn one by one."""
        if not self.lined or a.node.kind != "units" or b.node.kind != "units" or max(a.node.count, b.node.count) > FEW:
            return None
        o = b.node.operation
        W = o.operands["W"] if o is not None and o.rule.units == "neuron" else None
        known = W is not None and W.shape == (b.node.count, a.node.count) and b.node.column == a.node.column + 1
        return o.numbers("W") if known and W is not None and o is not None and W.home else None

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def svg(self, head: str) -> str:
        wide = max(self.width, LETTER * 1.3 * len(head) + 2 * EDGE, 500 if self.legend else 0)
        about = "; ".join(str(box.node) for box in self.boxes.values())
        key = f"net-{zlib.crc32(f'{head}{about}'.encode()):08x}"
        size = {"width": f"{wide:.0f}", "height": f"{self.height:.0f}"}
        root = ElementTree.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {size['width']} {size['height']}", **size,
            "id": key, "role": "img", "aria-labelledby": f"{key}-title {key}-desc",
        })
        _add(root, "title", head, id=f"{key}-title")
        _add(root, "desc", f"From left to right: {about}.", id=f"{key}-desc")
        _add(root, "style", None).text = STYLE.replace("ID", f"#{key}").replace("\n", "")
        _add(root, "rect", class_="paper", width="100%", height="100%")
        _add(root, "text", head, x=EDGE, y=EDGE + 10, class_="head")
        for a, b in self.edges:
            if b.node.column == a.node.column + 1:
                self._edge(root, a, b)
        for a, b, lane in self.lanes:
            self._past(root, a, b, self.lane - LANE * lane)
        for column in self.columns:
            for box in column:
                self._box(root, box)
        if self.legend:
            self._legend(root)
        return ElementTree.tostring(root, encoding="unicode")

    def _edge(self, root: ElementTree.Element, a: _Box, b: _Box) -> None:
        W = self._weights(a, b)
        if W is not None:
            self._lines(root, a, b, W)
        elif b.node.kind == "units":
            (top, bottom), (over, under) = a.ends, b.ends
            points = (a.right, top, b.left, over, b.left, under, a.right, bottom)
            _add(root, "polygon", class_="band", points=_path(*points))
        else:
            bend = a.right + (b.left - a.right) / 2
            self._flow(root, _path("M", a.right + 2, a.y, "C", bend, a.y, bend, b.y, b.left - 8, b.y))
            self._tip(root, b.left - 1, b.y, 0)

    def _lines(self, root: ElementTree.Element, a: _Box, b: _Box, W: np.ndarray) -> None:
        """Draw weights as lines, those of one sign and width in one path."""
        most = float(np.abs(W[np.isfinite(W)]).max(initial=0)) or 1.0
        found: dict[tuple[str, int], list[str]] = {}
        for j in range(W.shape[0]):
            for i in range(W.shape[1]):
                w = float(W[j, i]) if np.isfinite(W[j, i]) else 0.0
                level = round(LEVELS * abs(w) / most)
                line = _path("M", a.x + a.radius, a.unit(i), "L", b.x - b.radius, b.unit(j))
                found.setdefault(("above" if w > 0 else "below", level), []).append(line)
        for (sign, level), lines in sorted(found.items(), key=lambda item: item[0][1]):
            share = level / LEVELS
            _add(root, "path", class_=sign, d="".join(lines), stroke_width=0.5 + 2.8 * share,
                 opacity=f"{0.25 + 0.7 * share:.2f}")

    def _past(self, root: ElementTree.Element, a: _Box, b: _Box, y: float) -> None:
        """Draw a connection past other layers: up, along a lane, down."""
        first = self.columns[a.node.column][0] is a
        past = a.x + max(box.wide for box in self.columns[a.node.column]) / 2 + 10
        x, end, r = (a.x + 10 if first else past), (b.x if b.node.kind == "join" else b.x - 10), 8
        beside = ("M", a.right + 2, a.y, "H", x - r, "Q", x, a.y, x, a.y - r)
        start = ("M", x, a.top - 2) if first else beside
        down = self.columns[b.node.column][0] is b
        if down:
            stop: tuple[Any, ...] = ("H", end - r, "Q", end, y, end, y + r, "V", b.top - 8)
        else:
            turn = b.left - 18
            stop = ("H", turn - r, "Q", turn, y, turn, y + r, "V", b.y - r, "Q", turn, b.y, turn + r, b.y)
        self._flow(root, _path(*start, "V", y + r, "Q", x, y, x + r, y, *stop))
        self._tip(root, *((end, b.top - 1, 90) if down else (b.left - 1, b.y, 0)))

    def _flow(self, root: ElementTree.Element, d: str) -> None:
        _add(root, "path", class_="flow", d=d)

    def _tip(self, root: ElementTree.Element, x: float, y: float, turn: int) -> None:
        _add(root, "path", class_="tip", d="M0 0L-8 4V-4Z", transform=f"translate({_path(x, y)}) rotate({turn})")

    def _box(self, root: ElementTree.Element, box: _Box) -> None:
        group = _add(root, "g")
        _add(group, "title", str(box.node))
        getattr(self, f"_{box.node.kind}")(group, box)
        y = box.y + box.height / 2 + 8
        for i, line in enumerate(box.caption):
            y += LINE
            _add(group, "text", line, x=box.x, y=y - 2, class_="mid name" if box.named and i == 0 else "mid")

    def _units(self, group: ElementTree.Element, box: _Box) -> None:
        labels = self._labels([box])
        for i, k in enumerate(box.units):
            y = box.unit(i)
            if k is None:
                for step in (-6, 0, 6):
                    _add(group, "circle", class_="dots", cx=box.x, cy=y + step, r=1.8)
                continue
            _add(group, "circle", class_="unit", cx=box.x, cy=y, r=box.radius)
            if labels:
                _add(group, "text", _cut(labels[k], 20), x=box.left - 8, y=y + 4, class_="end")
            if box is self.last and self._names_outputs():
                _add(group, "text", _cut(self.outputs[k], 20), x=box.right + 8, y=y + 4)

    def _maps(self, group: ElementTree.Element, box: _Box) -> None:
        wide, high = box.sheet
        for i in range(box.sheets):
            x, y = box.left + 5 * i, box.y - box.height / 2 + 5 * i
            _add(group, "rect", class_="map", x=x, y=y, width=wide, height=high)

    def _cells(self, group: ElementTree.Element, box: _Box) -> None:
        assert box.node.operation is not None
        y = box.y - box.height / 2
        _add(group, "rect", class_="map", x=box.left, y=y, width=box.width, height=box.height, rx=8)
        _add(group, "text", box.node.operation.kind.upper(), x=box.x, y=box.y - 1, class_="mid name")
        _add(group, "text", counted(box.node.count, "unit"), x=box.x, y=box.y + 15, class_="mid")
        back = box.node.operation.main.attributes["reverse"]  # an arrow from the cell into itself: the way along time
        side = -1 if back else 1
        self._flow(group, _path("M", box.x + 16 * side, y, "C", box.x + 26 * side, y - 24, box.x - 26 * side, y - 24,
                                box.x - 18 * side, y - 6))
        self._tip(group, box.x - 16 * side, y, 66 if side > 0 else 114)

    def _join(self, group: ElementTree.Element, box: _Box) -> None:
        _add(group, "circle", class_="unit", cx=box.x, cy=box.y, r=13)
        _add(group, "text", box.node.sign, x=box.x, y=box.y + 5, class_="mid sign")

    def _step(self, group: ElementTree.Element, box: _Box) -> None:
        _add(group, "rect", class_="map", x=box.left, y=box.y - 13, width=box.width, height=26, rx=13)
        _add(group, "text", box.word, x=box.x, y=box.y + 4, class_="mid")

    def _legend(self, root: ElementTree.Element) -> None:
        y = self.height - EDGE + 6
        x = float(EDGE)
        said = {"above": "weight above zero", "below": "below zero", "": "the wider, the larger in its layer"}
        for sign, words in said.items():
            if sign:
                _add(root, "path", class_=sign, d=_path("M", x, y - 4, "H", x + 20), stroke_width=2.6)
                x += 26
            _add(root, "text", words, x=x, y=y)
            x += LETTER * len(words) + 18
