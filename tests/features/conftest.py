# SPDX-License-Identifier: Apache-2.0
"""A folder of benign media and a list of one of them, for the tests of the command line."""

import pytest
from PIL import Image

from vigie.cli import samples
from vigie.cli.main import main


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A folder with a benign landscape, a compressed copy, a stranger, a text and a cut picture."""
    folder = tmp_path_factory.mktemp("media")
    scene = Image.fromarray(samples.landscape(1))
    scene.save(folder / "known.jpg", quality=92)
    (folder / "found").mkdir()
    scene.save(folder / "found" / "copy.jpg", quality=40)
    Image.fromarray(samples.landscape(2)).save(folder / "found" / "stranger.jpg", quality=90)
    (folder / "found" / "notes.txt").write_text("Apples and bread, and some more text to read.\n" * 3, encoding="utf-8")
    (folder / "found" / "cut.jpg").write_bytes((folder / "known.jpg").read_bytes()[:4000])
    return folder


@pytest.fixture(scope="session")
def known(media):
    path = media / "known.vigie"
    claim = ["--scheme", "demonstration", "--label", "sample", "--by", "Test unit"]
    assert main(["list", "create", str(path), "--name", "test", "--from", str(media / "known.jpg"), *claim]) == 0
    return path
