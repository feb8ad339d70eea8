"""Tables and pictures of benchmarks/README.md, and one of docs/engines.md, made from what was measured:
`python -m benchmarks.report`."""

import json
from pathlib import Path

from . import FAMILIES, commands, plot, shown
from .shown import Result, Table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "cpu.json"
XLA = HERE / "results" / "xla.json"
BEGIN = "<!-- {}: written by `python -m benchmarks.report` -->"
END = "<!-- end -->"


def markdown(table: Table) -> str:
    """A table under its title; nothing where it has no rows."""
    if not table.rows:
        return ""
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n\n".join(filter(None, [table.title, "\n".join(f"| {' | '.join(line)} |" for line in lines)]))


def profiles(result: Result) -> str:
    """Where a step's time goes, on one thread, folded away."""
    found = [(key, c["profile"]) for key, entry in result["workloads"].items() for c in entry["competitors"].values()
             if c.get("profile")]
    return "\n\n".join(f"<details><summary>{key}: where a step's time goes, on one thread</summary>\n\n"
                       f"```\n{text}\n```\n\n</details>" for key, text in found)


def family(result: Result) -> str:
    """All that was measured of one family."""
    if result.get("together"):
        return "\n\n".join(filter(None, [
            f"### {result['family']}" + (" (a quick run: rough)" if result["quick"] else ""), shown.conditions(result),
            shown.many_in_words(result), markdown(shown.many(result)), *shown.failures(result)]))
    about = " ".join(f"{key}: {entry['about']}." for key, entry in result["workloads"].items())
    return "\n\n".join(filter(None, [
        f"### {result['family']}" + (" (a quick run: rough)" if result["quick"] else ""),
        shown.conditions(result), about, markdown(shown.times(result)), markdown(shown.losses(result)),
        markdown(shown.start(result)), profiles(result), *shown.failures(result)]))


def by_xla(result: Result) -> str:
    """The XLA engine beside a scan written by hand."""
    return "\n\n".join(filter(None, [shown.conditions(result), markdown(shown.beside(result)),
                                     markdown(shown.losses(result)), markdown(shown.start(result)),
                                     *shown.failures(result)]))


def command_line(result: Result) -> str:
    """Whole processes on files."""
    return f"{commands.conditions(result)}\n\n{markdown(commands.table(result))}"


def overview(results: list[Result]) -> str:
    """One line a workload, the picture, and what the libraries take."""
    return "\n\n".join(filter(None, [
        markdown(shown.summary(results)),
        "![Times Cutaway's time, by workload and peer](results/ratios.svg)",
        markdown(shown.memory_used(results)), *dict.fromkeys(markdown(shown.install(result)) for result in results)]))


def fill(text: str, begin: str, content: str) -> str:
    """The text with the part between a mark and the next end replaced."""
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{content}\n\n{END}{rest.split(END, 1)[1]}"


def read(path: Path = RESULTS) -> list[Result]:
    """The families of a file, in their order."""
    found = json.loads(path.read_text())
    return [found[name] for name in FAMILIES if name in found]


def main() -> None:
    results, readme = read(), HERE / "README.md"
    text = fill(readme.read_text(), BEGIN.format("overview"), overview(results))
    for result in results:
        text = fill(text, BEGIN.format(f"results of {result['family']}"), family(result))
    if commands.RESULTS.exists():
        text = fill(text, BEGIN.format("commands"), command_line(json.loads(commands.RESULTS.read_text())))
    if XLA.exists():
        result, engines = json.loads(XLA.read_text())["xla"], HERE.parent / "docs" / "engines.md"
        text = fill(text, BEGIN.format("xla"), by_xla(result))
        engines.write_text(fill(engines.read_text(), BEGIN.format("engines"), markdown(shown.engines(result))))
    readme.write_text(text)
    plot.ratios(results, RESULTS.parent / "ratios.svg")


if __name__ == "__main__":
    main()
