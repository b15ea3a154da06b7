# SPDX-License-Identifier: Apache-2.0
"""The findings of a report, one by one: the sentence that states it, what to know about it, its plot, its tables.

- A title says what was found, with its number; where there is nothing, it says so.
- Every plot has its table beneath; a verdict is a word, a shape and a colour.
- Names appear in one section alone, where they were asked for: isolated from the text around them, and the list of
  them says what it leaves out.
- A reason that no language file translates is shown as it was written.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markupsafe import Markup

from vigie import labels
from vigie.errors import InvalidInputError
from vigie.evidence.charts import Bar, axis_end, bars
from vigie.evidence.manifest import ListUsed
from vigie.evidence.results import TO_LOOK_AT, Amount, Results
from vigie.evidence.wording import Wording
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import Turn
from vigie.matching.verdicts import BORDER_REMOVED, Outcome, gated_reason

NAMES_AT_MOST = 500  # of each list of names: a page that a browser still opens; the rest is told

VERDICTS = (
    Outcome.KNOWN,
    Outcome.NEAR,
    Outcome.UNKNOWN,
    Outcome.GATED,
    Outcome.UNREADABLE,
    Outcome.NOT_MEDIA,
    Outcome.NOT_EXAMINED,
)

# A gate's reason is a sentence in a row; its code names the same sentence in every language.
_GATES = {gated_reason(gate): f"gate.{gate}" for gate in Gate}
_NOT_COMPARED = (Outcome.GATED, Outcome.UNREADABLE, Outcome.NOT_EXAMINED)
_SHAPES = {
    Outcome.KNOWN: '<rect width="12" height="12"/>',
    Outcome.NEAR: '<rect width="12" height="12" fill="none"/><path d="M0 0H6V12H0Z"/>',
    Outcome.UNKNOWN: '<circle cx="6" cy="6" r="6"/>',
    Outcome.GATED: '<path d="M6 0 12 6 6 12 0 6Z"/>',
    Outcome.UNREADABLE: '<path d="M6 0 12 12H0Z"/>',
    Outcome.NOT_MEDIA: '<rect y="4" width="12" height="4"/>',
    Outcome.NOT_EXAMINED: '<path fill-rule="evenodd" d="M0 0H12V12H0ZM3 3V9H9V3Z"/>',
}


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its word, and how its cells are set."""

    word: str
    number: bool = False
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of written cells; the first cell of a row names it."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] | None = None
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One finding: the sentence that states it, what to know about it, its plot and its tables."""

    ident: str
    title: str
    notes: Sequence[str] = ()
    warning: tuple[str, str] | None = None
    chart_title: str = ""
    chart: Markup | None = None
    tables: Sequence[Table] = ()


def verdicts(say: Wording, total: Amount, by_verdict: dict[str, Amount], *, has_lists: bool) -> Section:
    """Say how many files got which verdict."""
    others = sum(files_of(by_verdict, verdict) for verdict in _NOT_COMPARED)
    title = "verdicts_title" if has_lists else "verdicts_title_no_list"
    found = [(verdict, by_verdict.get(verdict, Amount(0, 0, 0))) for verdict in VERDICTS]
    rows = [
        (_verdict(say, verdict), say(f"meanings.{verdict}"), *_amount(say, amount, of=total))
        for verdict, amount in found
    ]
    columns = [Column(say("verdicts_column")), Column(say("meaning_column"), style="meaning")]
    columns += _numbers(say, "files_column", "share_column", "contents_column", "size_column")
    table = Table(say("verdicts_chart"), columns, rows, total=(say("total_row"), "", *_amount(say, total, of=total)))
    finding = say(title, total.files - others, others=others)
    bars_of = [(say(f"verdicts.{verdict}"), amount.files, verdict.value) for verdict, amount in found]
    return Section(
        "verdicts",
        finding,
        notes=[say("verdicts_note")],
        chart_title=say("verdicts_chart"),
        chart=_bars(say, "verdicts", bars_of, finding=finding),
        tables=[table],
    )


def known(say: Wording, results: Results, by_verdict: dict[str, Amount]) -> Section:
    """Say what matches, according to which list and under which label."""
    matched = files_of(by_verdict, Outcome.KNOWN) + files_of(by_verdict, Outcome.NEAR)
    if not matched:
        return Section("known", say("known_title_none"), notes=[say("known_none_note")])
    issuers = {used.name: used.issuer for used in results.manifest.lists}
    rows = []
    for found in results.by_label():
        according_to = f"{found.list_name} ({issuers.get(found.list_name, say('not_recorded'))})"
        label, verdict = _label(say, found.scheme, found.label), _verdict(say, Outcome(found.verdict))
        rows.append((according_to, label, verdict, say.number(found.files), say.number(found.contents)))
    columns = [Column(say("list_column"), style="list"), Column(say("label_column"), style="meaning")]
    columns += [Column(say("verdicts_column")), *_numbers(say, "files_column", "contents_column")]
    table = Table(say("known_table"), columns, rows)
    return Section("known", say("known_title", matched), notes=[say("known_note")], tables=[table])


def look(say: Wording, results: Results) -> Section:
    """Say what waits for a person, each content once."""
    groups = results.groups()
    contents = sum(one.contents for one in groups)
    if not contents:
        return Section("look", say("look_title_none"))
    spared = sum(one.files for one in groups) - contents
    rows = []
    for one in groups:
        why, kind = _verdict(say, Outcome(one.group.value)), _kind(say, one.kind)
        rows.append((why, kind, say.number(one.contents), say.number(one.files)))
    columns = [Column(say("group_column")), Column(say("kind_column"))]
    columns += _numbers(say, "contents_column", "copies_column")
    finding = say("look_title", contents)
    bars_of = [
        (say(f"verdicts.{group}"), sum(one.contents for one in groups if one.group is group), group.value)
        for group in TO_LOOK_AT
    ]
    return Section(
        "look",
        finding,
        notes=[" ".join([say("look_note"), *([say("look_saved", spared)] if spared else [])])],
        chart_title=say("look_chart"),
        chart=_bars(say, "look", bars_of, finding=finding, unit="contents"),
        tables=[Table(say("look_chart"), columns, rows)],
    )


def reasons(say: Wording, results: Results, verdicts: dict[str, Amount], verdict: Outcome) -> Section:
    """Say why files have one verdict: not examined, unreadable or gated."""
    name = verdict.value.replace("-", "_")
    count = files_of(verdicts, verdict)
    if not count:
        return Section(verdict.value, say(f"{name}_title_none"))
    rows = [
        (say.of_code(_GATES.get(one.code, one.code), one.sentence), say.number(one.files))
        for one in results.by_reason(verdict.value)
    ]
    table = Table(
        say(f"verdicts.{verdict}"),
        [Column(say("reason_column"), style="meaning"), Column(say("files_column"), number=True)],
        rows,
    )
    notes = [] if verdict is Outcome.NOT_EXAMINED else [say(f"{name}_note")]
    return Section(verdict.value, say(f"{name}_title", count), notes=notes, tables=[table])


def kinds(say: Wording, results: Results, total: Amount) -> Section:
    """Say what kinds of files there are."""
    by_kind: Counter[str | None] = Counter()
    rows = []
    for one in results.by_kind():
        by_kind[one.kind] += one.amount.files
        files, _, contents, size = _amount(say, one.amount, of=total)
        rows.append((_kind(say, one.kind), one.format or say("kind_none"), files, contents, size))
    columns = [Column(say("kind_column")), Column(say("format_column"))]
    columns += _numbers(say, "files_column", "contents_column", "size_column")
    finding = say("kinds_title", pictures=by_kind["picture"], videos=by_kind["video"], files=total.files)
    bars_of = [(_kind(say, kind), files, "plain") for kind, files in by_kind.most_common()]
    return Section(
        "kinds",
        finding,
        chart_title=say("kinds_chart"),
        chart=_bars(say, "kinds", bars_of, finding=finding),
        tables=[Table(say("kinds_chart"), columns, rows)],
    )


def names(say: Wording, results: Results, by_verdict: dict[str, Amount], *, show_names: bool) -> Section:
    """List files by name where that was asked for."""
    if not show_names:
        return Section("names", say("names_title"), notes=[say("names_hidden")])
    path, verdict = Column(say("path_column"), style="name"), Column(say("verdicts_column"))
    tables = []
    if matched := files_of(by_verdict, Outcome.KNOWN) + files_of(by_verdict, Outcome.NEAR):
        rows: list[Sequence[str]] = [
            (_shown_path(row), _verdict(say, Outcome(row["verdict"])), _match(say, row["matches"]))
            for row in islice(results.matched(), NAMES_AT_MOST)
        ]
        columns = [path, verdict, Column(say("match_column"), style="meaning")]
        tables.append(Table(say("matched_table"), columns, rows, cut=_cut(say, matched)))
    if to_look_at := sum(one.contents for one in results.groups()):
        rows = []
        for one in islice(results.unknown(), NAMES_AT_MOST):
            why, kind = _verdict(say, Outcome(one.group.value)), _kind(say, one.row["kind"])
            size = say.size(one.row["size_bytes"]) if one.row["size_bytes"] is not None else say("not_recorded")
            rows.append((_shown_path(one.row), why, kind, size, say.number(one.copies)))
        columns = [path, verdict, Column(say("kind_column")), *_numbers(say, "size_column", "copies_column")]
        tables.append(Table(say("look_table"), columns, rows, cut=_cut(say, to_look_at)))
    return Section("names", say("names_title"), notes=[say("names_shown")], tables=tables)


def method(say: Wording, results: Results) -> Section:
    """Say how the figures came about: rules, lists, confinement, limits, versions."""
    about = results.manifest
    layers = [(", ".join(levels), say.number(files)) for levels, files in results.confinement()]
    limits = [(_code(name), _plain(say, value)) for name, value in _flat({**about.limits, **about.options})]
    versions = [(say("recipe"), about.recipe), *sorted(about.versions.items())]
    tables = [
        *([_lists(say, about.lists)] if about.lists else []),
        *([_pairs(say, "confinement_table", "confinement_column", "decoded_column", layers)] if layers else []),
        *([_pairs(say, "limits_table", "limit_column", "value_column", limits)] if limits else []),
        _pairs(say, "versions_table", "program_column", "version_column", versions),
    ]
    notes = [say(f"method_{part}") for part in ("open", "exact", "near", "limits")]
    if not layers:
        notes.append(say("confinement_none"))
    unconfined = any("seccomp" not in levels for levels, _ in results.confinement())
    warning = (say("unconfined"), say("unconfined_note")) if unconfined else None
    return Section("method", say("method_title"), notes=notes, warning=warning, tables=tables)


def files_of(verdicts: dict[str, Amount], verdict: Outcome) -> int:
    """Count the files of one verdict."""
    return verdicts[verdict].files if verdict in verdicts else 0


def isolated(name: str) -> Markup:
    """Keep the direction of a name's writing from reaching the text around it."""
    return Markup('<bdi dir="ltr">{}</bdi>').format(name)


