# SPDX-License-Identifier: Apache-2.0
"""Which classes a word may state.

- A class is a scheme and a label, as `vigie.labels` knows them: an unknown one is refused, never read as the nearest.
- One scheme is our own: `bank`, whose labels are the names of our lists. Such a word says that our own organisation put
  something on that list; nobody else can say it, so no file may.
"""

import re

from vigie import labels
from vigie.errors import InvalidInputError
from vigie_node.catalogue.rules import BANK

LIST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class MalformedListNameError(InvalidInputError):
    """The text cannot be the name of a list."""

    code = "catalogue.malformed-list-name"


def check_list_name(name: str) -> None:
    """Refuse what cannot be a list's name: it stands in addresses, files and answers.

    Raises:  MalformedListNameError.
    """
    if not LIST_NAME.fullmatch(name):
        raise MalformedListNameError(
            "a list's name has 1 to 64 letters, digits, dots, hyphens and underscores; the first is a letter or digit"
        )


def check_class(scheme: str, label: str) -> None:
    """Refuse a class that there is not.

    Raises:  labels.UnknownSchemeError, labels.UnknownLabelError; MalformedListNameError.
    """
    if scheme == BANK:
        check_list_name(label)
    else:
        labels.check_label(scheme, label)
