"""The package's ES modules: those in `drawing/page/` draw for all pages; a sealed page holds its own as one script."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from importlib.resources import files

IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[\w/.]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) (\w+|\$))", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


@cache
def bundle(main: str) -> str:
    """Join a module and all that it imports, each once, after those that it needs: "report/trace_page", for example.

    A module becomes a function that gives what it exports; an import takes the names from there.
    """
    texts: dict[str, str] = {}

    def take(path: str, waiting: tuple[str, ...] = ()) -> str:
        name = "module_" + path.replace("/", "_")
        if name in texts:
            return name
        if path in waiting:
            raise ValueError(f"{path}.js imports itself by way of {' and '.join(waiting)}")
        text = files("cutaway").joinpath(f"{path}.js").read_text(encoding="utf-8")

        def taken(found: re.Match[str]) -> str:
            other = take(posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2])), (*waiting, path))
            return f"const {{{found[1].replace(' as ', ': ')}}} = {other};\n" if found[1] else ""

        exported = ", ".join(EXPORT.findall(text))
        body = EXPORT.sub("", IMPORT.sub(taken, text))
        if other := OTHER.search(body):
            raise ValueError(f"{path}.js has {other[0]!r}: a bundle knows only import {{names}} from, and export "
                             "before a function, class, const or let")
        texts[name] = f"const {name} = (() => {{\n{body}return {{{exported}}};\n}})();\n"
        return name

    take(main)
    return '"use strict";\n{\n' + "".join(texts.values()) + "}\n"
