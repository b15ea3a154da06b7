# SPDX-License-Identifier: Apache-2.0
"""The analysts' face as an OpenAPI description, read from its code: what may be asked of every page, and by whom.

- Addresses and their parts are those of the URL patterns; methods and permission are those that a view declares.
- What a page reads of its address, and which forms it takes, is read from the source of the view and of the functions
  of the face that it calls; the fields of a form are those of the form itself, with the choices that it has now.
- Only tests use it (ADR 0100): the pages are for people, and the choices of forms are for who may open them.
"""

import ast
import inspect
import re
import textwrap
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django import forms
from django.urls.converters import IntConverter, UUIDConverter

from vigie_node.accounts import models as accounts
from vigie_node.alarms import models as alarms
from vigie_node.analyst_app import access, urls
from vigie_node.catalogue import models as catalogue
from vigie_node.sightings import models as sightings

PAGES = "vigie_node.analyst_app"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# The table that each part of an address is an id of.
_TABLES = {
    "alarm_id": alarms.Alarm, "assertion_id": catalogue.Assertion, "depiction_id": catalogue.Depiction,
    "dispute_id": catalogue.Dispute, "import_id": catalogue.Import, "key_id": accounts.Key,
    "list_id": catalogue.MatchList, "load_id": sightings.Load, "organisation_id": accounts.Organisation,
    "override_id": catalogue.Override, "person_id": accounts.Person, "row": catalogue.Fingerprint,
    "series_id": catalogue.Series, "sighting_id": sightings.Sighting, "simulation_id": sightings.Simulation,
    "task_id": sightings.Task,
}  # fmt: skip
_PART = re.compile(r"<(?:\w+:)?(\w+)>")
_ANSWERS = {
    "200": {"description": "The page, or the file", "content": {"text/html": {}, "text/csv": {}}},
    "302": {"description": "On to another page: done, or to the sign-in page"},
    "400": {"description": "The request is malformed", "content": {"text/html": {}}},
    "403": {"description": "No role of the person allows it, or the form is of no page of ours"},
    "404": {"description": "There is nothing at this address", "content": {"text/html": {}}},
    "405": {"description": "The page has no such method"},
    "413": {"description": "More was sent than is taken", "content": {"text/html": {}}},
    "422": {"description": "The form again, with what is wrong in it", "content": {"text/html": {}}},
}


@dataclass(frozen=True)
class Page:
    """One address: the view behind it, what it declares, and what it reads of a request."""

    name: str
    path: str
    parts: dict
    view: object
    methods: tuple
    access: access.Access
    query: dict = field(default_factory=dict)
    fields: dict = field(default_factory=dict)
    forms: tuple = ()

    @property
    def asked(self):
        """The fields of what it reads of its address."""
        return self.query | ({} if "POST" in self.methods else self._of_forms())

    @property
    def stated(self):
        """The fields of what it reads of a form."""
        return self.fields | self._of_forms()

    def _of_forms(self):
        return {name: one for form in self.forms for name, one in _fields(form).items()}

    def address(self, known):
        """Return an address of the page: of the first thing that there is, or of none."""
        made_up = {"UUIDConverter": str(uuid.UUID(int=7)), "IntConverter": "7", "SlugConverter": "seven"}
        parts = {name: made_up[type(one).__name__] for name, one in self.parts.items()}
        return self.path.format(**{name: known.get(name, [one])[0] for name, one in parts.items()})

    @property
    def takes_files(self):
        return any(isinstance(one, forms.FileField) for one in self._of_forms().values())


def pages():
    """Return every page of the face, in the order of its URLs."""
    return [_page(pattern) for pattern in urls.urlpatterns]


def what_there_is():
    """Return the ids of what there is, by the part of an address that names it."""
    found = {name: sorted(map(str, table.objects.values_list("pk", flat=True))) for name, table in _TABLES.items()}
    return {name: ids for name, ids in found.items() if ids}


