"""Write every page of docs/, and a reference of the public classes and functions, as HTML: build/docs/index.html.

    python tools/build_docs.py [FOLDER]

pdoc makes pages of docstrings and of Markdown. Added here: what is public (reference.py), arguments as lists, links
from `ct.fit` to its place, and one sidebar for everything. A warning, of pdoc's or ours, ends it.
"""

import inspect
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from pdoc import doc, render
from pdoc.render_helpers import to_html
from reference import NAME, ROOMS, faults, members

HOUSE = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).parent / "docs_templates"
#: Pages outside docs/, and what they are called in the result.
OUTSIDE = {"README.md": "about.html", "ARCHITECTURE.md": "architecture.html", "CONTRIBUTING.md": "contributing.html",
           "SECURITY.md": "security.html", "CHANGELOG.md": "changelog.html", "benchmarks/README.md": "benchmarks.html"}
CODE = re.compile(r"(<pre.*?</pre>|<a .*?</a>|<h[1-6].*?</h[1-6]>)", re.DOTALL)  # where names get no links


# ---- the reference ---------------------------------------------------------------------------------------------------


def rooms() -> dict[str, Any]:
    """The modules as pdoc documents them; what several pass on is shown in the first and named in the others."""
    found: dict[str, Any] = {}
    homes: dict[Any, tuple[str, str]] = {}  # class or function -> where it is shown
    for name in ROOMS:
        public = members(name)  # asks for each name once, so that what is imported late is there
        room = found[name] = doc.Module.from_name(name)
        room.obj.__all__ = [*public]
        shown, elsewhere = {}, []
        for word, value in public.items():
            if inspect.isclass(value) or inspect.isroutine(value):
                home, known_as = homes.setdefault(value, (name, word))
                if (home, known_as) != (name, word):
                    there = f"`{ROOMS[home]}.{known_as}`"
                    elsewhere.append(there if known_as == word else f"`{word}`, which is {there}")
                    continue
            if not inspect.ismodule(value):
                shown[word] = room.members[word]
        more = f"Also here: {', '.join(elsewhere)}." if elsewhere else ""
        room.__dict__.update(members=shown, submodules=[], docstring=f"{room.docstring}\n\n{more}")
    for room in found.values():
        for part in room.members.values():
            if isinstance(part, doc.Class):
                bases = [base for base in part.obj.__mro__[1:] if base in homes]
                part.base = homes[bases[0]] if bases else None
                part.__dict__["own_members"] = shown_of(part, {above for base in bases for above in base.__mro__})
    return found


def shown_of(part: Any, elsewhere: set[type]) -> list[Any]:
    """The members of a class, with those of bases that are not explained elsewhere."""
    own = {member.name: member for member in part.own_members}
    explained = {(base.__module__, base.__qualname__) for base in elsewhere}
    for base, inherited in part.inherited_members.items():
        if base[0].startswith("cutaway") and base not in explained:
            own |= {member.name: member for member in inherited if member.name not in own}
    return list(own.values())


def prepared(part: Any) -> str:
    """A docstring as Markdown, in which the explanation of each argument or field is an entry of a list."""
    takes = part.obj.__init__ if isinstance(part, doc.Class) else part.obj
    try:
        names = set(inspect.signature(takes).parameters)
    except (TypeError, ValueError):
        names = set()
    names |= set(getattr(part.obj, "__annotations__", {}))
    if not names:
        return part.docstring
    one = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    entry = re.compile(rf"(?:^|(?<=[.;)]) |(?<=[.;)])\n)((?:{one})(?:, (?:{one}))*):\s", re.MULTILINE)
    blocks = [block if block.lstrip().startswith(">>>") else entry.sub(r"\n- **\1**: ", block).strip("\n")
              for block in part.docstring.split("\n\n")]
    return re.sub(r"\n\n(?=- \*\*)", "\n", "\n\n".join(blocks))


# ---- links -----------------------------------------------------------------------------------------------------------


