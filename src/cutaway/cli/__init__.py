"""The command line: one file a command. `main` runs it and turns every expected error into one line and a status;
`script` does so as a process of its own."""

from .run import main, script

__all__ = ["main", "script"]
