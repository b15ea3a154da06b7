# SPDX-License-Identifier: Apache-2.0
"""Partners: organisations, their keys, what each key may ask and how much of it is used.

- The token of a key is shown once, on the answer that made it, and is in no address and no session.
- A key is ended with a reason; what it may ask is fixed when it is made.
"""

import uuid
from datetime import UTC, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vigie.errors import VigieError
from vigie_node.accounts import actions, key_actions, queries
from vigie_node.accounts.roles import Permission, Scope
from vigie_node.accounts.states import OrganisationKind
from vigie_node.analyst_app import given, tables, words
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.base import error_words

SCOPES = {
    Scope.MATCH: (_("Match"), _("Ask whether fingerprints are known: verdict, label and reason.")),
    Scope.MATCH_TRUSTED: (
        _("Match with details"),
        _("Also distances and ids. With these a list could be reconstructed: only for partners bound by agreement."),
    ),
    Scope.MATCH_FILE: (_("Match files"), _("Send files to be fingerprinted here; they are dropped at once.")),
    Scope.COMPAT_HMA: (_("HMA's interface"), _("For the organisation's own tools: the key stands in the address.")),
    Scope.COMPAT_ARACHNID: (_("Arachnid Shield's interface"), _("For clients made for Arachnid Shield.")),
    Scope.SIGHTINGS_WRITE: (_("Report sightings"), _("Say what was seen where.")),
    Scope.STATUS: (_("Status"), _("Ask how the node is and what the key may do.")),
}


def _kinds() -> list[tuple[str, str]]:
    return given.unchosen((one.value, str(words.look_of(one).word)) for one in OrganisationKind)


class OrganisationForm(forms.Form):
    """A new organisation."""

    name = forms.CharField(label=_("Name"), max_length=200)
    country = forms.CharField(label=_("Country"), min_length=2, max_length=2, help_text=_("Two letters, such as FR."))
    kind = forms.ChoiceField(label=_("Kind"), choices=_kinds)


class QuotaForm(forms.Form):
    """How much a key may ask."""

    per_minute = forms.IntegerField(
        label=_("Requests a minute"), min_value=1, max_value=key_actions.MAX_PER_MINUTE, initial=600
    )
    values_per_day = forms.IntegerField(
        label=_("Values a day"), min_value=1, max_value=key_actions.MAX_VALUES_PER_DAY, initial=1_000_000
    )


