"""What notebooks show of an estimator: scikit-learn's diagram, and under it what was built and how it learned."""

from __future__ import annotations

from typing import Any

from ..shown import Picture, Shown, Table, shown_parts


class Built(Shown):
    """The design, the network and the training of an estimator that was fitted."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def __repr__(self) -> str:
        return f"What was built: {vars(self.estimator).get('model_')!r}"

    def __str__(self) -> str:
        fitted = vars(self.estimator)
        return "\n\n".join(_text(fitted[name]) for name in ("design_", "model_") if name in fitted)

    def _in_notebook(self) -> Any:
        fitted = vars(self.estimator)
        design = fitted.get("design_")
        if isinstance(design, list):  # a Forecaster's, whose networks are not one
            yield Table(("choice", "value", "reason"), [[str(cell) for cell in row] for row in design])
            yield Picture(self.estimator.plot(), "what is forecast, with its band")
            return
        if design is not None:
            yield from shown_parts(design)
        if "model_" in fitted:
            yield from shown_parts(fitted["model_"])
        run = getattr(self.estimator, "run_", None)
        if run is not None and len(run.history):
            yield Picture(run.plot(), "the loss over the epochs")


def _text(part: Any) -> str:
    """Write a design that is a list of choices, each with its reason, as lines; anything else as print does."""
    if not isinstance(part, list):
        return str(part)
    return "\n".join(f"{name}: {value}; {reason}" for name, value, reason in part)


class WithDiagram:
    """An estimator that notebooks show by scikit-learn's diagram and, once fitted, by what was built."""

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + self._built()  # type: ignore[misc]

    def _repr_mimebundle_(self, **how: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**how)  # type: ignore[misc]
        return bundle | ({"text/html": bundle["text/html"] + self._built()} if "text/html" in bundle else {})

    def _built(self) -> str:
        return Built(self)._repr_html_() if "model_" in vars(self) else ""
