"""The tables inside a model card, which are always those of a results file.

python -m evaluation.card models/NAME/README.md evaluation/results/DATE-NAME.json
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from evaluation.recognizer import checksums
from evaluation.report import Results

_END = "<!-- end of evaluation -->"
_BLOCK = re.compile(
    r"<!-- evaluation: (?P<results>\S+), written by `make eval`, do not edit -->\n(?P<tables>.*?)"
    + re.escape(_END),
    re.DOTALL,
)


def write_into_card(card: Path, results: Path) -> None:
    """Replaces the evaluation in a model card; where there is none, appends it.

    Raises:
        OSError, ValueError, KeyError, TypeError: card or results cannot be read.
    """
    content = card.read_text(encoding="utf-8")
    begin = f"<!-- evaluation: {results.name}, written by `make eval`, do not edit -->"
    block = f"{begin}\n{Results.read(results).markdown}{_END}"
    if _BLOCK.search(content):
        content = _BLOCK.sub(lambda _: block, content, count=1)
    else:
        content = content.rstrip("\n") + f"\n\n## Evaluation\n\n{block}\n"
    card.write_text(content, encoding="utf-8")


def card_problem(card: Path, results_folder: Path) -> str | None:
    """What is wrong with the evaluation in a model's card; None where all is well or there is none.

    It must be what the named results say, and those must be of the files beside the card.
    """
    block = _BLOCK.search(card.read_text(encoding="utf-8"))
    if block is None:
        return None
    path = results_folder / block["results"]
    if not path.is_file():
        return f"{path.name}, which the card names, is not there"
    results = Results.read(path)
    if block["tables"] != results.markdown:
        return f"the tables are not those of {path.name}"
    own = [run.model for run in results.runs if run.model.name.partition("/")[0] == card.parent.name]
    if not own:
        return f"{path.name} is of {results.runs[0].model.name}"
    beside = checksums(card.parent)
    for model in own:
        cut_anew = model.name.endswith("ms")  # by `--chunk-ms`: the same weights in another graph
        skipped = {"encoder.onnx"} if cut_anew else set()
        compared = {name: found for name, found in model.sha256.items() if name not in skipped}
        other = next((name for name, found in compared.items() if beside.get(name) != found), None)
        if other is not None:
            return f"{path.name} was measured with another {other}"
    return None


def main(
    card: Annotated[Path, typer.Argument(help="Model card.")],
    results: Annotated[Path, typer.Argument(help="Results file (.json).")],
) -> None:
    """Writes the tables of a results file into a model card."""
    write_into_card(card, results)


if __name__ == "__main__":
    typer.run(main)
