"""The page's ES modules as one script, which a sealed page may hold: each keeps a scope of its own."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) (\w+))", re.MULTILINE)


@cache
def bundle(main: str = "main") -> str:
    """Join a module and all that it imports, each once, after those that it needs.

    A module becomes a function that gives what it exports; an import takes the names from there.
    """
    texts: dict[str, str] = {}

    def take(name: str, waiting: tuple[str, ...] = ()) -> None:
        if name in texts:
            return
        if name in waiting:
            raise ValueError(f"{name}.js imports itself by way of {' and '.join(waiting)}")
        text = files("cutaway.report.train_page").joinpath(f"{name}.js").read_text(encoding="utf-8")
        for found in IMPORT.finditer(text):
            take(found[2], (*waiting, name))
        exported = ", ".join(EXPORT.findall(text))
        body = EXPORT.sub("", IMPORT.sub(r"const {\1} = module_\2;\n", text))
        texts[name] = f"const module_{name} = (() => {{\n{body}return {{{exported}}};\n}})();\n"

    take(main)
    return "{\n" + "".join(texts.values()) + "}\n"
