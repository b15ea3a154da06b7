# SPDX-License-Identifier: Apache-2.0
"""What a person states about a depiction: an assertion, a reason, a settlement, an override, a series."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vigie_node.analyst_app import given, words
from vigie_node.catalogue import searching
from vigie_node.catalogue.derivation import Act, Age, Origin
from vigie_node.catalogue.reasons import MAX_CHARACTERS
from vigie_node.catalogue.states import DisputeOutcome, Grade

REVIEW_DAYS = 90


def _choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    return [(one.value, str(words.look_of(one).word)) for one in kind]


def _today() -> date:
    return timezone.localdate()


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("In a sentence that a colleague understands in a year. No names, no fingerprints."),
    )


class SettleForm(forms.Form):
    """How a dispute ends."""

    outcome = forms.ChoiceField(label=_("Outcome"), widget=forms.Select)
    settlement = forms.CharField(
        label=_("On what it rests"), max_length=MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own signature
        super().__init__(*args, **kwargs)
        outcome = self.fields["outcome"]
        assert isinstance(outcome, forms.ChoiceField)
        outcome.choices = given.unchosen([
            (DisputeOutcome.UPHELD.value, _("The challenge was right: the assertion is revoked")),
            (DisputeOutcome.REJECTED.value, _("The assertion stands")),
            (DisputeOutcome.WITHDRAWN.value, _("Withdrawn by who opened it")),
        ])  # fmt: skip


class AssertionForm(forms.Form):
    """Who says what, on what ground."""

    source = forms.ChoiceField(label=_("Who asserts it"))
    label = forms.ChoiceField(label=_("Label"))
    ground = forms.ChoiceField(label=_("Ground"))
    ages = forms.MultipleChoiceField(
        label=_("Apparent age, one a person depicted"), required=False, widget=forms.CheckboxSelectMultiple
    )
    acts = forms.MultipleChoiceField(label=_("What is depicted"), required=False, widget=forms.CheckboxSelectMultiple)
    origin = forms.ChoiceField(label=_("Origin"), required=False)
    asserted_on = given.DayField(label=_("Asserted on"), initial=_today)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own signature
        super().__init__(*args, **kwargs)
        choices: dict[str, Any] = {
            "source": given.unchosen((str(one.id), one.name) for one in searching.sources(limit=500)),
            "label": given.unchosen(words.label_choices()),
            "ground": given.unchosen(_choices(Grade)),
            "ages": _choices(Age),
            "acts": _choices(Act),
            "origin": [("", _("not stated")), *_choices(Origin)],
        }
        for name, of in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = of

    def clean_asserted_on(self) -> datetime:
        """Return noon of that day: a day was stated, not an hour."""
        day = self.cleaned_data["asserted_on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("This day has not come yet."))
        return min(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), timezone.now())

    @property
    def facts(self) -> dict[str, object]:
        """Return the facts that were stated."""
        stated: dict[str, object] = {name: self.cleaned_data[name] for name in ("ages", "acts", "origin")}
        return {name: value for name, value in stated.items() if value}


class OverrideForm(ReasonForm):
    """Why a value matches nothing from now on, and when somebody looks again."""

    review_on = given.DayField(label=_("Looked at again on"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own signature
        super().__init__(*args, **kwargs)
        self.fields["review_on"].initial = timezone.localdate() + timedelta(days=REVIEW_DAYS)


class SeriesForm(ReasonForm):
    """To which series a depiction belongs, and why."""

    reference = forms.CharField(
        label=_("Reference of the series"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("reference", "reason")
