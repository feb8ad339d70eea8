"""What the commands print: sections of text and tables, to a terminal or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..text import printable

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 110


def console(stderr: bool = False) -> Console:
    """Make a console that shows text as it is: no markup, no emoji, nothing coloured by its looks."""
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if made.width > WIDEST:
        made.width = WIDEST
    return made


class Screen:
    """Where a command writes. `quiet` keeps everything back; `lines_for` has a line to explain a section, by title."""

    def __init__(self, quiet: bool = False, stderr: bool = False, lines_for: dict[str, str] | None = None) -> None:
        self.quiet, self.lines_for = quiet, lines_for or {}
        self.console = console(stderr)

    def say(self, *text: Any, style: str = "") -> None:
        """Write a line (or paragraph)."""
        if not self.quiet:
            self.console.print(*map(printable, text), style=style or None)

    def text(self, text: Any) -> None:
        """Write lines that are laid out already."""
        if not self.quiet:
            self.console.print(printable(text, keep="\n"), soft_wrap=True)

    def title(self, text: str, note: str = "") -> None:
        """Write the head of a section, and a few words about it."""
        if self.quiet:
            return
        from rich.text import Text

        head = Text(printable(text), style="bold")
        self.console.print()
        if not note:
            self.console.print(head)
            return self._explain(text)
        from rich.table import Table

        line = Table.grid(padding=(0, 2, 0, 0))  # a note of more than a line goes on under its first word
        line.add_column(no_wrap=True)
        line.add_column()
        line.add_row(head, Text(printable(note), style="dim"))
        self._print_indented(line, 0)
        self._explain(text)

    def _explain(self, text: str) -> None:
        from rich.text import Text

        if text in self.lines_for:
            self._print_indented(Text(self.lines_for[text], style="italic cyan"))

    def table(self, rows: Iterable[Sequence[Any]], head: Sequence[str] = (), right: Sequence[int] = (),
              fixed: Sequence[int] = (0,), dim: Sequence[int] = ()) -> None:
        """Write columns of text; columns numbered in `right` align right, in `fixed` never wrap, in `dim` fade."""
        if self.quiet:
            return
        from rich.table import Table
        from rich.text import Text

        made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(head), header_style="dim")
        lines = [[cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row] for row in rows]
        for i in range(max(map(len, lines), default=len(head))):
            made.add_column(
                Text(printable(head[i], keep="\n")) if head else "",
                justify="right" if i in right else "left",
                no_wrap=i in right or i in fixed,
                style="dim" if i in dim else "",
            )
        for line in lines:
            made.add_row(*line)
        self._print_indented(made)

    def paragraph(self, text: Any, style: str = "") -> None:
        """Write a few sentences, two columns to the right, wrapped between words."""
        if not self.quiet:
            from rich.text import Text

            self._print_indented(Text(printable(text), style=style))

    def lines(self, lines: Sequence[str]) -> None:
        """Write lines that are never wrapped, so that they can be copied."""
        for line in lines:
            if not self.quiet:
                self.console.print(f"  {printable(line)}", soft_wrap=True, style="cyan")

    def _print_indented(self, content: Any, columns: int = 2) -> None:
        """Write some columns to the right, without the spaces that fill lines up, which would go into a pipe."""
        from rich.padding import Padding

        content = Padding(content, (0, 0, 0, columns), expand=False)
        if self.console.is_terminal:
            self.console.print(content)
            return
        with self.console.capture() as lines:
            self.console.print(content)
        self.console.file.write("".join(f"{line.rstrip()}\n" for line in lines.get().splitlines()))


def error(text: Any) -> None:
    """Write `error: ...` on the error stream."""
    out = console(stderr=True)
    from rich.text import Text

    out.print(Text("error: ", style="bold red") + Text(printable(text, keep="\n")), soft_wrap=True)


def warn(text: Any) -> None:
    """Write `note: ...` on the error stream."""
    from rich.text import Text

    console(stderr=True).print(Text("note: ", style="bold yellow") + Text(printable(text, keep="\n")), soft_wrap=True)


def stand_in_for_unknown_letters() -> None:
    """Let streams that cannot show a letter (an old terminal, another encoding) show '?' in its place."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
