"""main and script: run a command; errors become a line on stderr and a status, never a traceback."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from ..errors import CutawayError

#: What typer raises for options and arguments that it cannot use (it exports only this one of the family).
UsageError: Any = typer.BadParameter.__mro__[1]
BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


def script() -> int:
    """Run the command line as a process of its own."""
    status = main()
    gc.freeze()  # it ends: a look for garbage among all that was imported takes as long as some commands
    return status


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status: 0, 2 for bad input, 130 after Ctrl-C, 141 where nobody reads."""
    from .app import app_for
    from .shell import again
    from .terminal import error, stand_in_for_unknown_letters, warn

    stand_in_for_unknown_letters()
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: warn(_in_words(str(message)))
        try:
            status = app_for(args)(args, prog_name="cutaway", standalone_mode=False, obj=args)
            sys.stdout.flush()
            if status == INTERRUPTED:  # typer has taken the interrupt for the end
                raise KeyboardInterrupt
            return status if isinstance(status, int) else 0
        except CutawayError as problem:
            error(_in_words(str(problem)))
        except UsageError as problem:
            if type(problem).__name__ == "NoArgsIsHelpError":  # its message is the help
                typer.echo(problem.format_message(), err=True)
                return BAD_INPUT
            error(f"{_in_words(problem.format_message())}{_help_hint(problem)}")
        except BrokenPipeError:
            return _nobody_reads()
        except (KeyboardInterrupt, typer.Abort):
            given = [str(word) for word in (sys.argv[1:] if args is None else args)]
            going_on = f". To go on: {again(given, '--resume')}" if "--checkpoint" in given else ""
            error(f"interrupted; nothing was written{going_on}")
            return INTERRUPTED
        except MemoryError:
            error("there is not enough memory for this table: leave columns out with --drop, or use fewer rows")
        except OSError as problem:
            where = f"{problem.filename}: " if problem.filename else ""
            error(f"{where}{problem.strerror or problem}")
        return BAD_INPUT


def _in_words(text: str) -> str:
    """Put a message in the words of the command line: its options in place of Python's calls and names of errors.

    >>> _in_words("The images differ: read_images(..., size=(8, 8)) (--size 8x8) brings them to that size.")
    'The images differ: --size 8x8 brings them to that size.'
    >>> _in_words("Leave them out: skip_damaged=True (--skip-damaged).")
    'Leave them out: --skip-damaged.'
    """
    text = re.sub(r"(?:read_images\((?:[^()]|\([^()]*\))*\)|\w+=(?:\([^()]*\)|\w+)) \((--[^()]*)\)", r"\1", text)
    text = text.replace("Value error, ", "")
    return re.sub(r" is not one of ('[^',]*')\.$", r": it takes \1, and nothing else.", text)


def _help_hint(problem: Any) -> str:
    context = getattr(problem, "ctx", None)
    return f"\n`{context.command_path} --help` lists what it takes." if context else ""


def _nobody_reads() -> int:
    """Stop without a word where the reader of a pipe is gone, as other programs do."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    return PIPE_CLOSED