def whole():
    """Return the description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigie, the analysts' pages", "version": "1"},
        "paths": {page.path: {one.lower(): _operation(page, one) for one in _worth(page)} for page in pages()},
    }


def _page(pattern):
    read = _Reading()
    if of_class := _class_of(pattern.callback):
        read.forms += [form] if (form := getattr(of_class, "form_class", None)) else []
    else:
        read.function(pattern.callback)
    return Page(
        name=pattern.name,
        path="/" + _PART.sub(r"{\1}", str(pattern.pattern)),
        parts=pattern.pattern.converters,
        view=pattern.callback,
        methods=_methods(pattern.callback),
        access=access.declared_by(pattern.callback),
        query=read.query,
        fields=read.fields,
        forms=tuple(dict.fromkeys(read.forms)),
    )


def _layers(view):
    """Return a view and what its decorators wrap, from the outside in."""
    while view is not None:
        yield view
        view = getattr(view, "__wrapped__", None)


def _class_of(view):
    return next((one.view_class for one in _layers(view) if hasattr(one, "view_class")), None)


def _methods(view):
    """Return the methods that a view lets through; every one where nothing in it says which."""
    said = (inspect.getclosurevars(one).nonlocals.get("request_method_list") for one in _layers(view))
    allowed = next((one for one in said if one is not None), METHODS)
    of_class = _class_of(view)
    return tuple(one for one in allowed if of_class is None or hasattr(of_class, {"HEAD": "get"}.get(one, one.lower())))


def _worth(page):
    """Return the methods worth asking with: what HEAD and OPTIONS answer is what GET does."""
    return [one for one in ("GET", "POST") if one in page.methods]


class _Reading(ast.NodeVisitor):
    """What a view, and the functions of the face that it calls, read of a request."""

    def __init__(self):
        self.query, self.fields, self.forms = {}, {}, []
        self._read, self._names = set(), {}

    def function(self, function):
        function = inspect.unwrap(function)
        if function in self._read or not function.__module__.startswith(PAGES):
            return
        self._read.add(function)
        outer, self._names = self._names, function.__globals__
        self.visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
        self._names = outer

    def visit_Compare(self, node):
        if (of := _value_of_request(node.left)) and isinstance(node.comparators[0], ast.Constant):
            self._note(*of, known=node.comparators[0].value)
        self.generic_visit(node)

    def visit_Call(self, node):
        if of := _value_of_request(node):
            self._note(*of)
        elif isinstance(node.func, ast.Name):
            called = self._names.get(node.func.id)
            if inspect.isclass(called) and issubclass(called, forms.BaseForm):
                if node.args and {"POST", "GET"} & _read_whole(node.args[0]):
                    self.forms.append(called)
            elif inspect.isfunction(called):
                self.function(called)
        self.generic_visit(node)

    def _note(self, where, name, *, known=None):
        found = (self.query if where == "GET" else self.fields).setdefault(name, [])
        if known:
            found.append(known)


def _value_of_request(node):
    """Return where a call takes a value from, and its name: `request.GET.get("after")`; None for any other."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(value=ast.Name("request"), attr="GET" | "POST" as where), attr=how),
            args=[ast.Constant(value=name), *_],
        ) if how in {"get", "getlist"}:
            return where, name
    return None


def _read_whole(node):
    """Return which parts of the request stand in an expression whole: `request.POST or None`."""
    return {
        one.attr
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "request"
    }


def _operation(page, method):
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _of_part(converter)}
        for name, converter in page.parts.items()
    ]
    parameters.append({"name": "HX-Request", "in": "header", "schema": {"enum": ["true"]}})
    query = {name: _described(one) for name, one in page.asked.items()}
    body = {name: _described(one) for name, one in page.stated.items()}
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]
    operation = {
        "operationId": f"{page.name}_{method.lower()}",
        "parameters": parameters,
        "responses": _ANSWERS,
        "x-open-to": page.access.openness.value,
    }
    if page.access.permission:
        operation["x-permission"] = page.access.permission.value
    if method == "POST":
        kind = "multipart/form-data" if page.takes_files else "application/x-www-form-urlencoded"
        operation["requestBody"] = {"content": {kind: {"schema": {"type": "object", "properties": body}}}}
    return operation


def _of_part(converter):
    if isinstance(converter, UUIDConverter):
        return {"type": "string", "format": "uuid"}
    return {"type": "integer", "minimum": 0} if isinstance(converter, IntConverter) else {"type": "string"}


def _described(one):
    """Describe a field of a form, or a value that a view takes as it comes: what it compares with is worth asking."""
    if isinstance(one, forms.Field):
        return _of_field(one)
    return {"anyOf": [{"enum": one}, {"type": "string"}]} if one else {"type": "string"}


def _fields(form):
    try:
        return form().fields  # some take their choices from the records
    except (TypeError, KeyError):  # one of allauth's, which asks whose it is
        return form.base_fields


def _of_field(one):
    match one:
        case forms.MultipleChoiceField():
            return {"type": "array", "items": {"enum": _choices(one)} if _choices(one) else {"type": "string"}}
        case forms.ChoiceField():
            return {"enum": _choices(one)} if _choices(one) else {"type": "string"}
        case forms.FileField():
            return {"type": "string", "contentMediaType": "application/octet-stream"}
        case forms.BooleanField():
            return {"enum": ["on", ""]}
        case forms.IntegerField():
            limits = {"minimum": one.min_value, "maximum": one.max_value}
            return {"type": "integer", **{name: limit for name, limit in limits.items() if limit is not None}}
        case forms.DateField():
            return {"type": "string", "format": "date"}
        case forms.CharField():
            limits = {"minLength": one.min_length, "maxLength": one.max_length}
            return {"type": "string", **{name: limit for name, limit in limits.items() if limit is not None}}
    return {"type": "string"}


def kind(one):
    """Say what a field takes: a choice, an integer, a date or a string; empty where only the view knows."""
    schema = _described(one)
    if not isinstance(one, forms.Field):
        return ""
    return "choice" if "enum" in schema or "items" in schema else schema.get("format") or schema["type"]


def example(one):
    """Return what a field may well be given."""
    schema = _described(one)
    known = [choice for choice in schema.get("items", schema).get("enum", ()) if choice]
    day = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    return known[0] if known else {"integer": str(schema.get("minimum") or 1), "date": day}.get(kind(one), "Words")


def _choices(one):
    """Return the values that may be chosen, those in groups too."""
    found = []
    for value, word in one.choices:
        found += [inner for inner, _ in word] if isinstance(word, list | tuple) else [value]
    return [str(value) for value in found]
