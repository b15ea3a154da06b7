# SPDX-License-Identifier: Apache-2.0
"""The words, shapes and tones of the states that pages show.

- A state is a word, a shape and a tone; the tone alone never says it.
- `danger` is for harm and loss, `due` for a deadline; all else is calm.
- A state without a line here stops the page: a state that nobody worded is a defect.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from vigie import labels
from vigie.fingerprints.values import Algorithm, Turn
from vigie.lists.entries import Role as View
from vigie.matching.verdicts import BORDER_REMOVED, Outcome
from vigie_node.accounts.states import Access, KeyState, OrganisationKind
from vigie_node.catalogue.derivation import Act, Age, Origin
from vigie_node.catalogue.import_queries import Part
from vigie_node.catalogue.rules import Mode
from vigie_node.catalogue.standing import BANK
from vigie_node.catalogue.states import DisputeOutcome, Grade, ImportState, Kind, OverrideKind, SeriesStatus, Standing
from vigie_node.sightings.states import FoundBy, LoadState, Place, SimulationState, SweepCause, TaskKind, TaskState


class Tone(StrEnum):
    """How a state is coloured."""

    CALM = "calm"
    GOOD = "good"
    ACTIVE = "active"
    DUE = "due"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown."""

    word: str | Promise
    shape: str
    tone: Tone = Tone.CALM


_BY_KIND: dict[tuple[type, str], Look] = {}


def _table(kind: type[StrEnum], looks: dict[Any, Look]) -> None:
    _BY_KIND.update({(kind, one.value): look for one, look in looks.items()})


