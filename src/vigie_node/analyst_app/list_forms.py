# SPDX-License-Identifier: Apache-2.0
"""What a person states about a list: its policy, in words, and back into the rules' own form."""

from typing import Any

from django import forms
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from vigie.fingerprints.values import Algorithm
from vigie_node.analyst_app import words
from vigie_node.analyst_app.depiction_forms import ReasonForm
from vigie_node.catalogue import list_queries, searching
from vigie_node.catalogue.rules import BANK, MAX_THRESHOLD_BITS, Mode, Policy

MAX_SOURCES = 500  # that a field offers
LAST = (1_000, 10_000, 100_000)  # how many sightings a simulation may look at


def _modes() -> list[tuple[str, str]]:
    return [(one.value, str(words.look_of(one).word)) for one in Mode]


def _algorithms() -> list[tuple[str, str]]:
    return [(one.value, str(words.ALGORITHMS[one])) for one in Algorithm]


def _classes() -> list[tuple[str, list[tuple[str, str]]]]:
    ours = [(f"{BANK}:{one.name}", one.name) for one in list_queries.lists()]
    return [*words.label_choices(), (_("Put on a list by our own organisation"), ours)]


def _sources() -> list[tuple[str, str]]:
    return [(str(one.id), one.name) for one in searching.sources(limit=MAX_SOURCES)]


class PolicyForm(forms.Form):
    """What a list makes matchable."""

    mode = forms.ChoiceField(
        label=gettext_lazy("Mode"),
        choices=_modes,
        help_text=gettext_lazy("In shadow, matches are recorded and told to nobody outside."),
    )
    share_percent = forms.IntegerField(
        label=gettext_lazy("Share of the depictions (per cent)"),
        min_value=0,
        max_value=100,
        initial=100,
        help_text=gettext_lazy("Counts in the mode “a share” only: the same depictions every time."),
    )
    classes = forms.MultipleChoiceField(
        label=gettext_lazy("Classes that count"),
        choices=_classes,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: every class but “not illegal” and its like."),
    )
    sources = forms.MultipleChoiceField(
        label=gettext_lazy("Whose word counts"),
        choices=_sources,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: every source."),
    )
    quorum = forms.IntegerField(label=gettext_lazy("How many sources must agree"), min_value=1, max_value=50, initial=1)
    algorithms = forms.MultipleChoiceField(
        label=gettext_lazy("Algorithms"), choices=_algorithms, widget=forms.CheckboxSelectMultiple
    )
    threshold_bits = forms.IntegerField(
        label=gettext_lazy("Threshold (bits)"),
        min_value=0,
        max_value=MAX_THRESHOLD_BITS,
        help_text=gettext_lazy(
            "How many of 256 bits may differ: 31 where a person looks at each match, 20 where programs act on it."
        ),
    )
    min_quality = forms.IntegerField(label=gettext_lazy("Minimum quality"), min_value=0, max_value=100)
    flood_per_hour = forms.IntegerField(
        label=gettext_lazy("Quarantine a fingerprint after so many matches in an hour"),
        min_value=0,
        help_text=gettext_lazy("0: never."),
    )
    dispute_suspends = forms.BooleanField(
        label=gettext_lazy("A disputed assertion does not count"), required=False, initial=True
    )
    veto = forms.BooleanField(label=gettext_lazy("“Not illegal” from one source outweighs all others"), required=False)
    negative = forms.BooleanField(
        label=gettext_lazy("A negative list: what it names matches on no list"), required=False
    )

    def clean(self) -> dict[str, Any]:
        """Refuse what the rules would."""
        cleaned = super().clean() or {}
        named = cleaned.get("sources") or []
        if named and cleaned.get("quorum", 1) > len(named):
            self.add_error("quorum", _("More sources must agree than are named."))
        return cleaned

    def policy(self) -> Policy:
        """Return what was stated, in the rules' own form."""
        stated = self.cleaned_data
        classes: dict[str, list[str]] = {}
        for one in stated["classes"]:
            scheme, _colon, code = one.partition(":")
            classes.setdefault(scheme, []).append(code)
        return Policy(
            classes={scheme: tuple(codes) for scheme, codes in classes.items()},
            sources=tuple(stated["sources"]),
            quorum=stated["quorum"],
            algorithms=tuple(Algorithm(one) for one in stated["algorithms"]),
            threshold_bits=stated["threshold_bits"],
            min_quality=stated["min_quality"],
            negative=stated["negative"],
            dispute_suspends=stated["dispute_suspends"],
            veto=stated["veto"],
            flood_per_hour=stated["flood_per_hour"],
            mode=Mode(stated["mode"]),
            share=stated["share_percent"] / 100,
        )


class ListForm(ReasonForm):
    """A new list; it begins in the mode off, and is given its policy on its own page."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=64,
        help_text=gettext_lazy("Short, as programs call it, such as national-2026: no spaces."),
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=200)
    field_order = ("name", "title", "reason")


class ChangeForm(PolicyForm):
    """A changed policy: simulated first, or put in force with a reason."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    last = forms.TypedChoiceField(
        label=gettext_lazy("Simulate with the last sightings"),
        choices=lambda: [(one, formats.number_format(one, use_l10n=True, force_grouping=True)) for one in LAST],
        coerce=int,
        initial=LAST[1],
    )
    reason = forms.CharField(
        label=gettext_lazy("Why it is changed"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Needed to put the change in force; not for a simulation."),
    )


POLICY_WORDS = {{"share_percent": "share"}.get(name, name): one.label for name, one in PolicyForm.base_fields.items()}


def initial_of(policy: Policy) -> dict[str, Any]:
    """Return a policy as the form shows it."""
    return {
        "mode": policy.mode.value,
        "share_percent": round(policy.share * 100),
        "classes": [f"{scheme}:{code}" for scheme, codes in policy.classes.items() for code in codes],
        "sources": list(policy.sources),
        "quorum": policy.quorum,
        "algorithms": [one.value for one in policy.algorithms],
        "threshold_bits": policy.threshold_bits,
        "min_quality": policy.min_quality,
        "flood_per_hour": policy.flood_per_hour,
        "dispute_suspends": policy.dispute_suspends,
        "veto": policy.veto,
        "negative": policy.negative,
    }
