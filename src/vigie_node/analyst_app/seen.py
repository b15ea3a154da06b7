# SPDX-License-Identifier: Apache-2.0
"""Where and when something was seen: figures, a time plot and a map with the tables behind both, the last sightings.

- Which cases there are is shown as far as the reader may look into them; how many there are is.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vigie_node.accounts import queries as accounts
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app.access import actor_of, may
from vigie_node.analyst_app.parts import Chart, Drawing
from vigie_node.sightings import figures
from vigie_node.sightings.figures import Figures, SeenRow
from vigie_node.sightings.rules import Reach

LAST = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page shows of sightings."""

    figures: Figures
    by_month: Chart
    by_country: Chart
    last: Sequence[SeenRow]
    cases: Sequence[str]


def reach_of(request: HttpRequest) -> Reach:
    """Return how far the reader may look into cases."""
    return Reach(may(request, Permission.CASES_ACROSS), actor_of(request).organisation_id)


def of(depictions: Sequence[uuid.UUID], *, name: str, reach: Reach, files: tuple[str, str] = ("", "")) -> Seen:
    """Return what was seen of depictions.

    `name` begins the ids of the charts; `files` are where the figures by month and by country are to be had.
    """
    found = figures.figures(depictions, reach=reach)
    last = figures.last_seen(depictions, reach=reach, limit=LAST) if found.sightings else []
    by_month, by_country = _by_month(found, name, files[0]), _by_country(found, name, files[1])
    return Seen(found, by_month, by_country, last, _cases(found))


def _cases(found: Figures) -> list[str]:
    """Name the cases, and of those of one name whose each is."""
    names = Counter(one.name for one in found.seen_in)
    owners = accounts.organisation_names(
        {one.organisation_id for one in found.seen_in if one.organisation_id and names[one.name] > 1}
    )
    return [
        f"{one.name} ({owners[one.organisation_id]})"
        if one.organisation_id in owners and names[one.name] > 1
        else one.name
        for one in found.seen_in
    ]


def _by_month(found: Figures, name: str, file: str) -> Chart:
    most, _count = max(found.by_month, key=lambda pair: pair[1], default=(None, 0))
    text = _("Seen most often in %(month)s") % {"month": date_format(most, "F Y")} if most else _("Not seen")
    return Chart(
        name=f"{name}-months",
        drawing=Drawing.TIME,
        finding=text if len(found.by_month) > 1 else _("Seen in one month only"),
        description=_("Sightings by month; the same figures stand in the table below."),
        columns=(_("Month"), _("Sightings")),
        rows=[[month.isoformat(), count] for month, count in found.by_month],
        csv=file,
    )


def _by_country(found: Figures, name: str, file: str) -> Chart:
    named = {code: count for code, count in found.by_country.items() if code}
    unnamed = found.by_country.get("", 0)
    finding = ngettext("Seen in %(count)s country", "Seen in %(count)s countries", len(named)) % {"count": len(named)}
    return Chart(
        name=f"{name}-countries",
        drawing=Drawing.COUNTRIES,
        finding=finding if named else _("No country is recorded"),
        description=_("Sightings by country on a map of the world; the same figures stand in the list beside it."),
        columns=(_("Country"), _("Sightings")),
        rows=[*([code, count] for code, count in named.items()), *([[_("not recorded"), unnamed]] if unnamed else [])],
        csv=file,
    )
