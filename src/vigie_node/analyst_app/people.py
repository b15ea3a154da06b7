# SPDX-License-Identifier: Apache-2.0
"""People: who may sign in, with which roles; inviting them, and ending their access.

- An enrolment link is shown once, on the answer that made it, and is in no address and no session.
- A role that conflicts with another in the same hand is shown as such, and can be given all the same.
- What ends somebody's access repeats in words whose it is.
"""

import uuid
from collections.abc import Callable

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vigie.errors import VigieError
from vigie_node.accounts import actions, queries, roles
from vigie_node.accounts.roles import Permission, Role
from vigie_node.accounts.states import Access
from vigie_node.accounts.tokens import enrolment_path
from vigie_node.analyst_app import given, tables
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.base import error_words
from vigie_node.flows import invite as invitations

ROLE_CHOICES = [(role.value, _(roles.DESCRIPTIONS[role].title)) for role in Role]


class InviteForm(forms.Form):
    """Whom to invite."""

    email = forms.EmailField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput({"autocomplete": "off"})
    )
    display_name = forms.CharField(label=_("Name shown"), max_length=100)
    organisation = forms.ChoiceField(label=_("Organisation"))
    language = forms.ChoiceField(label=_("Language of the pages"), choices=settings.LANGUAGES)
    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=ROLE_CHOICES, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["organisation"].choices = [  # type: ignore[attr-defined]
            (str(one.id), f"{one.name} ({one.country})") for one in queries.organisations()
        ]


class ChangeForm(forms.Form):
    """How a person is called and spoken to."""

    display_name = forms.CharField(label=_("Name shown"), max_length=100)
    language = forms.ChoiceField(label=_("Language of the pages"), choices=settings.LANGUAGES)


@requires(Permission.ACCOUNTS_MANAGE)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List people, by organisation and by how far their access is."""
    organisation = given.id_of(request.GET.get("organisation", ""))
    access = request.GET.get("access", "")
    rows = [one for one in queries.people(organisation_id=organisation) if access in {"", one.access}]
    if request.GET.get("format") == "csv":
        header = ["id", "name", "organisation", "country", "roles", "access", "last_sign_in_at"]
        return tables.csv_answer(
            "people", header=header,
            rows=[
                (row.id, row.display_name, row.organisation_name, row.country, " ".join(row.roles), row.access,
                 row.last_sign_in_at or "")
                for row in rows
            ],
        )  # fmt: skip
    here = {
        "rows": [(row, [roles.DESCRIPTIONS[role].title for role in row.roles]) for row in rows],
        "organisations": queries.organisations(),
        "organisation": organisation,
        "access": access,
        "accesses": list(Access),
        "is_filtered": bool(organisation or access),
    }
    return render(request, "analyst/people.html", here)


@requires(Permission.ACCOUNTS_MANAGE)
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody: record them, give them roles, show their link once."""
    ours = {"organisation": str(actor_of(request).organisation_id), "language": get_language()}
    form = InviteForm(request.POST or None, initial=ours)
    if request.method == "POST" and form.is_valid():
        try:
            made = invitations.invite(
                form.cleaned_data["email"],
                display_name=form.cleaned_data["display_name"],
                organisation_id=uuid.UUID(form.cleaned_data["organisation"]),
                language=form.cleaned_data["language"],
                roles=[Role(one) for one in form.cleaned_data["roles"]],
                by=actor_of(request),
                now=timezone.now(),
            )
        except actions.AddressTakenError:
            form.add_error("email", gettext("Somebody signs in with this address already."))
        except actions.MalformedPersonError as error:
            form.add_error(None, error_words.said(error))
        else:
            return _show_link(request, made.person_id, made.token)
    words = [(tick, roles.DESCRIPTIONS[Role(tick.data["value"])]) for tick in form["roles"]]
    return render(request, "analyst/invite.html", {"form": form, "roles": words}, status=422 if form.errors else 200)


