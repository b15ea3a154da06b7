# SPDX-License-Identifier: Apache-2.0
"""What the page of a depiction shows: its words, why lists claim it, where it was seen, what can be done.

- Each thing that can be done to a word is offered to who may do it, and only while it can be done.
- Figures of sightings are shown to who may read them.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse

from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import because, seen, words
from vigie_node.analyst_app.because import Explained
from vigie_node.analyst_app.depiction_forms import AssertionForm, ReasonForm, SeriesForm, SettleForm
from vigie_node.analyst_app.relied import OnIt
from vigie_node.catalogue import dossier, explaining, standing
from vigie_node.catalogue.derivation import Act, Age, Origin
from vigie_node.catalogue.dossier import DisputeRow, Dossier, InSeries, Said
from vigie_node.catalogue.rules import Mode
from vigie_node.sightings.rules import Reach

Forms = Mapping[str, forms.Form]


@dataclass(frozen=True, slots=True)
class Word:
    """One assertion with its facts in words, and the forms of what may be done to it; None for what may not."""

    said: Said
    facts: Sequence[str]
    dispute: forms.Form | None
    revoke: forms.Form | None
    settle: forms.Form | None

    @property
    def dispute_name(self) -> str:
        """Return the name of the dialog that opens a dispute."""
        return f"dispute-{self.said.id}"

    @property
    def revoke_name(self) -> str:
        """Return the name of the dialog that revokes."""
        return f"revoke-{self.said.id}"

    @property
    def settle_name(self) -> str:
        """Return the name of the dialog that settles the dispute."""
        return f"settle-{self.said.open_dispute.id}" if self.said.open_dispute else ""


@dataclass(frozen=True, slots=True)
class Link:
    """One series with the form that takes the depiction out of it."""

    series: InSeries
    unlink: forms.Form | None

    @property
    def dialog(self) -> str:
        """Return the name of the dialog that takes it out."""
        return f"unlink-{self.series.series_id}"


def context(
    held: Dossier,
    *,
    permissions: frozenset[Permission],
    reach: Reach,
    opened: Forms | None = None,
    values: Sequence[dossier.Value] | None = None,
    on_it: OnIt | None = None,
) -> dict[str, Any]:
    """Return what the template shows.

    `opened` are forms that were refused, by the name of their dialog; `on_it` is what was done on one of the words.
    """
    bad = opened or {}
    claims = _lists(held.id)
    told = [one for one in claims if one.because.claims and one.rule.policy.mode is not Mode.SHADOW]
    return {
        "held": held,
        "said": [_word(one, permissions, bad) for one in held.said],
        "current": [one for one in held.said if one.counts],
        "due": [one for one in held.said if one.counts and one.open_dispute],
        "claims": [one for one in claims if one.because.claims],
        "others": [one for one in claims if not one.because.claims],
        "is_matchable": bool(told),
        "gravest": told[0].because.told if told else None,
        "record_form": bad.get("record") or AssertionForm() if Permission.ASSERTION_RECORD in permissions else None,
        "link_form": bad.get("link") or SeriesForm(auto_id="link-%s")
        if Permission.SERIES_EDIT in permissions
        else None,
        "links": [_link(one, permissions, bad) for one in held.series],
        "values": values,
        "relied": on_it,
        "depiction_id": held.id,
        "may_override": Permission.OVERRIDE in permissions,
        "seen": _seen(held.id, reach) if Permission.SIGHTINGS_READ in permissions else None,
    }


def _seen(depiction_id: uuid.UUID, reach: Reach) -> seen.Seen:
    files = reverse("depiction_months", args=[depiction_id]), reverse("depiction_countries", args=[depiction_id])
    return seen.of([depiction_id], name="depiction", reach=reach, files=files)


def _lists(depiction_id: uuid.UUID) -> list[Explained]:
    heard = standing.words([depiction_id]).get(depiction_id, ())
    usable = dossier.usable(depiction_id)
    return [
        because.explained(explaining.why(rule, heard, depiction=depiction_id, usable=usable))
        for rule in standing.list_rules()
    ]


def _word(one: Said, permissions: frozenset[Permission], bad: Forms) -> Word:
    may_dispute = Permission.DISPUTE_OPEN in permissions and one.counts and one.open_dispute is None
    may_revoke = Permission.REVOKE in permissions and one.counts
    return Word(
        one,
        _facts(one.facts),
        _reason(bad, f"dispute-{one.id}") if may_dispute else None,
        _reason(bad, f"revoke-{one.id}") if may_revoke else None,
        _settle(bad, one.open_dispute) if Permission.DISPUTE_SETTLE in permissions and one.counts else None,
    )


def _reason(bad: Forms, name: str) -> forms.Form:
    return bad.get(name) or ReasonForm(auto_id=f"{name}-%s")


def _settle(bad: Forms, dispute: DisputeRow | None) -> forms.Form | None:
    if dispute is None:
        return None
    name = f"settle-{dispute.id}"
    return bad.get(name) or SettleForm(auto_id=f"{name}-%s")


def _link(one: InSeries, permissions: frozenset[Permission], bad: Forms) -> Link:
    return Link(one, _reason(bad, f"unlink-{one.series_id}") if Permission.SERIES_EDIT in permissions else None)


def _facts(facts: Mapping[str, Any]) -> list[str]:
    kinds = {"ages": Age, "acts": Act}
    shown = [str(words.look_of(kind(code)).word) for name, kind in kinds.items() for code in facts.get(name, ())]
    origin = facts.get("origin")
    return [*shown, str(words.look_of(Origin(origin)).word)] if origin else shown
