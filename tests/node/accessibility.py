# SPDX-License-Identifier: Apache-2.0
"""What axe finds wrong with a page as it stands in the browser.

It is run through the browser's own debugger, to which the page's content security policy does not apply: the policy is
as strict under test as it is in use.
"""

from functools import cache

from architecture.repository import ROOT


def violations(page, *, within=None):
    """Return what is wrong, a line each: the rule, how bad it is, and where."""
    page.evaluate(_axe())
    found = page.evaluate("within => axe.run(within || document, {resultTypes: ['violations']})", within)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@cache
def _axe():
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