def _verdict(say: Wording, verdict: Outcome) -> Markup:
    shape = Markup('<svg class="shape {}" viewBox="0 0 12 12" aria-hidden="true">{}</svg>')
    drawn = shape.format(verdict.value, Markup(_SHAPES[verdict]))  # noqa: S704  (our own)
    return Markup('<span class="verdict">{}<span>{}</span></span>').format(drawn, say(f"verdicts.{verdict}"))


def _kind(say: Wording, kind: str | None) -> str:
    return say(f"kinds.{kind}") if kind else say("kind_none")


def _label(say: Wording, scheme: str | None, code: str | None) -> str:
    if scheme is None or code is None:
        return say("no_label")
    try:
        meaning = labels.find(scheme, code).meaning
    except InvalidInputError:
        return f"{scheme} {code}"
    return Markup('{} {}: <span lang="en">{}</span>').format(scheme, code, meaning)


def _shown_path(row: dict[str, Any]) -> Markup:
    return Markup(" › ").join(isolated(name) for name in [*row["container"], row["path"]])


def _match(say: Wording, matches: Sequence[dict[str, Any]]) -> str:
    told = []
    for match in matches[:3]:
        parts = [match["list"], match["label"], match["algorithm"], *_made_how(say, match["transform"])]
        if match["distance_bits"] is not None:
            parts.append(say("distance", match["distance_bits"]))
        if match["share_of_known"] is not None:
            parts.append(say("share_of_known", share=say.share(round(1000 * match["share_of_known"]), 1000)))
        told.append(", ".join(part for part in parts if part))
    return "; ".join(told) + (" …" if len(matches) > len(told) else "")


