# SPDX-License-Identifier: Apache-2.0
"""The strings that pages show and no module marks: labels, legal bases, the engine's reasons, what actions refuse.

- Pages ask for their translation by the English words (`words.meaning`, the filter `said`, `error_words.said`).
- A refusal counts where its message is a plain string, with or without places in braces; one that is put together
  before it is raised is said by its kind.
- What an import says of a line comes from the engine, which reads the lines.
"""

import ast
import builtins
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"
# What pages call; the other features refuse on the command line and over HTTP, where English is spoken.
REFUSING = ("accounts", "alarms", "analyst_app", "catalogue", "matching", "sightings")
READING = ("vigie/labels.py", "vigie/lists/entries.py", "vigie/lists/reading.py", "vigie/lists/rows.py")
CONSTANTS = {"vigie_node/matching/answers.py": ("NEAR",)}

Found = tuple[str, str]  # the string, and the file that it is in


def strings() -> Iterator[Found]:
    """Yield every such string."""
    return chain(_labels(), _legal_bases(), _reasons(), _constants(), _refusals())


def _labels() -> Iterator[Found]:
    path = "vigie/labels.toml"
    for scheme in tomllib.loads((SRC / path).read_text(encoding="utf-8")).values():
        yield scheme["title"], path
        yield from ((code["meaning"], path) for code in scheme["codes"].values())


def _legal_bases() -> Iterator[Found]:
    path = "vigie_node/sightings/legal_bases.toml"
    bases = tomllib.loads((SRC / path).read_text(encoding="utf-8"))["bases"]
    yield from ((basis["title"], path) for basis in bases.values())


def _reasons() -> Iterator[Found]:
    from vigie.fingerprints.gates import GATES  # noqa: PLC0415 - not there when a package is built
    from vigie.fingerprints.values import Algorithm  # noqa: PLC0415
    from vigie.matching import verdicts  # noqa: PLC0415

    path = "vigie/matching/verdicts.py"
    weak = {Algorithm.MD5}, {Algorithm.SHA1}, {Algorithm.MD5, Algorithm.SHA1}
    unknown = verdicts.unknown_reason(set(), shortened=None)
    found = [
        *(verdicts.reason_of_digests(one) for one in ({Algorithm.SHA256}, *weak)),
        *(verdicts.gated_reason(gate) for gate in GATES),
        *(gate.sentence for gate in GATES),
        unknown,
        f"{unknown} {verdicts.CONTRADICTED}",
    ]
    yield from ((one, path) for one in found)


def _constants() -> Iterator[Found]:
    for path, names in CONSTANTS.items():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names:
                yield ast.literal_eval(node.value), path


def _refusals() -> Iterator[Found]:
    for feature in REFUSING:
        for file in sorted((SRC / "vigie_node" / feature).rglob("*.py")):
            path = str(file.relative_to(SRC))
            yield from ((message, path) for message in _raised(_tree(path)))
    for path in (*READING, "vigie_node/catalogue/staging.py"):
        yield from ((message, path) for message in chain(_raised(_tree(path)), _remarked(_tree(path))))


def _remarked(tree: ast.AST) -> Iterator[str]:
    """Yield what is said of a line: the third that a remark, or a refusal, is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"Remark", "refuse"}:
            said = node.args[2] if len(node.args) > 2 else None
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                yield said.value


def _raised(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            name, message = ast.unparse(node.exc.func).rpartition(".")[2], node.exc.args[0]
            is_ours = name.endswith("Error") and not hasattr(builtins, name)
            if is_ours and isinstance(message, ast.Constant) and isinstance(message.value, str):
                yield message.value


def _tree(path: str) -> ast.AST:
    return ast.parse((SRC / path).read_text(encoding="utf-8"))
