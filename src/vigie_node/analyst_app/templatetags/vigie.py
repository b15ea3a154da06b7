# SPDX-License-Identifier: Apache-2.0
"""The parts that pages are made of; docs/explanation/pages.md shows each.

- Built in for every template: a page loads nothing.
- A part escapes what it is given; what a block holds was escaped by the template that wrote it.
- What is not recorded is said so, never shown as nothing and never as 0.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django import template
from django.forms import BaseForm, BoundField, CheckboxSelectMultiple, RadioSelect
from django.template import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import avoid_wrapping, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext, npgettext_lazy, pgettext

from vigie.fingerprints.values import Algorithm
from vigie.lists.entries import Role as View
from vigie_node.analyst_app import words
from vigie_node.analyst_app.parts import Chart, Reason

register = template.Library()

FEW_TICKS = 8  # more boxes to tick stand in a box that scrolls
DAY_S = 86_400
FEW_DAYS = 60  # said in days: a deadline of 14 days is not "1 week" away
# Django's own words stand alone; after "ago" and "in" some languages want another form of them.
_SPANS: dict[str, Any] = {
    "year": npgettext_lazy("between 'in' and 'ago'", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("between 'in' and 'ago'", "%(num)d month", "%(num)d months", "num"),
    "day": npgettext_lazy("between 'in' and 'ago'", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("between 'in' and 'ago'", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("between 'in' and 'ago'", "%(num)d minute", "%(num)d minutes", "num"),
}
_CONTROLS = {"checkbox": "form-check-input", "select": "form-select", "file": "form-control"}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of the sprite; without a label it is decoration."""
    picture = f"{static('vendor/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, picture)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', picture)


@register.simple_tag
def state(value: StrEnum) -> SafeString:
    """Show a state by word, shape and tone."""
    look = words.look_of(value)
    return format_html('<span class="state state-{}">{}{}</span>', look.tone.value, icon(look.shape), look.word)


@register.filter
def word(value: StrEnum) -> str:
    """Say a state in a word."""
    return str(words.look_of(value).word)


@register.simple_tag
def label(scheme: str, code: str) -> SafeString:
    """Show a label by its scheme and code, with what it means on hover and for who cannot hover."""
    return format_html(
        '<span class="label" title="{}"><b>{}</b> {}</span><span class="visually-hidden"> ({})</span>',
        words.meaning(scheme, code), scheme, code, words.meaning(scheme, code),
    )  # fmt: skip


@register.filter
def short(value: object) -> str:
    """Shorten an id to its random end, by which people tell two apart."""
    return f"…{str(value)[-12:]}"


@register.filter
def algorithm(value: str) -> str:
    """Name an algorithm."""
    return str(words.ALGORITHMS[Algorithm(value)])


@register.filter
def view(value: str) -> str:
    """Say which view of a picture a value is of."""
    return str(words.VIEWS[View(value)])


@register.filter
def transform(value: str) -> str:
    """Say how a copy differs."""
    return words.transform(value)


@register.filter
def said(value: str) -> str:
    """Say a sentence of the engine's in the reader's language."""
    return gettext(value) if value else ""


@register.simple_tag
def moment(value: datetime | None) -> SafeString:
    """Show a time in the reader's language and the node's zone."""
    if value is None:
        return _not_recorded()
    local = timezone.localtime(value)
    shown = formats.date_format(local, pgettext("a time; letters as in Django's date filter", "j M Y, H:i"))
    return format_html('<time datetime="{}">{} {}</time>', value.isoformat(timespec="seconds"), shown, local.tzname())


@register.simple_tag
def day(value: date | datetime | None) -> SafeString:
    """Show a date."""
    if value is None:
        return _not_recorded()
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    shown = formats.date_format(local, pgettext("a date; letters as in Django's date filter", "j M Y"))
    return format_html('<time datetime="{}">{}</time>', local.strftime("%Y-%m-%d"), shown)


@register.simple_tag(takes_context=True)
def age(context: Context, value: datetime | None) -> SafeString:
    """Say how long ago a time was, or how long until it comes; the time itself on hover."""
    if value is None:
        return _not_recorded()
    now: datetime = context["now"]
    if abs((now - value).total_seconds()) < 60:
        said = gettext("just now")
    else:
        said = (gettext("%(time)s ago") if value < now else gettext("in %(time)s")) % {"time": _span(value, now)}
    local = timezone.localtime(value)
    full = formats.date_format(local, pgettext("a time; letters as in Django's date filter", "j M Y, H:i"))
    return format_html(
        '<time datetime="{}" title="{} {}">{}</time>', value.isoformat(timespec="seconds"), full, local.tzname(), said
    )


def _span(value: datetime, now: datetime) -> str:
    days = round(abs((now - value).total_seconds()) / DAY_S)
    if 7 <= days < FEW_DAYS:
        return avoid_wrapping(_SPANS["day"] % {"num": days})
    between = timesince if value < now else timeuntil
    return between(value, now, time_strings=_SPANS, depth=1)


@register.simple_tag
def colon() -> str:
    """Set a colon after a name as the language does: with a space before it, or none."""
    return pgettext("after a name, before what it is", ":")


@register.filter
def number(value: float | None) -> str:
    """Write a number as the reader's language does; None is said to be not recorded."""
    if value is None:
        return gettext("not recorded")
    return str(formats.number_format(value, use_l10n=True, force_grouping=True))


def _not_recorded() -> SafeString:
    return format_html('<span class="unknown">{}</span>', gettext("not recorded"))


