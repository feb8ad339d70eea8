"""The equations that an optimizer's docstring states, as text."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

from .optimizers import OPTIMIZERS, Optimizer

STATED = re.compile(r"(?:^|[:;.] )([θmvGE]\u0302?) [←=] (.+?)(?=;|\. |\.$|$|, | \([A-Za-z]{3})")


def stated(kind: type[Optimizer]) -> list[tuple[str, str]]:
    """What each symbol becomes, in the order of the docstring.

    >>> import cutaway as ct
    >>> stated(ct.optim.Momentum)
    [('v', 'β v + (1 - β) g'), ('θ', 'θ - α v')]
    """
    return STATED.findall(" ".join((kind.__doc__ or "").split()))


def update_words(kind: type[Optimizer]) -> str:
    """All equations of an update in one line, θ last; what it leaves to another optimizer's is taken from there.

    >>> import cutaway as ct
    >>> update_words(ct.optim.SGD), update_words(ct.optim.AdamW)[:22]
    ('θ ← θ - α g', 'm ← β₁ m + (1 - β₁) g;')
    """
    own = dict(stated(kind))
    step = own.pop("θ", "")
    if not step:
        return _as_written(kind)
    wanted = [part for hat in re.findall(r"[mvGE]\u0302?", step) for part in (hat, hat[0])]
    others = [dict(stated(other)) for other in OPTIMIZERS.values()]
    near = max(others, key=lambda other: len(set(wanted) & other.keys()))
    known = own | {symbol: near[symbol] for symbol in wanted if symbol not in own and symbol in near}
    order = sorted(known, key=lambda symbol: (len(symbol), list(known).index(symbol)))
    lines = [f"{symbol} {'=' if len(symbol) > 1 else '←'} {known[symbol]}" for symbol in order]
    return "; ".join([*lines, f"θ ← {step}"])


def _as_written(kind: type[Optimizer]) -> str:
    """The update as its rule's own text has it; "" where that cannot be read."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(kind.rule))).body[0]
        assert isinstance(body, ast.FunctionDef)
        *steps, last = body.body
        assert isinstance(last, ast.Return)
    except (OSError, TypeError, SyntaxError, AssertionError):
        return ""
    theta = last.value.elts[0] if isinstance(last.value, ast.Tuple) else last.value
    lines = [f"{ast.unparse(one.targets[0])} ← {ast.unparse(one.value)}" for one in steps
             if isinstance(one, ast.Assign)]
    lines.append(f"θ ← {ast.unparse(theta)}" if theta is not None else "")
    return re.sub(r"\btheta\b", "θ", "; ".join(lines).replace("xp.", ""))
