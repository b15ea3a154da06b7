# SPDX-License-Identifier: Apache-2.0
"""What holds for every feature of the node, beyond what import contracts can say."""

import ast
import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.urls import URLResolver, get_resolver

from architecture.repository import python_files, text
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import access, audit_words
from vigie_node.audit import records
from vigie_node.audit.events import Event

# They note what an action does, and are called inside its transaction.
BELOW_ACTIONS = {"audit", "changes"}
# What is recorded as counts that the code keeps: of tidying accounts, of imports, of loads and of simulations.
COUNTED = {
    *("attempts", "key_days", "keys", "links", "people"),
    *("new", "refused", "revoking", "superseding", "unchanged"),
    *("frames_left_out", "kept", "matched"),
    *("fewer", "matched_now", "more", "would_match"),
}
MODELS = [model for model in apps.get_models() if model.__module__.startswith("vigie_node.")]


def actions():
    paths = [path for path in python_files() if path.parts[:2] == ("src", "vigie_node")]
    return [
        pytest.param(node, id=f"{path.parts[2]}.{node.name}")
        for path in paths
        if path.stem.endswith("actions") and path.parts[2] not in BELOW_ACTIONS
        for node in ast.parse(text(path)).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("action", actions())
class TestActions:
    def test_say_who_acts_and_when(self, action):
        by_name = {argument.arg: ast.unparse(argument.annotation) for argument in action.args.kwonlyargs}
        assert (by_name.get("by"), by_name.get("now")) == ("Actor", "datetime")

    def test_say_what_the_audit_then_holds(self, action):
        assert "Audit:" in (ast.get_docstring(action) or "")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
class TestModels:
    def test_say_what_for_how_long_and_how_they_end(self, model):
        retention = vars(model).get("Retention")
        assert retention, "every model has an inner class Retention: see vigie_node/base/retention.py"
        assert all(getattr(retention, name, "").strip() for name in ("purpose", "keep_for", "scrub"))


class TestPages:
    def test_each_says_who_may_open_it(self):
        for name, view in views(get_resolver("vigie_node.analyst_app.urls")):
            assert access.declared_by(view), name

    def test_every_permission_is_asked_for_somewhere(self):
        asking = [path for path in python_files() if path.parts[:2] == ("src", "vigie_node") and path.stem != "roles"]
        asked = {name for path in asking for name in re.findall(r"\bPermission\.([A-Z_]+)", text(path))}
        assert {permission.name for permission in Permission} - asked == set()


def views(resolver):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern)
        else:
            yield str(pattern.pattern), pattern.callback


class TestEvents:
    def test_each_is_recorded_somewhere(self):
        tables = {"events", "audit_words"}
        code = [path for path in python_files() if path.parts[:2] == ("src", "vigie_node") and path.stem not in tables]
        recorded = {name for path in code for name in re.findall(r"\bEvent\.([A-Z_]+)", text(path))}
        assert {event.name for event in Event} - recorded == set()

    def test_each_has_a_word_on_the_pages(self):
        assert set(audit_words.WORDS) - {records.UNREADABLE} == {event.value for event in Event}

    def test_each_detail_has_a_word_on_the_pages(self):
        code = [path for path in python_files() if path.parts[:2] == ("src", "vigie_node")]
        given = {name for path in code for name in details(ast.parse(text(path)))}
        assert set(audit_words.DETAILS) == given | COUNTED


def details(tree):
    """The names of what is recorded with events, where the code names them one by one."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "record":
            named = {one.arg for one in call.keywords if one.arg}
            if {"subject", "by", "at"} <= named:
                yield from named - {"subject", "by", "at"}


class TestMigrations:
    @pytest.mark.django_db
    def test_none_is_missing(self):
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)
