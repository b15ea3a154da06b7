# SPDX-License-Identifier: Apache-2.0
"""With which HTTP status an error is told.

- The seven kinds of `vigie/errors.py` map to HTTP here; a borrowed interface, whose clients expect others, has a table
  of its own.
- A concrete error may name a status in `http_status`, where HTTP is more exact than its kind.
"""

from collections.abc import Mapping

from vigie import errors as kinds
from vigie.errors import VigieError

OF_KIND: Mapping[type[VigieError], int] = {
    kinds.InvalidInputError: 422,
    kinds.NotFoundError: 404,
    kinds.NotAllowedError: 403,
    kinds.WrongStateError: 409,
    kinds.UntrustedError: 502,
    kinds.UnreadableError: 415,
    kinds.UnavailableError: 503,
}


def status_of(error: type[VigieError], *, by_kind: Mapping[type[VigieError], int] = OF_KIND) -> int:
    """Return the status that an error is told with; 500 for one of no kind."""
    of_kind = next((status for kind, status in by_kind.items() if issubclass(error, kind)), 500)
    return int(getattr(error, "http_status", of_kind))
