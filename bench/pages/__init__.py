# SPDX-License-Identifier: Apache-2.0
"""The pages of the documents that a measurement writes: a text beside this module, with the figures filled in."""

from pathlib import Path
from string import Template

from bench import DOCS


def write(name: str, **figures: object) -> None:
    """Fill the figures into the page of this name and write it to the documents.

    Raises:  KeyError if the text asks for a figure that is not given.
    """
    text = Template(Path(__file__).with_name(f"{name}.md").read_text(encoding="utf-8"))
    (DOCS / f"{name}.md").write_text(text.substitute({key: str(value) for key, value in figures.items()}))
