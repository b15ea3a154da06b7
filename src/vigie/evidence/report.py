# SPDX-License-Identifier: Apache-2.0
"""A result as one HTML page that stands alone: figures, plots, reasons, method.

- The page loads nothing and runs nothing; its policy forbids both. It shows no picture of any media.
- File names stay out unless they are asked for; then they are escaped, and what turns or hides writing is made visible.
- The whole page is in one of four languages; official texts of others keep theirs, and say so.
"""

import base64
import hashlib
from datetime import datetime
from importlib import resources

import jinja2
from markupsafe import Markup

from vigie.evidence import findings
from vigie.evidence.results import Amount, Results
from vigie.evidence.wording import Wording
from vigie.matching.verdicts import Outcome


def html(results: Results, *, language: str = "en", show_names: bool = False) -> str:
    """Write a result as one HTML page.

    Raises:  UnknownLanguageError.
    """
    say = Wording(language)
    about = results.manifest
    total, verdicts = results.total(), results.by_verdict()
    style = _asset("report.css")
    why = (Outcome.NOT_EXAMINED, Outcome.UNREADABLE, Outcome.GATED)
    sections = [
        findings.verdicts(say, total, verdicts, has_lists=bool(about.lists)),
        *([findings.known(say, results, verdicts)] if about.lists else []),
        findings.look(say, results),
        *(findings.reasons(say, results, verdicts, verdict) for verdict in why),
        findings.kinds(say, results, total),
        findings.names(say, results, verdicts, show_names=show_names),
        findings.method(say, results),
    ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_asset("report.html.j2")).render(
        t=say,
        style=Markup(style),  # noqa: S704  (our own file)
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        headline=_headline(say, total, verdicts, has_lists=bool(about.lists)),
        complete=about.complete,
        facts=_facts(say, results, total, show_names=show_names),
        as_of=say("as_of", moment=say.moment(about.finished_at or about.started_at)),
        sections=sections,
        footer=say("footer", version=about.versions.get("vigie", "")),
    )


def _headline(say: Wording, total: Amount, verdicts: dict[str, Amount], *, has_lists: bool) -> str:
    known, near = findings.files_of(verdicts, Outcome.KNOWN), findings.files_of(verdicts, Outcome.NEAR)
    if total.files == 0:
        return say("headline_empty")
    if not has_lists:
        return say("headline_no_list", files=total.files)
    if known:
        return say("headline_known", known, files=total.files)
    return say("headline_near", near, files=total.files) if near else say("headline_none", files=total.files)


def _facts(say: Wording, results: Results, total: Amount, *, show_names: bool) -> list[tuple[str, str]]:
    about = results.manifest
    spent = say("not_recorded")
    if about.finished_at is not None:
        between = datetime.fromisoformat(about.finished_at) - datetime.fromisoformat(about.started_at)
        spent = say.duration(between.total_seconds())
    lists = "; ".join(f"{used.name} ({used.issuer}, {used.version})" for used in about.lists)
    return [
        (say("fact_state"), say("complete") if about.complete else say("not_complete")),
        (say("fact_source"), findings.isolated(about.source) if show_names else say("source_hidden")),
        (say("fact_started"), say.moment(about.started_at)),
        (say("fact_finished"), say.moment(about.finished_at)),
        (say("fact_duration"), spent),
        (say("fact_amount"), say("fact_amount_value", total.files, size=say.size(total.size_bytes or 0))),
        (say("fact_contents"), say.number(total.contents)),
        (say("fact_lists"), lists or say("none")),
    ]


def _asset(name: str) -> str:
    return resources.files("vigie.evidence").joinpath(name).read_text("utf-8")
