# SPDX-License-Identifier: Apache-2.0
"""What is promised about how long a record is kept is done: by an action that the worker calls, or with its owner."""

import ast
import inspect
import textwrap
from importlib import import_module

import pytest
from django.apps import apps
from django.db.models import CASCADE

from vigie_node.jobs.schedule import JOBS
from vigie_node.project.faces import grant_of

MODELS = [model for model in apps.get_models() if model.__module__.startswith("vigie_node.")]
ENDED_BY_PEOPLE = {"banks.SignalSwitch"}  # when its organisation says so, however long that takes


def named_in(function):
    """Yield what the text of a function names: what its module holds or has imported, one by one."""
    held = function.__globals__
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Name):
            found = held.get(node.id)
            yield from found if isinstance(found, tuple) else [found]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield getattr(held.get(node.value.id), node.attr, None)


def reached_from(*functions):
    """Return everything of the node that some functions name, and that what they call names."""
    found, waiting = set(), [inspect.unwrap(one) for one in functions]
    while waiting:
        one = waiting.pop()
        if one not in found and one.__module__.startswith("vigie_node."):
            found.add(one)
            if inspect.isfunction(one):
                named = [inspect.unwrap(each) for each in named_in(one) if callable(each)]
                waiting += [each for each in named if inspect.isfunction(each) or inspect.isclass(each)]
    return found


def owner_of(model):
    """Return the model that a record ends with: itself, or the one that it is deleted with."""
    name = model.Retention.ended_by
    if name.count(".") > 1:
        return model
    owner = apps.get_model(name)
    keys = [field for field in model._meta.concrete_fields if field.related_model is owner]
    assert any(key.remote_field.on_delete is CASCADE for key in keys), f"{model} is not deleted with {owner}"
    return owner_of(owner)


def action_of(model):
    module, _, name = model.Retention.ended_by.rpartition(".")
    return inspect.unwrap(getattr(import_module(f"vigie_node.{module}"), name))


STEPS = [job.run if inspect.isfunction(job.run) else type(job.run).__call__ for job in JOBS]
SCHEDULED = reached_from(*STEPS)
ENDING = [model for model in MODELS if not model.Retention.scrub.startswith("kept")]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_what_is_not_kept_for_good_says_what_ends_it(model):
    assert (model in ENDING) == hasattr(model.Retention, "ended_by")


@pytest.mark.parametrize("model", ENDING, ids=lambda model: model._meta.label)
class TestWhatEndsARecord:
    def test_is_in_the_schedule(self, model):
        if model._meta.label not in ENDED_BY_PEOPLE:
            assert action_of(owner_of(model)) in SCHEDULED

    def test_is_about_that_record(self, model):
        owner = owner_of(model)
        assert owner in reached_from(action_of(owner))

    def test_is_granted_to_the_worker(self, model):
        if model._meta.label not in ENDED_BY_PEOPLE:
            assert "D" in grant_of(model._meta.db_table).worker


class TestTheTestItself:
    def test_does_not_take_every_action_for_scheduled(self):
        from vigie_node.banks import actions  # noqa: PLC0415 - one that only people call

        assert inspect.unwrap(actions.switch_signal) not in SCHEDULED