@requires(Permission.ACCOUNTS_MANAGE)
@require_GET
def person(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """Show one person: their roles, how they sign in, what became of their access."""
    return _person_page(request, person_id, None)


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def change(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """Change how a person is called and spoken to."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _person_page(request, person_id, form)
    return _act(request, person_id, actions.change_person, gettext("Changed."), **form.cleaned_data)


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def grant(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """Give a person a role."""
    role = _role(request.POST.get("role", ""))
    return _act(request, person_id, actions.grant_role, gettext("The role is given; it counts at once."), role=role)


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def take(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """Take a role from a person."""
    role = _role(request.POST.get("role", ""))
    return _act(request, person_id, actions.revoke_role, gettext("The role is taken; it counts at once."), role=role)


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def link(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """Make a new enrolment link and show it once."""
    try:
        token = actions.issue_enrolment(person_id, by=actor_of(request), now=timezone.now())
    except actions.AccessEndedError as error:
        messages.error(request, error_words.said(error))
        return redirect("person", person_id)
    return _show_link(request, person_id, token)


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def sign_out(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """End every session of a person."""
    return _act(request, person_id, actions.end_sessions, gettext("They are signed out everywhere."))


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def end_access(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """End a person's access."""
    return _act(request, person_id, actions.end_access, gettext("Their access has ended, and every session with it."))


@requires(Permission.ACCOUNTS_MANAGE)
@require_POST
def restore_access(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """Let a person in again."""
    done = gettext("They may come back: give them roles and a new enrolment link.")
    return _act(request, person_id, actions.restore_access, done)


def _act(
    request: HttpRequest, person_id: uuid.UUID, action: Callable[..., None], done: str, **details: object
) -> HttpResponse:
    try:
        action(person_id, **details, by=actor_of(request), now=timezone.now())
    except actions.NoSuchPersonError:
        raise
    except VigieError as error:
        messages.error(request, error_words.said(error))
    else:
        messages.success(request, done)
    return redirect("person", person_id)


def _person_page(request: HttpRequest, person_id: uuid.UUID, form: ChangeForm | None) -> HttpResponse:
    found = queries.person(person_id)
    if found is None:
        raise Http404
    grants = queries.grants_of(person_id)
    titles = {role: description.title for role, description in roles.DESCRIPTIONS.items()}
    here = {
        "person": found,
        "held": [(role, roles.DESCRIPTIONS[role]) for role in found.roles],
        "others": [(role, roles.DESCRIPTIONS[role]) for role in Role if role not in found.roles],
        "conflicts": [(titles[one], titles[other]) for one, other in roles.conflicts(found.roles)],
        "grants": [(one, titles[one.role]) for one in grants],
        "is_self": actor_of(request).id == person_id,
        "form": form or ChangeForm(initial={"display_name": found.display_name, "language": found.language}),
    }
    return render(request, "analyst/person.html", here, status=422 if form else 200)


def _show_link(request: HttpRequest, person_id: uuid.UUID, token: str) -> HttpResponse:
    address = request.build_absolute_uri(enrolment_path(token))
    here = {"person": queries.person(person_id), "link": address, "hours": actions.ENROLMENT_LASTS.days * 24}
    return render(request, "analyst/enrolment_link.html", here)


def _role(name: str) -> Role:
    return roles.role_named(name)


urlpatterns = [
    path("people", people, name="people"),
    path("people/invite", invite, name="invite"),
    path("people/<uuid:person_id>", person, name="person"),
    path("people/<uuid:person_id>/change", change, name="change_person"),
    path("people/<uuid:person_id>/roles/give", grant, name="grant_role"),
    path("people/<uuid:person_id>/roles/take", take, name="take_role"),
    path("people/<uuid:person_id>/link", link, name="enrolment_link"),
    path("people/<uuid:person_id>/sign-out", sign_out, name="sign_out_person"),
    path("people/<uuid:person_id>/end-access", end_access, name="end_access"),
    path("people/<uuid:person_id>/restore-access", restore_access, name="restore_access"),
]
