# SPDX-License-Identifier: Apache-2.0
"""Rows that go in past the models' saving are what the models would have saved, each with its own number."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_node.catalogue import bulk
from vigie_node.sightings.models import Sighting
from vigie_node.sightings.states import Place

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def sightings(count):
    return [
        Sighting(
            place=f"place {number}",
            place_kind=Place.UPLOAD.value,
            seen_at=NOW + timedelta(seconds=number),
            expires_at=NOW,
            created_at=NOW,
        )
        for number in range(count)
    ]


class TestCreate:
    @pytest.mark.parametrize("count", [0, 1, 2, 90, 91, 500])
    def test_tells_each_object_its_own_number(self, count):
        made = sightings(count)
        bulk.create(made)
        held = Sighting.objects.in_bulk([one.pk for one in made])
        assert [(held[one.pk].place, held[one.pk].seen_at) for one in made] == [
            (one.place, one.seen_at) for one in made
        ]
        assert len(held) == count

    def test_saves_what_the_model_would_have_saved(self):
        (ours,), (theirs,) = sightings(1), sightings(1)
        bulk.create([ours])
        theirs.save()
        columns = [field.attname for field in Sighting._meta.concrete_fields if not field.primary_key]
        rows = Sighting.objects.filter(pk__in=[ours.pk, theirs.pk]).values_list(*columns)
        assert len(rows) == 2
        assert rows[0] == rows[1]
