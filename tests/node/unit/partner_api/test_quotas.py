# SPDX-License-Identifier: Apache-2.0
"""The counts of keys: each key has its own, whatever others ask."""

import uuid
from datetime import UTC, datetime

import pytest

from vigie_node.partner_api.quotas import OverQuotaError, Quotas

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ONE, OTHER = uuid.uuid4(), uuid.uuid4()


def ask(quotas, key, *, values, a_day=10):
    quotas.count(key, values=values, per_minute=100, values_per_day=a_day, now=NOW)


class TestTheCountOfAKey:
    def test_is_its_own_even_if_it_began_with_too_much(self, tmp_path):
        quotas = Quotas(tmp_path / "quotas")
        with pytest.raises(OverQuotaError):
            ask(quotas, ONE, values=11)
        ask(quotas, OTHER, values=10)
        ask(quotas, ONE, values=10)

    def test_is_one_for_all_processes(self, tmp_path):
        here, there = Quotas(tmp_path / "quotas"), Quotas(tmp_path / "quotas")
        ask(here, ONE, values=6)
        with pytest.raises(OverQuotaError):
            ask(there, ONE, values=5)
        ask(there, ONE, values=4)
