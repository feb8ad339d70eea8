"""A case of cases.py as a small network, and that network as a program that has run: what an engine makes of a rule."""

import warnings

import numpy as np

import cutaway as ct
from cutaway.autodiff import apply


class Around(ct.nn.Module):
    """One operation between x · scale and a mean, so that gradients reach every input."""

    embeds = True

    def __init__(self, name, case):
        self.name, self.case = name, case
        self.rows = [x for x, kind in zip(case.inputs, case.kinds, strict=True) if kind in ("rows", "fixed")]
        self.n = len(self.rows[0]) if self.rows else 3
        self.scales, self.own = {}, {}
        for i, (x, kind) in enumerate(zip(case.inputs, case.kinds, strict=True)):
            if kind == "weights":
                self.own[i] = ct.nn.Parameter(x.shape, lambda rng, shape, x=x: x)
            elif kind == "rows" and x.dtype.kind == "f":
                self.scales[i] = ct.nn.Parameter(x.shape[-1:] if x.ndim > 1 else (), ct.nn.init.ones)
        vars(self).update({f"w{i}": w for i, w in self.own.items()} | {f"s{i}": s for i, s in self.scales.items()})
        # behind an operation without a derivative, there must be something to train
        self.after = None if self.own or self.scales else ct.nn.Parameter((), ct.nn.init.ones)
        self.mixes = not self.rows or name == "weighted_mean" or case.attributes.get("axis", 0) is None

    def data(self):
        """Its inputs, and last a column that carries results without rows to the loss."""
        return (*self.rows, np.linspace(-1, 1, self.n)[:, None, None])

    def forward(self, *given):
        *given, carry = given
        rows, inputs = iter(given), []
        for i, kind in enumerate(self.case.kinds):
            x = next(rows) if kind in ("rows", "fixed") else self.own.get(i)
            x = self.case.inputs[i] if kind == "constant" else x
            inputs.append(x * self.scales[i] if i in self.scales else x)
        attributes = dict(self.case.attributes)
        if self.name == "reshape":
            first, *rest = attributes["shape"]
            attributes["shape"] = (first * carry.shape[0] // self.n, *rest)
        out = apply(self.name, *inputs, **attributes)
        if self.name in ("batch_stats", "step_stats"):
            return inputs[0] * out[0] + out[1]
        out = out[0] if isinstance(out, tuple) else out
        if not self.rows:
            out = (out * (out + 1.0)).mean()
        if self.name == "real":
            out = out * inputs[1]
        if self.after is not None:
            out = out * self.after
        return carry * out if self.mixes else out


def uneven(z, y):
    """A loss with another slope for every output."""
    return (z * (z + 1.0)).mean()


def program(model, engine, steps=1, loss=uneven, **options):
    """A small program that has run: one full batch a step."""
    X = model.data()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", ".*has no CPU kernel", RuntimeWarning)
        options = {"threads": 1} | options
        made = ct.compile(model, loss, ct.optim.SGD(0.05), batch_size=model.n + 2, input=X, target=np.zeros(model.n),
                          engine=engine, **options)
        made.feed(X, np.zeros(model.n))
        losses = [made.run() for _ in range(steps)]
    return made, np.concatenate(losses)


def assert_same_values(one, two, **tolerance):
    n = one.engine.n
    assert n == two.engine.n > 0
    for u, v in zip(one.values(), two.values(), strict=True):
        assert u.name == v.name
        a, b = one.value(u), two.value(v)
        np.testing.assert_allclose(b, a, err_msg=u.name, **tolerance)