def addresses(found: dict[str, Any]) -> dict[str, str]:
    """Where each name of ct is explained: {".fit": "cutaway.html#fit"}."""
    places = {}
    for name, room in found.items():
        page, short = f"{name.replace('.', '/')}.html", ROOMS[name].removeprefix("ct")
        short = short if ROOMS[name] != name else name.removeprefix("cutaway")
        places[short] = page
        for part in room.members.values():
            places[f"{short}.{part.name}"] = f"{page}#{part.qualname}"
            for inner in part.own_members if isinstance(part, doc.Class) else ():
                places[f"{short}.{part.name}.{inner.name}"] = f"{page}#{inner.qualname}"
    return places


def linked(html: str, places: dict[str, str], root: str) -> str:
    """Names such as ct.nn.Linear become links to where they are explained."""
    def link(match: re.Match) -> str:
        place = places.get(match[1])
        return f'<a href="{root}{place}">{match[0]}</a>' if place else match[0]

    parts = CODE.split(html)
    return "".join(part if k % 2 else NAME.sub(link, part) for k, part in enumerate(parts))


def page_links(html: str, source: Path, pages: dict[Path, str], out: Path) -> str:
    """Links between Markdown files lead to their pages, pictures are copied beside them."""
    here = Path(pages[source]).parent

    def link(match: re.Match) -> str:
        target, _, anchor = match[2].partition("#")
        if not target or re.match(r"\w+:", target):
            return match[0]
        file = (source.parent / target).resolve()
        if file in pages:
            to = pages[file]
        elif file.is_file():
            to = file.relative_to(HOUSE).as_posix().removeprefix("docs/")
            (out / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, out / to)
        else:
            return match[0]
        return f'{match[1]}="{os.path.relpath(to, here)}{"#" * bool(anchor)}{anchor}"'

    return re.sub(r'\b(href|src)="([^"]+)"', link, html)


# ---- building --------------------------------------------------------------------------------------------------------


def build(out: Path) -> None:
    out = out.resolve()
    for fault in faults():
        warnings.warn(fault, stacklevel=1)
    shutil.rmtree(out, ignore_errors=True)
    sources = [*sorted((HOUSE / "docs").rglob("*.md")), *(HOUSE / name for name in OUTSIDE)]
    pages = {source: "index.html" if source == HOUSE / "docs" / "README.md"
             else OUTSIDE.get(source.relative_to(HOUSE).as_posix())
             or source.relative_to(HOUSE / "docs").with_suffix(".html").as_posix() for source in sources}
    titles = {pages[source]: re.sub("[`*]", "", source.read_text(encoding="utf-8").split("\n")[0].lstrip("# "))
              for source in sources}
    found = rooms()
    places = addresses(found)
    render.configure(docformat="markdown", template_directory=TEMPLATES, footer_text="")
    render.env.filters["prepared"] = prepared
    render.env.globals.update(rooms=ROOMS, titles=titles)
    for name, room in found.items():
        depth = "../" * name.count(".")
        write(out / f"{name.replace('.', '/')}.html", linked(render.html_module(room, found), places, depth))
    write(out / "search.js", render.search_index(found))
    template = render.env.get_template("page.html.jinja2")
    for source, page in pages.items():
        text = to_html(source.read_text(encoding="utf-8"))
        depth = "../" * page.count("/")
        body = linked(page_links(str(text), source, pages, out), places, depth)
        write(out / page, template.render(title=titles[page], page=page, root=depth, body=body, contents=text.toc_html))
    check_links(out)
    print(f"{out}/index.html: {len(pages)} pages, {len(found)} modules, {len(places)} names")


def check_links(out: Path) -> None:
    """Warn of every link that leads nowhere."""
    texts = {file: file.read_text(encoding="utf-8") for file in out.rglob("*.html")}
    names = {file: set(re.findall(r'\bid="([^"]+)"', text)) for file, text in texts.items()}
    for file, text in texts.items():
        for href in set(re.findall(r'href="([^"$]+)"', text)):
            path, _, anchor = href.partition("#")
            there = (file.parent / path).resolve() if path else file
            if not re.match(r"\w+:", href) and not (there.exists() and (not anchor or anchor in names[there])):
                warnings.warn(f"{file.relative_to(out)} links to {href}, which is not there", stacklevel=2)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("error")
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else HOUSE / "build" / "docs")
