from node import people
from node.features.analyst_app import furnishing, world as building
from vigie_node.accounts.roles import Role
from vigie_node.project.faces import Face

TEXTS = """() => { const out = new Set(); const w = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); while (w.nextNode()) { const t = w.currentNode.data.trim(); if (/[a-z]{3}/.test(t)) out.add(t); } for (const e of document.querySelectorAll('[aria-label],[title],[placeholder]')) for (const a of ['aria-label','title','placeholder']) if (e.getAttribute(a)) out.add(e.getAttribute(a)); return [...out]; }"""


def test_left(serve, page, browser, transactional_db, settings, tmp_path):
    settings.UPLOADS = tmp_path / "up"
    built = building.build()
    pages = furnishing.furnish(built)
    address = serve(Face.ANALYST).replace("127.0.0.1", "localhost")

    def look(page, paths):
        seen = {}
        for language in ("en", "de"):
            page.context.add_cookies([{"name": "django_language", "value": language, "url": address}])
            for name, path in paths.items():
                page.goto(address + path)
                seen[language, name] = set(page.evaluate(TEXTS))
        same = {}
        for name in paths:
            for t in seen["en", name] & seen["de", name]:
                same.setdefault(t, name)
        for t, name in sorted(same.items()):
            print("SAME", name, repr(t)[:150])

    look(page, {"login": "/sign-in", "enrol": "/enrol", "none": "/nothing/"})
    page.context.add_cookies(people.cookies(people.recruit(*Role, name="Maria Janssens"), address))
    look(page, {**pages, "mfa": "/account", "pk": "/account/passkeys/add"})
