"""Words of the command line as the page has them: an option is named by the control that does the same."""

from __future__ import annotations

import re

#: Options whose control has another name; all others are those of `cutaway fit`.
NAMES = {"lr": "learning rate", "epochs": "epochs", "hidden": "hidden neurons", "batch-size": "batch", "seed": "seed",
         "preset": "preset", "test": "share of the test", "target": "“What is to be predicted?”"}
OWN = {"home", "port"}  # options of the studio itself


def on_the_page(text: str) -> str:
    """Name the controls of the page where the command line's options are named.

    >>> on_the_page("Try a lower --lr.")
    'Try a lower learning rate.'
    >>> on_the_page("leave it out: --drop id, or read it as --column id=category")
    'leave it out: the kind “left out” for id, or read it as the kind category for id'
    >>> on_the_page("if that is not so, add --split random")
    'if that is not so, add `cutaway fit --split random`'
    """
    text = re.sub(r"--column (\S+?)=(\w+(?::\w+)?)", r"the kind \2 for \1", text)
    text = re.sub(r"--drop ([\w'\"]\S*?)(?=[,.;:)]?(?:\s|$))", r"the kind “left out” for \1", text)
    text = re.sub(rf"--({'|'.join(NAMES)})\b(?!-)", lambda found: NAMES[found[1]], text)
    given = r"(?: (?:[A-Z]+|random|groups|time)\b\S*?(?=[,.;:)]?(?:\s|$)))?"
    return re.sub(rf"(?<![\w`-])--(?!(?:{'|'.join(OWN)})\b)[a-z][a-z-]*{given}",
                  lambda found: f"`cutaway fit {found[0]}`", text)
