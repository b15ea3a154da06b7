# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from browser import Browser
from unit.evidence.results_folder import LINES, folder_of
from vigie.evidence import report
from vigie.evidence.results import Results
from vigie.evidence.wording import LANGUAGES

HIDDEN = ("one.jpg", "copy.jpg", "c.zip", "in\\xff.tar", "three.jpg", "v.mp4", "k.png", "alert", "link", "/evidence/7")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with Results.open(folder_of(tmp_path_factory.mktemp("result"), LINES)) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(chromium):
    running = Browser(chromium)
    yield running
    running.close()


class Words(HTMLParser):
    """The text of a page, without its style."""

    def __init__(self, page):
        super().__init__()
        self.text, self._skip = "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._skip = tag == "style"

    def handle_data(self, data):
        self.text += "" if self._skip else data


class TestPage:
    def test_states_the_finding_first(self, opened):
        assert "<h1>1 of 7 files is known material</h1>" in report.html(opened)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_hides_every_name_until_asked(self, opened, language):
        text = Words(report.html(opened, language=language)).text
        shown = [name for name in HIDDEN if name in text and name != "link"]
        assert shown == []

    def test_shows_names_escaped_when_asked(self, opened):
        page = report.html(opened, show_names=True)
        steps = ("c.zip", "in\\xff.tar", "three.jpg")
        assert " › ".join(f'<bdi dir="ltr">{step}</bdi>' for step in steps) in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e.jpg" in page
        assert "<script" not in page

    def test_gives_each_reason_and_what_was_not_examined(self, opened):
        text = Words(report.html(opened)).text
        assert "It ends early." in text
        assert "1 entry was not examined" in text
        assert "1 file could not be read" in text

    def test_says_what_is_not_recorded_instead_of_nothing(self, opened):
        text = Words(report.html(opened)).text
        assert "not recorded" in text
        assert "None" not in text.replace("None of", "")

    def test_says_that_a_scan_is_not_complete(self, tmp_path):
        folder = folder_of(tmp_path, LINES[:2], complete=False, finished_at=None)
        with Results.open(folder) as opened:
            assert "▲ Not complete" in report.html(opened)
            assert "▲ Unvollständig" not in report.html(opened, language="de")
            assert "▲ Nicht vollständig" in report.html(opened, language="de")

    def test_says_that_a_worker_was_not_confined(self, tmp_path, opened):
        assert "Without seccomp" not in report.html(opened)
        lines = [line.replace(b'"confinement":["seccomp"]', b'"confinement":["rlimits"]') for line in LINES]
        with Results.open(folder_of(tmp_path, lines)) as weaker:
            assert "Without seccomp" in report.html(weaker)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_is_written_for_an_empty_folder_and_without_lists(self, tmp_path, language):
        with Results.open(folder_of(tmp_path, [], lists=[])) as empty:
            page = report.html(empty, language=language, show_names=True)
        assert page.count("<h1>") == 1

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_says_its_language(self, opened, language):
        assert f'<html lang="{language}">' in report.html(opened, language=language)

    def test_loads_and_runs_nothing(self, opened):
        page = report.html(opened)
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;" in page.replace("'", "&#39;")
        assert (
            re.findall(r"<(?:script|img|iframe|object|embed|link|a)\b|\son\w+=|\ssrc=|\shref=|url\(|\sstyle=", page)
            == []
        )

    def test_is_the_same_page_each_time(self, opened):
        assert report.html(opened) == report.html(opened)


class TestInABrowser:
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("show_names", [False, True])
    def test_complains_of_nothing_and_fits_a_telephone(self, opened, browser, tmp_path, language, show_names):
        page = tmp_path / "report.html"
        page.write_text(report.html(opened, language=language, show_names=show_names), "utf-8")
        for width_px, dark in ((320, False), (320, True), (768, False), (1280, False)):
            browser.open(page, width_px=width_px, dark=dark)
            assert browser.complaints() == []
            assert browser.evaluate("document.documentElement.scrollWidth") <= width_px
            assert browser.evaluate(_SPILLED) == []

    def test_follows_light_and_dark(self, opened, browser, tmp_path):
        page = tmp_path / "report.html"
        page.write_text(report.html(opened), "utf-8")
        grounds = []
        for dark in (False, True):
            browser.open(page, dark=dark)
            grounds.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert grounds == ["rgb(255, 255, 255)", "rgb(18, 24, 26)"]

    @pytest.mark.parametrize("dark", [False, True])
    def test_keeps_text_readable_against_its_ground(self, opened, browser, tmp_path, dark):
        page = tmp_path / "report.html"
        page.write_text(report.html(opened), "utf-8")
        browser.open(page, dark=dark)
        assert browser.evaluate(_LEAST_CONTRAST) >= 4.5


# Elements whose text is wider than they are, other than what is hidden on purpose.
_SPILLED = """
[...document.querySelectorAll("body *")]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && !e.closest("svg"))
  .map(e => e.tagName + "." + e.className + ": " + e.textContent.slice(0, 60))
"""

_LEAST_CONTRAST = """
(() => {
  const light = c => {
    const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.match(/[0-9.]+/g).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const written = "p, h1, h2, th, td, dt, dd, figcaption, caption, text";
  return Math.min(...[...document.querySelectorAll(written)].map(e => {
    const style = getComputedStyle(e), ink = light(e.tagName === "text" ? style.fill : style.color);
    return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  }));
})()
"""
