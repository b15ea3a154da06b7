# SPDX-License-Identifier: Apache-2.0
"""The wheel that users install carries everything it needs: compiled kernels, data, pages, licence."""

import shutil
import subprocess
import sys
import zipfile

import pytest

import messages
import vendor
from architecture.repository import ROOT, files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


class TestABareTree:
    def test_gives_no_wheel_without_what_pages_load(self, tmp_path):
        for path in files():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, tmp_path / path)
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode != 0
        assert all(name in done.stderr for name in (*vendor.MADE, "htmx.min.js", "tools/vendor.py"))
        assert list(tmp_path.glob("dist/*")) == []


class TestWheel:
    def test_holds_every_file_of_the_package(self, wheel):
        packages = {str(path.relative_to("src")) for path in files() if path.parts[0] == "src"}
        assert packages - set(zipfile.ZipFile(wheel).namelist()) == set()

    def test_holds_what_pages_load_and_every_language(self, wheel):
        node = ROOT / "src" / "vigie_node"
        made = {*node.glob("static/vendor/**/*.*"), *node.glob("locale/*/LC_MESSAGES/django.mo")}
        assert len(made) > len(vendor.FILES) + len(messages.LANGUAGES)
        assert {str(path.relative_to(ROOT / "src")) for path in made} - set(zipfile.ZipFile(wheel).namelist()) == set()

    def test_holds_a_compiled_library_for_each_level(self, wheel):
        built = {f"vigie/kernels/{path.name}" for path in (ROOT / "src/vigie/kernels").glob("*.so")}
        assert built
        assert built - set(zipfile.ZipFile(wheel).namelist()) == set()

    def test_binds_to_the_platform_and_to_no_version_of_python(self, wheel):
        assert "-py3-none-manylinux_2_28_" in wheel.name

    def test_holds_licence_and_notice(self, wheel):
        names = {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(wheel).namelist()}
        assert {"LICENSE", "NOTICE"} <= names
