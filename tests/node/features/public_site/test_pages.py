# SPDX-License-Identifier: Apache-2.0
import urllib.error
import urllib.request

import pytest

from node import accessibility
from vigie_node.project.faces import Face

LANGUAGES = ("en", "fr", "nl", "de")


@pytest.fixture
def site(serve):
    return serve(Face.PUBLIC)


def ask(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
        return answer, answer.read().decode()


class TestThePublicFace:
    def test_speaks_the_readers_language_and_says_112_first(self, site):
        for language in LANGUAGES:
            answer, page = ask(f"{site}/", **{"Accept-Language": f"{language}, en;q=0.5"})
            assert f'<html lang="{language}">' in page
            assert page.index("tel:112") < page.index("<main>")
            assert answer.headers["Set-Cookie"] is None
            assert ask(f"{site}/{language}/")[1].count(f'<html lang="{language}">') == 1

    def test_loads_nothing_from_elsewhere_and_runs_nothing(self, site):
        _, page = ask(f"{site}/")
        assert "<script" not in page
        assert 'src="http' not in page
        assert 'href="//' not in page

    @pytest.mark.parametrize(
        "path", ["/it/", "/sign-in", "/enrol", "/catalogue/", "/v1/match", "/../etc/passwd", "/%00"]
    )
    def test_has_no_other_page(self, site, path):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(site + path)
        assert refused.value.code in {400, 404}
        assert path not in refused.value.read().decode()

    def test_is_for_everybody(self, site, page):
        for language in LANGUAGES:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                for width in (320, 1280):
                    page.set_viewport_size({"width": width, "height": 800})
                    page.goto(f"{site}/{language}/")
                    assert page.evaluate("document.documentElement.scrollWidth") <= width
                    assert accessibility.violations(page) == []
