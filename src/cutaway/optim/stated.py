"""An optimizer's update in words: the equations that it states, or else its rule's own text."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

from .optimizers import Optimizer


def update_words(kind: type[Optimizer]) -> str:
    """Write all equations of an update in one line, θ last.

    >>> import cutaway as ct
    >>> update_words(ct.optim.SGD), update_words(ct.optim.AdamW)[:22]
    ('θ ← θ - α g', 'm ← β₁ m + (1 - β₁) g;')
    """
    return "; ".join(kind.equations) or _as_written(kind)


def _as_written(kind: type[Optimizer]) -> str:
    """Write the text of an optimizer's rule as equations; "" where it cannot be read."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(kind.rule))).body[0]
        assert isinstance(body, ast.FunctionDef)
        *steps, last = body.body
        assert isinstance(last, ast.Return) and not any(isinstance(one, ast.If | ast.For | ast.While) for one in steps)
    except (OSError, TypeError, SyntaxError, AssertionError):
        return ""
    theta = last.value.elts[0] if isinstance(last.value, ast.Tuple) else last.value
    lines = [f"{ast.unparse(one.targets[0])} ← {ast.unparse(one.value)}" for one in steps
             if isinstance(one, ast.Assign)]
    lines.append(f"θ ← {ast.unparse(theta)}" if theta is not None else "")
    return re.sub(r"\btheta\b", "θ", "; ".join(lines).replace("xp.", ""))
