# SPDX-License-Identifier: Apache-2.0
"""Writes the pages that come from the code: errors, commands, what is kept, decisions, modules.

- `python tools/reference.py` writes them; a test says when one is out of date.
- The text depends on the code alone: not on the terminal's width, the version of Python or the day.
"""

import argparse
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from django.apps import apps

import vigie
import vigie_node
from vigie.cli.main import build_parser
from vigie.errors import VigieError
from vigie_node.cli import main as node

ROOT = Path(__file__).resolve().parents[1]
GENERATED = "<!-- Written by `make docs` from the code: change it there. -->"


def modules() -> list[str]:
    """Return the name of every module of both packages that may be imported; compiled kernels are none."""
    node.set_up_site()
    found = [
        *pkgutil.walk_packages(vigie.__path__, "vigie."),
        *pkgutil.walk_packages(vigie_node.__path__, "vigie_node."),
    ]
    names = [module.name for module in found if not {"migrations", "wsgi", "__main__"} & set(module.name.split("."))]
    return [name for name in names if "-" not in name]


def error_classes() -> list[type[VigieError]]:
    """Import every module of both packages and return every error class: the kinds first, then by code."""
    for name in modules():
        importlib.import_module(name)
    kinds = VigieError.__subclasses__()
    return [*kinds, *sorted(_below(kinds), key=lambda error: error.code)]


def _below(kinds: list[type[VigieError]]) -> Iterator[type[VigieError]]:
    for kind in kinds:
        for error in kind.__subclasses__():
            if not error.__module__.startswith("vigie"):
                continue  # a test's own
            yield error
            yield from _below([error])


def errors_page() -> str:
    """Return the page of every error: its code, what it means, the exit status it ends a command with."""
    lines = ["# Errors", "", GENERATED, ""]
    lines += [
        "A command that cannot do its work says why in one line, with one of these codes, and ends with its exit",
        "status. Exit status 0 means that the work was done, whatever the verdicts; 1 is a bug; 2 wrong arguments too;",
        "130 an interruption (`vigie.interrupted`). What the system itself refuses, such as a missing permission, is",
        "`vigie.system`, exit status 8.",
        "",
        "| code | exit | what it means |",
        "|---|---|---|",
    ]
    lines += [f"| `{error.code}` | {error.exit_code} | {_first_line(error)} |" for error in error_classes()]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Return the page of every command with its arguments and options."""
    lines = ["# Commands", "", GENERATED, ""]
    for parser, about in [*_commands(build_parser()), *_node_commands()]:
        lines += [f"## {parser.prog}", "", parser.description or about, ""]
        rows = [_row(action) for action in parser._actions if _is_documented(action)]
        if rows:
            lines += ["| argument | meaning |", "|---|---|", *rows, ""]
        if parser.epilog:
            lines += ["```", parser.epilog.removeprefix("Example: "), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(parser: argparse.ArgumentParser, about: str = "") -> Iterator[tuple[argparse.ArgumentParser, str]]:
    yield parser, about
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, child in action.choices.items():
                yield from _commands(child, helps.get(name, ""))


def _node_commands() -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Yield the node's commands; each is built whole only when it is asked for."""
    yield node.build_parser([]), ""
    for name, command in node.COMMANDS.items():
        for parser, about in _commands(node.build_parser([name])):
            if parser.prog.split()[1:2] == [name]:
                yield parser, about or command.help


def _is_documented(action: argparse.Action) -> bool:
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help != argparse.SUPPRESS


def _row(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper().replace("_", "-")
    takes = "" if action.nargs == 0 else "|".join(map(str, action.choices)) if action.choices else metavar
    name = ", ".join(action.option_strings) or metavar
    if action.option_strings and takes:
        name += f" {takes}"
    if action.nargs in {"+", "*"}:
        name += "..."
    meaning = (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
    name, meaning = (" ".join(text.split()).replace("|", "\\|") for text in (name, meaning))
    return f"| `{name}` | {meaning} |"


def retention_page() -> str:
    """Return the page of every record of the node: what for, how long, how it ends."""
    node.set_up_site()
    lines = ["# What a node keeps, and for how long", "", GENERATED, ""]
    lines += ["| record | what for | how long | how it ends |", "|---|---|---|---|"]
    for model in sorted(apps.get_models(), key=lambda model: model._meta.label):
        if model.__module__.startswith("vigie_node."):
            kept = vars(model)["Retention"]
            lines.append(f"| {model._meta.label} | {kept.purpose} | {kept.keep_for} | {kept.scrub} |")
    return "\n".join(lines) + "\n"


def decisions_page() -> str:
    """Return the index of the decision records."""
    lines = ["# Decisions", "", GENERATED, ""]
    lines += ["Each record says what was decided, why, and what follows. A later one may supersede it; none is erased."]
    lines += [""]
    for record in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        title = re.sub(r"^# \d{4}\W+", "", _text(record).splitlines()[0])
        lines.append(f"- [{record.name[:4]}. {title}]({record.name})")
    return "\n".join(lines) + "\n"


def architecture_page() -> str:
    """Return the page on the architecture, its list of modules made anew from their first lines."""
    before, begin, rest = _text(ROOT / "ARCHITECTURE.md").partition("<!-- modules -->\n")
    _, end, after = rest.partition("<!-- end of modules -->")
    trees = [*_tree(ROOT / "src" / "vigie"), "", *_tree(ROOT / "src" / "vigie_node")]
    return before + begin + "\n".join(trees) + "\n" + end + after


def _tree(package: Path) -> Iterator[str]:
    yield "```"
    yield f"src/{package.name}/"
    paths = [
        path
        for path in package.rglob("*")
        if path.suffix in {".py", ".c", ".h", ".toml"}
        and path.name != "__init__.py"
        and path.parent.name != "migrations"
    ]
    folder = package
    # Folders after files, each followed by what it holds.
    for path in sorted(paths, key=lambda path: [(part != path.name, part) for part in path.relative_to(package).parts]):
        if path.parent != folder:
            folder = path.parent
            yield f"{'  ' * len(folder.relative_to(package).parts)}{folder.name}/"
        indent = "  " * len(path.relative_to(package).parts)
        yield f"{indent + path.name:24}{_purpose(path)}".rstrip()
    yield "```"


def _purpose(path: Path) -> str:
    """Return the first sentence of a source file that is not its licence line."""
    for line in _text(path).splitlines()[1:]:
        if sentence := line.strip(' "#/*'):
            return sentence if sentence.endswith(".") else sentence.partition(": ")[0]
    return ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _first_line(error: type[VigieError]) -> str:
    return (inspect.getdoc(error) or "").splitlines()[0]


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/errors.md": errors_page,
    "docs/reference/commands.md": commands_page,
    "docs/reference/retention.md": retention_page,
    "docs/adr/README.md": decisions_page,
    "ARCHITECTURE.md": architecture_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"{name}\n")
