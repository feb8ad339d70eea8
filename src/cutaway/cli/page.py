"""cutaway export MODEL page.html --data FILE: the model's training as one page that goes on training in a browser."""

from __future__ import annotations

from pathlib import Path

from .trace import names


def write_page(model: Path, out: Path, data: Path | None, target: list[str] | None) -> None:
    """Write the page of a model file and the rows of a data file, and say what it holds."""
    from ..errors import ArgumentError
    from .keeping import load

    if data is None:
        load(model)  # says first if there is no page of such a model
        raise ArgumentError("a page that trains needs rows, which a model file does not hold: add --data FILE, what "
                            "the model was trained on.")
    from ..report.train_page.page import to_page
    from ..text import counted, size
    from .terminal import Screen
    from .training import training

    given = training(model, data, target, False)
    estimator = given.estimator
    inputs, outputs = names(estimator)
    settings = {name: value for name, value in given.settings.items() if name != "precision"}
    batch = min(estimator.design_.batch_size, len(given.T))
    page = to_page(estimator.model_, given.Z, given.T, **settings, path=out, batch_size=batch, inputs=inputs,
                   outputs=outputs, title=f"{', '.join(estimator.target_encoder_.names)} from {data.name}")
    screen = Screen()
    screen.title("A page that trains", f"{counted(len(given.T), estimator.inputs_.one)} of {data.name}")
    for note in page.notes:
        screen.say(note)
    screen.say("It begins with the weights in the file, and needs nothing but a browser.")
    screen.say(f"written to {out} ({size(len(page.html.encode()))})")
