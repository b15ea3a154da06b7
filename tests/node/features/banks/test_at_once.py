# SPDX-License-Identifier: Apache-2.0
"""Banks of one organisation are changed by several at the same instant; nobody is turned away by the database."""

import threading

import pytest
from django.db import connection

from node import partners
from vigie.errors import VigieError
from vigie.fingerprints.values import Algorithm
from vigie_node.banks import queries
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import list_actions
from vigie_node.flows import bank as flow

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "A provider"


def writer():
    return {"by": COMMAND, "now": partners.now()}


@pytest.fixture
def organisation():
    return partners.organisation(NAME)


@pytest.fixture
def banks(organisation):
    return [make(name, organisation) for name in ("ONE", "TWO")]


def make(name, organisation):
    return flow.create(name, ratio=1.0, organisation_id=organisation, organisation=NAME, country="BE", **writer())


def switch(organisation, **_):
    flow.switch_signal(Algorithm.MD5, on=False, organisation_id=organisation, **writer())


def change(bank, **_):
    flow.change(bank, organisation=NAME, name="OTHER", ratio=0.5, **writer())


def remove(bank, **_):
    flow.remove(bank, **writer())


def set_policy(bank, **_):
    version = {"expected_version": bank.list_version, "reason": "for the test"}
    catalogue.change_list(bank.list_id, policy=bank.policy, **version, **writer())


class TestAtOnce:
    @pytest.mark.parametrize("second", [switch, change, remove, set_policy])
    @pytest.mark.parametrize("first", [switch, remove])
    def test_who_comes_second_waits_and_is_told_at_most_that_the_list_changed(
        self, first, second, banks, organisation, monkeypatch
    ):
        errors = []

        def begin_second():
            try:
                second(bank=banks[-1], organisation=organisation)
            except VigieError as error:
                errors.append(type(error))
            finally:
                connection.close()

        thread, whole = threading.Thread(target=begin_second), catalogue.change_list

        def then_the_other(*given, **named):
            version = whole(*given, **named)
            if thread.ident is None:
                thread.start()
                thread.join(0.2)
            return version

        with monkeypatch.context() as patch:
            patch.setattr(flow.catalogue, "change_list", then_the_other)
            first(bank=banks[-1], organisation=organisation)
        thread.join()
        assert set(errors) <= {list_actions.ListChangedError, flow.banks.NoSuchBankError}

    def test_a_bank_made_while_a_signal_is_switched_off_has_it_off(self, banks, organisation, monkeypatch):
        del banks
        thread = threading.Thread(target=lambda: (make("THREE", organisation), connection.close()))
        whole = catalogue.change_list

        def then_the_other(*given, **named):
            if thread.ident is None:
                thread.start()
                thread.join(0.2)
            return whole(*given, **named)

        monkeypatch.setattr(flow.catalogue, "change_list", then_the_other)
        switch(organisation)
        thread.join()
        assert {Algorithm.MD5 in one.policy.algorithms for one in queries.banks_of(organisation)} == {False}
