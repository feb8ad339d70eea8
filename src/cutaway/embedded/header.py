"""The C header beside a compiled model: what goes in and what comes out, and an example that calls it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

C_TYPES = {"float32": "float", "float64": "double", "int32": "int32_t", "uint8": "uint8_t"}


@dataclass(frozen=True)
class Argument:
    """What an argument of the function points to: a name, the type of its numbers, the shape, and what it means; for an
    input its parts (a table's columns) with what is to be known of each."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    about: str
    parts: Sequence[tuple[str, str]] = ()
    out: bool = False

    @property
    def count(self) -> int:
        found = 1
        for size in self.shape:
            found *= size
        return found

    @property
    def c(self) -> str:
        return f"{'' if self.out else 'const '}{C_TYPES[self.dtype]} *{self.name}"

    def __str__(self) -> str:
        return f"{self.name}  {C_TYPES[self.dtype]} ({', '.join(map(str, self.shape))})  {self.about}"


def written(name: str, about: str, arguments: Sequence[Argument], labels: Sequence[str], answers: bool,
            more: Sequence[str], texts: Sequence[Argument] = ()) -> str:
    """Write the header. about: one line on the model; more: lines on memory and limits; texts: the arguments of the
    function that takes cells of text."""
    upper = name.upper()
    lines = [f"/* {_comment(about)}", " *", *(f" * {_comment(x)}" for x in more), " */", f"#ifndef {upper}_H",
             f"#define {upper}_H", "#include <stdint.h>", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    for a in arguments:
        kind = f"{C_TYPES[a.dtype]} ({', '.join(map(str, a.shape))})"
        lines += [f"#define {upper}_{a.name.upper()} {a.count}  /* {kind}: {_comment(a.about)} */"]
        lines += [f"/* {a.name}[{k}]  {_comment(part)}{': ' * bool(told)}{_comment(told)} */"
                  for k, (part, told) in enumerate(a.parts)]
    if labels:
        lines += ["", f"static const char *const {name}_labels[] = {{{', '.join(map(_string, labels))}}};"]
    result = "int32_t" if answers else "void"
    lines += ["", f"{result} {name}_predict({', '.join(a.c for a in arguments)});"]
    if texts:
        lines += ["", "/* Writes a cell of text (a level, or yes and no) into row[column] as its number. text is UTF-8",
                  f"   with a zero at its end, \"\" a gap; all that training had are shorter than {upper}_TEXT bytes.",
                  "   Gives 1; 0 for a text that training did not have; -1 for a column of numbers, which stays. */",
                  f"#define {upper}_TEXT {texts[-1].count}",
                  f"int32_t {name}_text(double *row, int32_t column, const char *text);"]
    lines += ["", "#ifdef __cplusplus", "}", "#endif", "",
              f"#ifdef {upper}_EXAMPLE  /* cc -D{upper}_EXAMPLE -x c {name}.h -x none {name}.o -lm */",
              "#include <stdio.h>", "#include <stdlib.h>", ""]
    lines += _CELLS if texts else [
        "/* Reads what goes in as numbers (nan for a gap), row after row, and prints what is predicted. */"]
    lines += ["int main(void) {"]
    lines += [f"    static {C_TYPES[a.dtype]} {a.name}[{upper}_{a.name.upper()}];" for a in arguments]
    given = [a for a in arguments if not a.out]
    lines += [f"    char word[{texts[-1].count + 64 if texts else 64}];", "    for (;;) {"]
    for a in given:
        read = "strtol(word, 0, 10)" if a.dtype in ("int32", "uint8") else "strtod(word, 0)"
        each = ["if (!cell(word, sizeof word)) return 0;",
                f'if ({name}_text(row, i, word) < 0) row[i] = strtod(*word ? word : "nan", 0);'] if texts else [
                'if (scanf("%63s", word) != 1) return 0;', f"{a.name}[i] = ({C_TYPES[a.dtype]}){read};"]
        lines += [f"        for (int i = 0; i < {upper}_{a.name.upper()}; i++) {{",
                  *(f"            {line}" for line in each), "        }"]
    call = f"{name}_predict({', '.join(a.name for a in arguments)})"
    lines += [f"        {f'int32_t label = {call}' if labels else call};"]
    lines += [f'        for (int i = 0; i < {upper}_{a.name.upper()}; i++) printf("%.17g ", (double){a.name}[i]);'
              for a in arguments if a.out]
    lines += [f'        printf("%s\\n", {name}_labels[label]);' if labels else '        printf("\\n");', "    }", "}",
              "#endif", "#endif", ""]
    return "\n".join(lines)


#: Of an example that takes text: what reads a cell.
_CELLS = """\
/* Reads a cell, up to a tab or the end of a line; gives 0 behind the last one. */
static int cell(char *word, size_t size) {
    size_t n = 0;
    int c = getchar();
    if (c == EOF) return 0;
    for (; c != EOF && c != '\\t' && c != '\\n'; c = getchar()) if (n + 1 < size) word[n++] = (char)c;
    word[n] = 0;
    return 1;
}

/* Reads rows of cells with tabs between them, nothing for a gap, and prints what is predicted. */""".splitlines()


def identifier(text: str) -> str:
    """Make a name that C takes of a file's name."""
    found = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"m{found}" if not found or found[0].isdigit() else found


def _comment(text: str) -> str:
    return " ".join(str(text).split()).replace("*/", "* /").replace("/*", "/ *")


def _string(text: str) -> str:
    """Write a C string: what is not ASCII as the bytes of UTF-8, each closed, so that no digit joins one."""
    parts = []
    for byte in text.encode():
        plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
        parts.append(chr(byte) if plain else f'\\{byte:03o}')
    return '"' + "".join(parts) + '"'
