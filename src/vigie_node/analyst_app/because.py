# SPDX-License-Identifier: Apache-2.0
"""Why a list claims a depiction, in sentences.

- A part that plays no role in this list is left out: no veto where the list has none, no dispute where none is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vigie_node.analyst_app.parts import Reason
from vigie_node.catalogue.explaining import Because, Finding, Part
from vigie_node.catalogue.rules import ListRule, Mode


@dataclass(frozen=True, slots=True)
class Explained:
    """One list's word on a depiction, with its reasons."""

    because: Because
    reasons: Sequence[Reason]
    decided: str
    change: str

    @property
    def rule(self) -> ListRule:
        """Return the list."""
        return self.because.rule


def explained(because: Because) -> Explained:
    """Put a list's reasons into sentences."""
    decided = because.decided
    if decided is None:
        rule = _("Enough sources that the list accepts give a class that it accepts, and a fingerprint may match.")
        change = _("Revoking or disputing an assertion, holding its fingerprints back, or another policy.")
    else:
        rule, change = _sentence(decided, because.rule), _remedy(decided.part)
    parts = [
        Reason(_sentence(one, because.rule), one.holds) for one in because.findings if _plays_a_role(one, because.rule)
    ]
    return Explained(because, parts, rule, change)


def _plays_a_role(one: Finding, rule: ListRule) -> bool:
    if one.part is Part.VETO:
        return rule.policy.veto
    return one.part is not Part.DISPUTES or one.count > 0


def _sentence(one: Finding, rule: ListRule) -> str:
    match one.part:
        case Part.MODE:
            return _mode(one, rule)
        case Part.SOURCES:
            text = _("Current assertions from sources that it accepts: %(count)s of %(of)s.")
        case Part.VETO:
            return (
                _("No source that it accepts rules it out.")
                if one.holds
                else _("A source that it accepts rules it out, and the list lets that decide.")
            )
        case Part.CLASSES:
            text = _("Of these, with a class that it accepts: %(count)s of %(of)s.")
        case Part.DISPUTES:
            text = ngettext(
                "%(count)s assertion is disputed and does not count meanwhile.",
                "%(count)s assertions are disputed and do not count meanwhile.",
                one.count,
            )
        case Part.QUORUM:
            text = _("Sources that agree: %(count)s. Needed: %(of)s.")
        case Part.VALUES:
            text = _("Fingerprints that may match by this list: %(count)s of %(of)s.")
    return text % {"count": one.count, "of": one.of}


def _mode(one: Finding, rule: ListRule) -> str:
    match rule.policy.mode:
        case Mode.OFF:
            return _("The list is off.")
        case Mode.SHADOW:
            return _("The list is in shadow: it matches, and tells nobody outside.")
        case Mode.SHARE:
            text = (
                _("It is in the list's share of %(share)s %%.")
                if one.holds
                else _("It is not in the list's share of %(share)s %%.")
            )
            return text % {"share": one.count}
        case Mode.ON:
            return _("The list is on.")


def _remedy(part: Part) -> str:
    return {
        Part.MODE: _("Another mode or a larger share of the list."),
        Part.SOURCES: _("An assertion by a source that the list accepts."),
        Part.VETO: _("Revoking the assertion that rules it out."),
        Part.CLASSES: _("An assertion with a class that the list accepts, or a policy that accepts more."),
        Part.DISPUTES: _("Settling the dispute."),
        Part.QUORUM: _("The agreement of another source that the list accepts."),
        Part.VALUES: _(
            "A fingerprint of an algorithm and a quality that the list accepts, or one no longer held back."
        ),
    }[part]
