"""`python -m cutaway`: the command line, also where scripts are not on the path."""

import sys

from .cli import script

if __name__ == "__main__":
    sys.exit(script())
