# SPDX-License-Identifier: Apache-2.0
"""The page of defects names tests that exist."""

import ast
import re

import pytest

from architecture.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "peer-defects.md"


def rows():
    """What goes wrong elsewhere, with the test that is named for it."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(defect, test.strip("`")) for defect, test in cells if defect != "what goes wrong there"]


def names_in(path):
    """The tests of a file, each with its class before it."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


class TestPage:
    @pytest.mark.parametrize(("defect", "test"), rows())
    def test_names_a_test_that_exists_for_each_defect(self, defect, test):
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file()
        assert re.fullmatch(r"(\w+::)?test_\w+", name)
        assert name in names_in(path)

    def test_says_each_defect_once(self):
        defects = [f"{defect} {test}" for defect, test in rows()]
        assert len(set(defects)) == len(defects) > 40