_table(
    Standing,
    {
        Standing.CURRENT: Look(_("current"), "circle-check"),
        Standing.DISPUTED: Look(_("disputed"), "scale", Tone.DUE),
        Standing.SUPERSEDED: Look(_("superseded"), "versions"),
        Standing.REVOKED: Look(_("revoked"), "ban"),
    },
)
_table(
    Mode,
    {
        Mode.OFF: Look(pgettext_lazy("mode of a list", "off"), "circle-dashed"),
        Mode.SHADOW: Look(pgettext_lazy("mode of a list", "shadow"), "eye-off", Tone.ACTIVE),
        Mode.SHARE: Look(pgettext_lazy("mode of a list", "a share"), "adjustments", Tone.ACTIVE),
        Mode.ON: Look(pgettext_lazy("mode of a list", "on"), "circle-check", Tone.GOOD),
    },
)
_table(
    ImportState,
    {
        ImportState.WAITING: Look(_("waiting"), "clock"),
        ImportState.STAGING: Look(_("being read"), "refresh", Tone.ACTIVE),
        ImportState.STAGED: Look(_("waits for your decision"), "eye", Tone.DUE),
        ImportState.VISIBLE: Look(_("taken in"), "circle-check", Tone.GOOD),
        ImportState.CANCELLED: Look(_("cancelled"), "x"),
        ImportState.FAILED: Look(_("failed"), "circle-x", Tone.DANGER),
    },
)
_table(
    Part,
    {
        Part.NEW: Look(_("new"), "plus"),
        Part.SUPERSEDING: Look(_("replacing an earlier one"), "versions"),
        Part.REVOKING: Look(_("taken back"), "ban", Tone.DUE),
    },
)
_table(
    DisputeOutcome,
    {
        DisputeOutcome.UPHELD: Look(_("upheld"), "check", Tone.GOOD),
        DisputeOutcome.REJECTED: Look(_("rejected"), "x"),
        DisputeOutcome.WITHDRAWN: Look(_("withdrawn"), "arrow-back-up"),
    },
)
_table(
    OverrideKind,
    {
        OverrideKind.SUPPRESSED: Look(_("held back"), "ban", Tone.DUE),
        OverrideKind.QUARANTINED: Look(_("in quarantine"), "shield-lock", Tone.DUE),
    },
)
_table(
    SeriesStatus,
    {
        SeriesStatus.UNIDENTIFIED: Look(_("not identified"), "circle-dashed", Tone.DUE),
        SeriesStatus.UNDER_WAY: Look(_("identification under way"), "search", Tone.ACTIVE),
        SeriesStatus.IDENTIFIED: Look(_("identified"), "flag", Tone.ACTIVE),
        SeriesStatus.SAFEGUARDED: Look(_("safeguarded"), "shield-check", Tone.GOOD),
    },
)
_table(
    TaskState,
    {
        TaskState.OPEN: Look(pgettext_lazy("state of a task", "not taken"), "circle-dashed"),
        TaskState.TAKEN: Look(pgettext_lazy("state of a task", "taken"), "user", Tone.ACTIVE),
        TaskState.DONE: Look(pgettext_lazy("state of a task", "done"), "circle-check", Tone.GOOD),
    },
)
_table(
    TaskKind,
    {
        TaskKind.KNOWN_SINCE: Look(_("seen before, known since"), "history", Tone.ACTIVE),
        TaskKind.NO_LONGER_KNOWN: Look(_("acted on before, revoked since"), "arrow-back-up", Tone.DUE),
    },
)
_table(
    Kind,
    {
        Kind.PICTURE: Look(_("picture"), "fingerprint"),
        Kind.VIDEO: Look(_("video"), "timeline"),
        Kind.OTHER: Look(_("other file"), "file"),
    },
)
_table(
    Grade,
    {
        Grade.SEEN: Look(_("assessed by an analyst of the source"), "eye"),
        Grade.VERIFIED: Look(_("assessed by several analysts of the source, independently"), "users"),
        Grade.RECEIVED: Look(_("taken over from the source's list"), "file-import"),
        Grade.INHERITED: Look(_("the same content was assessed before"), "link"),
    },
)
_table(
    Place,
    {
        Place.URL: Look(_("web address"), "link"),
        Place.REPORT: Look(_("report"), "mail"),
        Place.EXHIBIT: Look(_("file of an exhibit"), "archive"),
        Place.UPLOAD: Look(_("upload at a provider"), "upload"),
    },
)
_table(
    Access,
    {
        Access.INVITED: Look(_("invited"), "mail", Tone.DUE),
        Access.ACTIVE: Look(_("active"), "circle-check", Tone.GOOD),
        Access.ENDED: Look(_("ended"), "x"),
    },
)
_table(
    KeyState,
    {
        KeyState.ACTIVE: Look(_("active"), "circle-check", Tone.GOOD),
        KeyState.EXPIRED: Look(_("expired"), "clock", Tone.DUE),
        KeyState.REVOKED: Look(_("revoked"), "ban"),
    },
)
_table(
    OrganisationKind,
    {
        OrganisationKind.HOTLINE: Look(_("hotline"), "phone"),
        OrganisationKind.POLICE: Look(_("police"), "shield-check"),
        OrganisationKind.AUTHORITY: Look(_("other authority"), "gavel"),
        OrganisationKind.PROVIDER: Look(_("service provider"), "database"),
        OrganisationKind.CHARITY: Look(_("charity"), "users"),
        OrganisationKind.OTHER: Look(_("other"), "building"),
    },
)
_table(
    FoundBy,
    {
        FoundBy.LOOK_UP: Look(_("look-up"), "search"),
        FoundBy.LOADED: Look(_("loaded results"), "file-import"),
        FoundBy.RETRACE: Look(_("looking back"), "history"),
    },
)
_table(
    SweepCause,
    {
        SweepCause.STANDING: Look(_("what is said of depictions changed"), "history"),
        SweepCause.IMPORT: Look(_("an import became visible"), "file-import"),
        SweepCause.IMPORT_UNDONE: Look(_("an import was undone"), "arrow-back-up"),
        SweepCause.LIST_WIDENED: Look(_("a list may match more"), "list"),
        SweepCause.LIST_NARROWED: Look(_("a list matches less"), "list"),
        SweepCause.OVERRIDE_MADE: Look(_("a fingerprint matches nothing any more"), "fingerprint"),
        SweepCause.OVERRIDE_ENDED: Look(_("a fingerprint may match again"), "fingerprint"),
    },
)
_table(
    LoadState,
    {
        LoadState.WAITING: Look(_("waiting"), "clock"),
        LoadState.STAGING: Look(_("being read"), "refresh", Tone.ACTIVE),
        LoadState.MATCHING: Look(_("being matched"), "search", Tone.ACTIVE),
        LoadState.DONE: Look(_("finished"), "circle-check", Tone.GOOD),
        LoadState.CANCELLED: Look(_("cancelled"), "x"),
        LoadState.FAILED: Look(_("failed"), "circle-x", Tone.DANGER),
    },
)
_table(
    SimulationState,
    {
        SimulationState.WAITING: Look(_("waiting"), "clock"),
        SimulationState.RUNNING: Look(_("running"), "refresh", Tone.ACTIVE),
        SimulationState.DONE: Look(_("finished"), "circle-check", Tone.GOOD),
        SimulationState.CANCELLED: Look(_("cancelled"), "x"),
    },
)
_table(
    Outcome,
    {
        Outcome.KNOWN: Look(pgettext_lazy("verdict", "known"), "flag", Tone.DANGER),
        Outcome.NEAR: Look(pgettext_lazy("verdict", "near"), "scale", Tone.DUE),
        Outcome.GATED: Look(pgettext_lazy("verdict", "may not match"), "ban"),
        Outcome.UNKNOWN: Look(pgettext_lazy("verdict", "unknown"), "circle-dashed"),
        Outcome.UNREADABLE: Look(pgettext_lazy("verdict", "unreadable"), "alert-triangle", Tone.DUE),
        Outcome.NOT_MEDIA: Look(pgettext_lazy("verdict", "no picture or video"), "file"),
        Outcome.NOT_EXAMINED: Look(pgettext_lazy("verdict", "not examined"), "circle-dashed"),
    },
)
_table(
    Age,
    {
        Age.INFANT: Look(_("infant"), "user"),
        Age.PREPUBESCENT: Look(_("prepubescent"), "user"),
        Age.PUBESCENT: Look(_("pubescent"), "user"),
        Age.ADULT: Look(_("adult"), "user"),
        Age.UNDETERMINED: Look(_("age not determined"), "user"),
    },
)
_table(
    Act,
    {
        Act.PENETRATION: Look(_("penetration"), "tag"),
        Act.ANIMAL: Look(_("with an animal"), "tag"),
        Act.SADISM: Look(_("sadism"), "tag"),
        Act.SEXUAL_ACTIVITY: Look(_("sexual activity without penetration"), "tag"),
        Act.TOUCHING: Look(_("touching"), "tag"),
        Act.EXHIBITION: Look(_("lascivious exhibition"), "tag"),
        Act.INDECENT: Look(_("indecent, none of the others"), "tag"),
        Act.NONE: Look(_("none"), "tag"),
        Act.UNDETERMINED: Look(_("act not determined"), "tag"),
    },
)
_table(
    Origin,
    {
        Origin.REAL: Look(_("a real person is depicted"), "tag"),
        Origin.GENERATED: Look(_("generated or altered by a computer"), "tag"),
        Origin.VIRTUAL: Look(_("drawn or animated"), "tag"),
        Origin.UNDETERMINED: Look(_("origin not determined"), "tag"),
    },
)