class KeyForm(QuotaForm):
    """A new key."""

    name = forms.CharField(label=_("What it is for"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("What it may ask"), choices=[(one.value, SCOPES[one][0]) for one in Scope],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    expires_on = given.DayField(
        label=_("Last day"), required=False, help_text=_("Empty: it does not expire. A year is a good habit.")
    )
    field_order = ("name", "scopes", "expires_on", "per_minute", "values_per_day")


class ReasonForm(forms.Form):
    """Why a key ends."""

    reason = forms.CharField(label=_("Reason"), max_length=500)


@requires(Permission.PARTNERS_MANAGE)
@require_GET
def partners(request: HttpRequest) -> HttpResponse:
    """List the organisations and their keys in numbers."""
    rows = queries.organisations()
    if request.GET.get("format") == "csv":
        header = ["id", "name", "country", "kind", "people", "keys"]
        listed = [(row.id, row.name, row.country, row.kind, row.people, row.keys) for row in rows]
        return tables.csv_answer("partners", header=header, rows=listed)
    return render(request, "analyst/partners.html", {"rows": rows})


@requires(Permission.PARTNERS_MANAGE)
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Record an organisation."""
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create_organisation(**form.cleaned_data, by=actor_of(request), now=timezone.now())
        except actions.OrganisationExistsError:
            form.add_error("name", gettext("An organisation of this name is here already."))
        except actions.MalformedPersonError as error:
            form.add_error(None, error_words.said(error))
        else:
            return redirect("partner", made)
    return render(request, "analyst/partner_new.html", {"form": form}, status=422 if form.errors else 200)


@requires(Permission.PARTNERS_MANAGE)
@require_GET
def partner(request: HttpRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """Show one organisation and its keys."""
    keys = queries.keys(now=timezone.now(), organisation_id=organisation_id)
    here = {"organisation": _organisation(organisation_id), "keys": [(one, _scope_words(one)) for one in keys]}
    return render(request, "analyst/partner.html", here)


@requires(Permission.PARTNERS_MANAGE)
@require_http_methods(["GET", "POST"])
def add_key(request: HttpRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """Make a key and show its token once."""
    organisation, now = _organisation(organisation_id), timezone.now()
    form = KeyForm(request.POST or None, initial={"expires_on": (now + timedelta(days=365)).date()})
    if request.method == "POST" and form.is_valid():
        wanted, last = form.cleaned_data, form.cleaned_data["expires_on"]
        try:
            made = actions.create_key(
                organisation_id,
                name=wanted["name"],
                scopes=[Scope(one) for one in wanted["scopes"]],
                expires_at=datetime.combine(last + timedelta(days=1), time(), UTC) if last else None,
                per_minute=wanted["per_minute"],
                values_per_day=wanted["values_per_day"],
                by=actor_of(request),
                now=now,
            )
        except key_actions.MalformedKeyError as error:
            form.add_error(None, error_words.said(error))
        else:
            here = {"organisation": organisation, "token": made.token, "key": queries.key(made.id, now=now)}
            return render(request, "analyst/key_token.html", here)
    ticks = [(tick, *SCOPES[Scope(tick.data["value"])]) for tick in form["scopes"]]
    here = {"organisation": organisation, "form": form, "ticks": ticks}
    return render(request, "analyst/key_new.html", here, status=422 if form.errors else 200)


@requires(Permission.PARTNERS_MANAGE)
@require_GET
def key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Show one key: what it may ask, and how much it asked by day."""
    return _key_page(request, key_id)


@requires(Permission.PARTNERS_MANAGE)
@require_POST
def change_quota(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Change how much a key may ask."""
    form = QuotaForm(request.POST)
    if not form.is_valid():
        return _key_page(request, key_id, quota=form)
    try:
        actions.change_key_quota(key_id, **form.cleaned_data, by=actor_of(request), now=timezone.now())
    except key_actions.KeyRevokedError as error:
        messages.error(request, error_words.said(error))
    else:
        messages.success(request, gettext("The quotas are changed; they count within a second."))
    return redirect("key", key_id)


@requires(Permission.PARTNERS_MANAGE)
@require_POST
def revoke_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """End a key, with a reason."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _key_page(request, key_id, reason=form)
    try:
        actions.revoke_key(key_id, reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now())
    except key_actions.NoSuchKeyError:
        raise
    except VigieError as error:
        messages.error(request, error_words.said(error))
    else:
        messages.success(request, gettext("The key is revoked: within a second it opens nothing."))
    return redirect("key", key_id)


def _key_page(
    request: HttpRequest, key_id: uuid.UUID, *, quota: QuotaForm | None = None, reason: ReasonForm | None = None
) -> HttpResponse:
    found = queries.key(key_id, now=timezone.now())
    if found is None:
        raise Http404
    uses = queries.uses_of(key_id)
    if request.GET.get("format") == "csv":
        listed = [(one.day, one.requests, one.values) for one in uses]
        return tables.csv_answer("key-use", header=["day", "requests", "values"], rows=listed)
    initial = {"per_minute": found.per_minute, "values_per_day": found.values_per_day}
    here = {
        "key": found, "scopes": [SCOPES[one] for one in found.scopes], "uses": uses,
        "quota": quota or QuotaForm(initial=initial), "reason": reason or ReasonForm(),
        "percent": min(100, found.values_today * 100 // found.values_per_day),
    }  # fmt: skip
    return render(request, "analyst/key.html", here, status=422 if quota or reason else 200)


def _organisation(organisation_id: uuid.UUID) -> queries.OrganisationRow:
    found = queries.organisation(organisation_id)
    if found is None:
        raise Http404
    return found


def _scope_words(row: queries.KeyRow) -> list[object]:
    return [SCOPES[one][0] for one in row.scopes]


urlpatterns = [
    path("partners", partners, name="partners"),
    path("partners/add", add, name="add_partner"),
    path("partners/<uuid:organisation_id>", partner, name="partner"),
    path("partners/<uuid:organisation_id>/keys/add", add_key, name="add_key"),
    path("partners/keys/<uuid:key_id>", key, name="key"),
    path("partners/keys/<uuid:key_id>/quota", change_quota, name="change_quota"),
    path("partners/keys/<uuid:key_id>/revoke", revoke_key, name="revoke_key"),
]
