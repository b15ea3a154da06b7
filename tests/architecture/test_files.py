# SPDX-License-Identifier: Apache-2.0
"""What holds for every file of the repository."""

import ast
import re

import pytest

from architecture.repository import files, python_files, text

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# Files and functions over the ceilings, with their size: this list may only shrink.
TOO_LONG: dict[str, int] = {}

WITH_LICENCE_LINE = {".py", ".c", ".h", ".sh", ".toml", ".css", ".js", ".html", ".j2", ".jinja", ".yml", ""}
WITHOUT_LICENCE_LINE = {"LICENSE", "NOTICE", "CODEOWNERS", ".gitignore", "py.typed"}

# Joined from pieces, so that this file does not hold what it looks for.
FOREIGN = {
    "a package registry's host": [
        "py" + "pi.org",
        "python" + "hosted",
        "npm" + "js.org",
        "deb." + "debian",
        "crates" + ".io",
    ],
    "a path of one machine": ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/"],
}

FORBIDDEN_TERMS = re.compile(
    "|".join(["child po" + "rn", "kinderpo" + "rn", "p[ée]dopo" + "rn", r"\bped" + r"o\b"]), re.IGNORECASE
)
LOOKS_FOR_THEM = {"tests/unit/evidence/test_wording.py"}


def readable_files():
    for path in files():
        try:
            yield path, text(path)
        except UnicodeDecodeError:
            continue


def sizes():
    written = [path for path in python_files() if path.parent.name != "migrations"]  # Django writes those
    for path in written:
        source = text(path)
        yield str(path), source.count("\n"), MAX_FILE_LINES
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.name}", node.end_lineno - node.lineno + 1, MAX_FUNCTION_LINES


class TestEveryFile:
    def test_begins_with_its_licence(self):
        missing = [
            str(path)
            for path, content in readable_files()
            if path.suffix in WITH_LICENCE_LINE and path.name not in WITHOUT_LICENCE_LINE
            if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(content.splitlines()[:2])
        ]
        assert missing == []

    def test_names_no_registry_host_and_no_path_of_a_machine(self):
        found = [
            f"{path}: names {what}"
            for path, content in readable_files()
            for what, pieces in FOREIGN.items()
            if any(piece in content for piece in pieces)
        ]
        assert found == []

    def test_uses_the_terms_of_the_luxembourg_guidelines(self):
        found = {str(path) for path, content in readable_files() if FORBIDDEN_TERMS.search(content)}
        assert found - LOOKS_FOR_THEM == set()


class TestSizes:
    def test_files_and_functions_stay_below_the_ceilings(self):
        assert {name: size for name, size, ceiling in sizes() if size > ceiling and name not in TOO_LONG} == {}

    def test_the_exceptions_only_shrink(self):
        now = {name: size for name, size, ceiling in sizes() if size > ceiling}
        assert {name: size for name, size in TOO_LONG.items() if now.get(name) != size} == {}

    def test_names_of_modules_are_words_of_the_field(self):
        vague = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "data"}
        assert [str(path) for path in python_files() if path.stem in vague] == []


class TestVectors:
    def test_each_says_where_it_comes_from(self):
        vectors = [path for path in files() if path.parts[:2] == ("tests", "vectors") and path.name != "ORIGINS.md"]
        if not vectors:
            pytest.fail("there are no vectors")
        origins = text("tests/vectors/ORIGINS.md")
        assert [str(path) for path in vectors if f"`{path.relative_to('tests/vectors')}`" not in origins] == []
