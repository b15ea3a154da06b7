# SPDX-License-Identifier: Apache-2.0
"""The banks: lists that an organisation's own tools fill, and what is in each.

- A bank is one list of the catalogue. Its name may change and its contents stay: the list and the label that its
  words carry are named once, when the bank is made, and never again.
- Being in a bank is a word of the organisation (scheme `bank`); being disabled is the end of that word. So what a bank
  matches is decided where every match is decided, and at once.
- A removed bank or content keeps its row: matches were told on the strength of it.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from vigie_node.banks.rules import ENABLED, MAX_NAME, MAX_NOTE


class Bank(models.Model):
    """A list that one organisation fills through the HMA interface."""

    class Retention:
        purpose: ClassVar[str] = "Lets an organisation keep a list of its own with the tools it has"
        keep_for: ClassVar[str] = "for good: matches refer to its list"
        scrub: ClassVar[str] = "kept: holds no personal data"

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT)
    list = models.OneToOneField("catalogue.MatchList", on_delete=models.PROTECT)
    source = models.ForeignKey("catalogue.Source", on_delete=models.PROTECT)
    name = models.CharField(max_length=MAX_NAME)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "banks"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "name"], condition=Q(removed_at=None), name="bank_name_once"
            ),
        ]

    def __repr__(self) -> str:
        return f"<Bank {self.pk}>"


class BankContent(models.Model):
    """One depiction in one bank; `id` is the number by which HMA's clients call it."""

    class Retention:
        purpose: ClassVar[str] = "Says what an organisation put into its bank, and lets it take it out"
        keep_for: ClassVar[str] = "as long as its depiction"
        scrub: ClassVar[str] = "note, metadata and signals are emptied when it is removed; deleted with its depiction"
        ended_by: ClassVar[str] = "catalogue.Depiction"

    id = models.BigAutoField(primary_key=True)
    bank = models.ForeignKey(Bank, on_delete=models.PROTECT, related_name="contents")
    depiction = models.ForeignKey("catalogue.Depiction", on_delete=models.CASCADE)
    assertion = models.ForeignKey("catalogue.Assertion", on_delete=models.SET_NULL, null=True)  # None: disabled
    disable_until_ts = models.BigIntegerField(default=ENABLED)
    note = models.CharField(max_length=MAX_NOTE, default="")
    metadata = models.JSONField(default=dict)  # as its organisation sent it
    signals = models.JSONField(default=dict)  # by which its organisation put it in, as texts
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "banks"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["bank", "depiction"], condition=Q(removed_at=None), name="bank_content_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["disable_until_ts"], condition=Q(removed_at=None, assertion=None), name="bank_content_due"
            ),
        ]

    def __repr__(self) -> str:
        return f"<BankContent {self.pk}>"


class SignalSwitch(models.Model):
    """A sort of fingerprint that an organisation switched off for its banks."""

    class Retention:
        purpose: ClassVar[str] = "Keeps a sort of fingerprint from being made and asked"
        keep_for: ClassVar[str] = "until it is switched on again"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "banks.actions.switch_signal"

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT)
    algorithm = models.CharField(max_length=8)

    class Meta:
        app_label = "banks"
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "algorithm"], name="signal_off_once")]