ALGORITHMS = {
    Algorithm.MD5: "MD5",
    Algorithm.SHA1: "SHA-1",
    Algorithm.SHA256: "SHA-256",
    Algorithm.PDQ: "PDQ",
    Algorithm.PDQ_FRAMES: _("PDQ of a frame"),
}

VIEWS = {
    View.STORED: _("as stored"),
    View.UPRIGHT: _("turned upright"),
    View.BORDERLESS: _("without its border"),
    View.ON_BLACK: _("on black"),
}

_TURNS = {
    Turn.NONE: _("as it is"),
    Turn.ROTATED_90: _("turned by 90°"),
    Turn.ROTATED_180: _("turned by 180°"),
    Turn.ROTATED_270: _("turned by 270°"),
    Turn.MIRRORED: _("mirrored"),
    Turn.MIRRORED_ROTATED_90: _("mirrored and turned by 90°"),
    Turn.MIRRORED_ROTATED_180: _("mirrored and turned by 180°"),
    Turn.MIRRORED_ROTATED_270: _("mirrored and turned by 270°"),
}


def transform(name: str) -> str:
    """Say how a copy differs: its turn, and whether it lost a border."""
    if name == BORDER_REMOVED:
        return gettext("without its border")
    if name.startswith(f"{BORDER_REMOVED}-"):
        turn = _TURNS[Turn(name.removeprefix(f"{BORDER_REMOVED}-"))]
        return gettext("without its border, %(turn)s") % {"turn": turn}
    return str(_TURNS[Turn(name or Turn.NONE.value)])


def meaning(scheme: str, label: str) -> str:
    """Say what a label means; one that its scheme no longer has is said to be unknown."""
    if scheme == BANK:
        return gettext("our own organisation put it on the list %(name)s") % {"name": label}
    try:
        return gettext(labels.find(scheme, label).meaning)
    except (labels.UnknownSchemeError, labels.UnknownLabelError):
        return gettext("a label that this node does not know")


def label_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return every label of every scheme for a field to choose from, as `scheme:code`, by scheme."""
    return [
        (
            gettext(scheme.title),
            [(f"{name}:{code}", f"{name}:{code} – {gettext(one.meaning)}") for code, one in scheme.codes.items()],
        )
        for name, scheme in labels.schemes().items()
    ]


def look_of(state: StrEnum) -> Look:
    """Return how a state is shown.

    Raises:  KeyError for a state that nobody worded.
    """
    return _BY_KIND[type(state), state.value]
