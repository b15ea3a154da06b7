# SPDX-License-Identifier: Apache-2.0
"""Every error that the partners' face can answer: code, status, meaning.

- The list is read from the errors themselves: one that is not raised anywhere is not in it, one that is raised and not
  here fails a test.
- The borrowed interfaces tell some of them with another status, which their clients expect: borrowed.STATUS.
"""

from dataclasses import dataclass

from vigie.errors import VigieError
from vigie.fingerprints import sandbox, values
from vigie_node.banks import actions as banks
from vigie_node.banks import rules as bank_rules
from vigie_node.base import statuses
from vigie_node.catalogue import identity, list_actions
from vigie_node.matching import answers, lookup, uploads
from vigie_node.partner_api import arachnid, bodies, borrowed, callers, hot, quotas
from vigie_node.partner_api.hma import routes, signals
from vigie_node.sightings import legal_bases, report_actions

# Where each interface lets them out. A status is that of the interface that tells it.
_OURS: tuple[type[VigieError], ...] = (
    callers.UnknownCallerError,
    callers.MissingScopeError,
    quotas.OverQuotaError,
    hot.MalformedRequestError,
    bodies.TooLargeError,
    bodies.EncodedBodyError,
    bodies.UnfinishedBodyError,
    bodies.SlowBodyError,
    hot.WrongMethodError,
    hot.BusyLaneError,
    hot.UnknownListError,
    lookup.StaleIndexError,
    answers.TooManyCandidatesError,
    values.MalformedFingerprintError,
    uploads.EmptyFileError,
    uploads.FileTooLargeError,
    uploads.BusyExaminersError,
    sandbox.StartFailedError,
    sandbox.UnconfinedError,
    report_actions.UnfitTimesError,
    legal_bases.UnknownBasisError,
    legal_bases.BasisNotInForceError,
    legal_bases.ExpiryOutOfBoundsError,
)
_BORROWED: tuple[type[VigieError], ...] = (
    borrowed.NoFetchingError,
    borrowed.NoSuchOperationError,
    borrowed.DatabaseAwayError,
    borrowed.DiskFullError,
    routes.WrongMethodError,
    signals.UnknownSignalError,
    signals.UnfitFormError,
    signals.UnfitFileError,
    banks.BankNameTakenError,
    banks.NoSuchBankError,
    banks.NoSuchContentError,
    bank_rules.UnfitNameError,
    bank_rules.UnfitRatioError,
    bank_rules.UnfitTimeError,
    bank_rules.UnfitNoteError,
    identity.NeverMatchesError,
    list_actions.ListChangedError,
    arachnid.UnfitHashesError,
    arachnid.UnreadableMediaError,
    arachnid.WrongMethodError,
)
_OF_THE_NODE = (
    ("node.no-such-page", 404, "There is nothing at this address."),
    ("node.malformed-request", 400, "The request is malformed: change it."),
    ("node.database-away", 503, "The database does not answer just now: try again."),
    ("node.disk-full", 507, "The node has no room left; its operator has to make some."),
    ("node.bug", 500, "The node made an error. Nothing was changed; quote the request's number."),
)


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One error: its code, the status it is told with, and what it means."""

    code: str
    status: int
    meaning: str


def all_of_them() -> list[ErrorRow]:
    """Return every error, by code."""
    ours = [_row(error, statuses.status_of(error)) for error in _OURS]
    others = [_row(error, statuses.status_of(error, by_kind=borrowed.STATUS)) for error in _BORROWED]
    node = [ErrorRow(code, status, meaning) for code, status, meaning in _OF_THE_NODE]
    return sorted([*ours, *others, *node], key=lambda one: one.code)


def _row(error: type[VigieError], status: int) -> ErrorRow:
    return ErrorRow(error.code, status, (error.__doc__ or "").partition("\n")[0])
