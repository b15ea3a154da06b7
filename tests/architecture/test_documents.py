# SPDX-License-Identifier: Apache-2.0
"""The documents say what the code is: generated pages are up to date, hand-written ones leave nothing out."""

import json
import re
import tomllib

import pytest

import reference
from architecture.repository import ROOT, files, python_files, text
from vigie import errors
from vigie_node.project.faces import LOGINS, SERVING, password_setting


class TestErrors:
    def test_every_error_has_a_code_of_its_own(self):
        codes = [error.code for error in reference.error_classes()]
        assert len(codes) == len(set(codes))
        assert [error.__name__ for error in reference.error_classes() if "code" not in vars(error)] == []

    def test_every_code_is_an_area_and_a_reason(self):
        wrong = [
            error.code for error in reference.error_classes() if not re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", error.code)
        ]
        assert wrong == []

    def test_every_error_is_of_one_kind_and_ends_with_its_exit_status(self):
        kinds = errors.VigieError.__subclasses__()
        assert sorted(kind.exit_code for kind in kinds) == list(range(2, 9))
        assert {kind.__module__ for kind in kinds} == {"vigie.errors"}
        for error in reference.error_classes():
            assert error.exit_code in {kind.exit_code for kind in kinds if issubclass(error, kind)}

    def test_every_error_lives_beside_what_raises_it_and_says_what_it_means(self):
        for error in reference.error_classes():
            assert error.__doc__, error
            assert error.__name__.endswith("Error"), error


class TestGeneratedPages:
    @pytest.mark.parametrize("page", reference.PAGES)
    def test_is_up_to_date(self, page):
        assert text(page) == reference.PAGES[page](), "run `make docs`"


class TestSettings:
    def test_each_of_the_node_has_its_line_and_no_other_has(self):
        node = [path for path in python_files() if path.parts[:2] == ("src", "vigie_node")]
        read = {name for path in node for name in re.findall(r'"(VIGIE_[A-Z_]+)"', text(path))}
        lines = set(re.findall(r"^\| `(VIGIE_[A-Z_]+)` \|", text("docs/reference/settings.md"), re.MULTILINE))
        of_faces = {f"VIGIE_{face.upper()}_ADDRESS" for face in SERVING} | {password_setting(face) for face in LOGINS}
        assert lines - of_faces == read


class TestDependencies:
    def test_each_direct_one_has_its_line_and_no_other_has(self):
        project = tomllib.loads(text("pyproject.toml"))
        wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
        for group in [*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()]:
            wanted += [entry for entry in group if isinstance(entry, str)]
        names = {re.split(r"[<>=!~;\[ ]", entry)[0] for entry in wanted}
        browser = json.loads(text("package.json"))
        names |= {*browser["dependencies"], *browser["devDependencies"]}
        lines = set(re.findall(r"^\| `([^`]+)` \|", text("docs/reference/dependencies.md"), re.MULTILINE))
        assert lines == names

    @pytest.mark.parametrize("lock", ["run.lock", "dev.lock", "browser.lock"])
    def test_each_locked_one_has_hashes(self, lock):
        entries = re.split(r"\n(?=[a-z])", text(f"requirements/{lock}"))
        assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


class TestArchitecture:
    def test_every_module_says_what_it_is_for(self):
        tree = text("ARCHITECTURE.md").partition("<!-- modules -->")[2]
        lines = [line for line in tree.splitlines() if re.search(r"\.(py|c|h|toml)\b", line)]
        assert [line for line in lines if len(line.split()) < 4] == []

    def test_names_only_files_that_exist(self):
        page = text("ARCHITECTURE.md").partition("<!-- modules -->")[0]
        named = re.findall(r"`([a-z_/]+\.(?:py|c|toml))`", page)
        there = [f"/{path}" for path in files()]
        assert [name for name in named if not any(path.endswith(f"/{name}") for path in there)] == []


class TestLinks:
    def test_lead_somewhere(self):
        pages = [path for path in files() if path.suffix == ".md" and path.parts[:2] != ("bench", "pages")]
        broken = [
            f"{page}: {link}"
            for page in pages
            for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", text(page))
            if not (ROOT / page.parent / link).exists()
        ]
        assert broken == []

    def test_pages_that_the_code_names_exist(self):
        named = {
            (str(path), page)
            for path in files()
            if path.suffix in {".py", ".c", ".h", ".toml", ".md", ".sh"}
            for page in re.findall(r"\bdocs/[\w/.-]+\.(?:md|json|svg)\b", text(path))
        }
        assert {(path, page) for path, page in named if not (ROOT / page).exists()} == set()

    def test_decisions_that_are_named_exist(self):
        numbers = {path.name[:4] for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
        named = {number for path in python_files() for number in re.findall(r"ADR-(\d{4})", text(path))}
        assert named - numbers == set()

    def test_no_two_decisions_have_one_number(self):
        names = [path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")]
        assert len({name[:4] for name in names}) == len(names)