@register.simple_block_tag(takes_context=True)
def fact(context: Context, content: str, name: str, source: str = "", at: datetime | None = None) -> SafeString:
    """Write one row of a table of facts: a name, its value, whose word it is and since when."""
    origin = mark_safe("")
    if source or at:
        time = format_html(" {}", age(context, at)) if at else ""
        origin = format_html('<span class="origin">{}{}</span>', source, time)
    inner = mark_safe(content)  # noqa: S308 - the template's own output, escaped when it was made
    return format_html('<tr><th scope="row">{}</th><td>{}{}</td></tr>', name, inner, origin)


@register.simple_block_tag(takes_context=True)
def dialog(  # noqa: PLR0917 - a template tag: its arguments are named in the template
    context: Context,
    content: str,
    name: str,
    title: str,
    action: str,
    verb: str,
    form: BaseForm | None = None,
    danger: bool = False,
) -> str:
    """Ask before an action; the block repeats the object in words. A form with errors comes back open."""
    return render_to_string(
        "analyst/parts/dialog.html",
        {
            "name": name, "title": title, "action": action, "verb": verb, "form": form, "danger": danger,
            "content": mark_safe(content),  # noqa: S308 - the template's own output, escaped when it was made
            "is_open": form is not None and form.is_bound and not form.is_valid(),
        },
        request=context.get("request"),
    )  # fmt: skip


@register.simple_block_tag
def opens(content: str, name: str, icon_name: str = "", style: str = "") -> SafeString:
    """Write the button that opens a dialog; without JavaScript it goes to the same form on the page."""
    return format_html(
        '<a class="btn {}" href="#{}" role="button" data-opens="{}">{}{}</a>',
        style, name, name, icon(icon_name) if icon_name else "", mark_safe(content.strip()),  # noqa: S308 - as above
    )  # fmt: skip


@register.inclusion_tag("analyst/parts/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Write one field of a form: its name, control, help, and what is wrong with it."""
    widget = bound.field.widget
    is_group = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    kind = getattr(widget, "input_type", "")
    widget.attrs.pop("placeholder", None)  # it would say the label again
    style = "form-check-input" if is_group else _CONTROLS.get(kind, "form-control")
    widget.attrs.setdefault("class", style)
    if bound.errors:
        widget.attrs["autofocus"] = True  # of several, the browser takes the first
    groups = _tick_groups(bound) if isinstance(widget, CheckboxSelectMultiple) else []
    return {"field": bound, "is_tick": kind == "checkbox" and not is_group, "is_group": is_group, "groups": groups}


def _tick_groups(bound: BoundField) -> list[tuple[str | None, list[dict[str, Any]]]]:
    """Return the boxes to tick by the group that they stand in; nothing where they are few and in none."""
    shown = bound.field.widget.get_context(bound.html_name, bound.value(), {"id": bound.auto_id})["widget"]["optgroups"]
    if len(shown) <= FEW_TICKS and not any(name for name, _options, _index in shown):
        return []
    groups: list[tuple[str | None, list[dict[str, Any]]]] = []
    for name, options, _index in shown:
        if groups and groups[-1][0] == name:
            groups[-1][1].extend(options)
        else:
            groups.append((name, list(options)))
    return groups


@register.inclusion_tag("analyst/parts/reasons.html")
def reasons(title: str, rows: Sequence[Reason], decided: str = "", change: str = "") -> dict[str, Any]:
    """Show why something is as it is: the reasons in parts, the rule that decided, what would change it."""
    return {"title": title, "rows": rows, "decided": decided, "change": change}


@register.inclusion_tag("analyst/parts/pager.html", takes_context=True)
def pager(context: Context, after: object = "") -> dict[str, Any]:
    """Write the way to the next page of a list; `after` is where it starts, empty at the end."""
    request = context["request"]
    first, following = request.GET.copy(), request.GET.copy()
    first.pop("after", None)
    following["after"] = str(after)
    return {
        "first": f"?{first.urlencode()}" if "after" in request.GET else "",
        "following": f"?{following.urlencode()}" if after else "",
    }


@register.simple_tag(takes_context=True)
def csv_link(context: Context) -> SafeString:
    """Write the link to the same list as a CSV file."""
    query = context["request"].GET.copy()
    query.pop("after", None)
    query["format"] = "csv"
    return format_html('<a class="btn" href="?{}" download>{}CSV</a>', query.urlencode(), icon("download"))


@register.simple_block_tag
def empty(content: str, icon_name: str, title: str) -> SafeString:
    """Say what will appear here; the block holds the sentence and the one button that makes it happen."""
    inner = mark_safe(content)  # noqa: S308 - the template's own output, escaped when it was made
    return format_html('<div class="empty-state">{}<h2>{}</h2>{}</div>', icon(icon_name), title, inner)


@register.simple_tag
def copyable(value: object, shown: str = "") -> SafeString:
    """Show an id with a button that copies it."""
    return format_html(
        '<span class="copyable"><code>{}</code><button type="button" class="icon-button" data-copy="{}" '
        'aria-label="{}" hidden>{}</button></span>',
        shown or value, value, gettext("Copy"), icon("copy"),
    )  # fmt: skip


@register.inclusion_tag("analyst/parts/reveal.html", takes_context=True)
def reveal(context: Context, what: str, url: str, name: str) -> dict[str, Any]:
    """Keep something sensitive out of sight until it is asked for; the view behind `url` records that it was.

    `what` is the whole of what the button says.
    """
    return {"what": what, "url": url, "name": name, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("analyst/parts/chart.html")
def chart(of: Chart) -> dict[str, Any]:
    """Draw a chart: its finding as the title, a description for who cannot see it, the table behind it."""
    return {"chart": of}