def _made_how(say: Wording, transform: str | None) -> list[str]:
    if transform is None or transform == Turn.NONE:
        return []
    border, turn = transform.startswith(BORDER_REMOVED), transform.removeprefix(BORDER_REMOVED).removeprefix("-")
    return [say(f"turns.{step}") for step in ([BORDER_REMOVED] if border else []) + ([turn] if turn else [])]


def _cut(say: Wording, count: int) -> str | None:
    return say("cut", shown=NAMES_AT_MOST, all=count) if count > NAMES_AT_MOST else None


def _pairs(say: Wording, caption: str, first: str, second: str, rows: Sequence[tuple[str, str]]) -> Table:
    return Table(say(caption), [Column(say(first), style="name"), Column(say(second))], rows)


def _flat(nested: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _plain(say: Wording, value: object) -> str:
    if isinstance(value, bool) or value is None:
        return say({True: "yes", False: "no", None: "unlimited"}[value])
    return say.number(value) if isinstance(value, int) else str(value)


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text)


def _bars(
    say: Wording, ident: str, found: Sequence[tuple[str, int, str]], *, finding: str, unit: str = "files"
) -> Markup:
    top = axis_end([value for _, value, _ in found])
    rows = [Bar(word, value, say.number(value), style) for word, value, style in found]
    return bars(rows, ident=ident, title=finding, unit=say(unit), top=top, top_written=say.number(top))


def _numbers(say: Wording, *words: str) -> list[Column]:
    return [Column(say(word), number=True) for word in words]


def _amount(say: Wording, amount: Amount, *, of: Amount) -> tuple[str, str, str, str]:
    untold = say("not_recorded")
    contents = say.number(amount.contents) if amount.contents or not amount.files else untold
    size = say.size(amount.size_bytes) if amount.size_bytes is not None else untold
    return say.number(amount.files), say.share(amount.files, of.files), contents, size


def _lists(say: Wording, lists: Sequence[ListUsed]) -> Table:
    words = ("list_column", "issuer_column", "version_column", "valid_column", "entries_column", "digest_column")
    rows = []
    for used in lists:
        valid = say.moment(used.valid_until) if used.valid_until else say("no_end")
        rows.append((used.name, used.issuer, str(used.version), valid, say.number(used.entries), _code(used.digest)))
    return Table(say("lists_table"), [Column(say(word)) for word in words], rows)
