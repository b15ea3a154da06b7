# SPDX-License-Identifier: Apache-2.0
"""Where and when something was seen, as figures, a time plot and a map; the tables behind both."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.translation import ngettext
from django.utils.translation import gettext as _

from vigie_node.analyst_app import words
from vigie_node.analyst_app.parts import Chart, Drawing
from vigie_node.sightings import figures
from vigie_node.sightings.figures import Figures
from vigie_node.sightings.states import Place


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page shows of sightings."""

    total: int
    first_at: datetime | None
    last_at: datetime | None
    cases: int
    countries: int
    by_month: Chart
    by_country: Chart


def of(depictions: Sequence[uuid.UUID], *, name: str) -> Seen:
    """Return what was seen of depictions; `name` begins the ids of the charts."""
    found = figures.of(depictions)
    named = [(country, count) for country, count in found.by_country if country]
    return Seen(
        found.total,
        found.first_at,
        found.last_at,
        found.cases,
        len(named),
        _by_month(found, name),
        _by_country(found, name),
    )


def _by_month(found: Figures, name: str) -> Chart:
    places = [place for place in Place if any(one == place for _month, one, _count in found.by_month)]
    months: dict[date, dict[Place, int]] = defaultdict(dict)
    for month, place, count in found.by_month:
        months[month][place] = count
    rows = [[month.isoformat(), *(months[month].get(place, 0) for place in places)] for month in sorted(months)]
    most = max(months, key=lambda month: sum(months[month].values()), default=None)
    text = _("Seen most often in %(month)s") % {"month": date_format(most, "F Y")} if most else _("Not seen")
    finding = text if len(months) > 1 else _("Seen in one month only")
    return Chart(
        name=f"{name}-months",
        drawing=Drawing.TIME,
        finding=finding,
        description=_("Sightings by month and by sort of place; the same figures stand in the table below."),
        columns=(_("Month"), *(str(words.look_of(place).word) for place in places)),
        rows=rows,
    )


def _by_country(found: Figures, name: str) -> Chart:
    named = [(code, count) for code, count in found.by_country if code]
    unnamed = sum(count for code, count in found.by_country if not code)
    rows: list[list[object]] = [[code, count] for code, count in named]
    if unnamed:
        rows.append([_("not recorded"), unnamed])
    finding = ngettext("Seen in %(count)s country", "Seen in %(count)s countries", len(named)) % {"count": len(named)}
    return Chart(
        name=f"{name}-countries",
        drawing=Drawing.COUNTRIES,
        finding=finding if named else _("No country is recorded"),
        description=_("Sightings by country on a map of the world; the same figures stand in the list beside it."),
        columns=(_("Country"), _("Sightings")),
        rows=rows,
    )
