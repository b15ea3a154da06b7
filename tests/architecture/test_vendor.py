# SPDX-License-Identifier: Apache-2.0
"""Pages find what they load, beside themselves; the browser's libraries are what was locked."""

import json
import re

from django.contrib.staticfiles import finders

import vendor
from architecture.repository import files, text

TEMPLATES = [path for path in files() if path.parts[:2] == ("src", "vigie_node") and path.suffix == ".html"]


def named(pattern):
    return {name for path in TEMPLATES for name in re.findall(pattern, text(path))}


class TestPages:
    def test_load_files_that_are_there(self):
        names = named(r"""\{% static ['"]([^'"]+)['"]""")
        assert {name for name in names if finders.find(name) is None} == set()

    def test_show_icons_that_the_sprite_holds(self):
        assert named(r"""\{% icon ['"]([^'"]+)['"]""") - set(vendor.ICONS) == set()

    def test_load_nothing_from_elsewhere(self):
        assert named(r"""(?:src|<link[^>]*href)=["'](https?:[^"']*|//[^"']*)""") == set()


class TestLibraries:
    def test_are_those_of_the_lock(self):
        assert vendor.is_installed()

    def test_are_locked_by_content_and_without_a_host(self):
        packages = json.loads(text("package-lock.json"))["packages"]
        libraries = {name: package for name, package in packages.items() if name}
        assert [
            name for name, package in libraries.items() if "resolved" in package or "integrity" not in package
        ] == []

    def test_are_asked_for_in_one_version(self):
        wanted = json.loads(text("package.json"))
        versions = {**wanted["dependencies"], **wanted["devDependencies"]}
        assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


class TestCountries:
    def test_are_each_there_once_under_their_code(self):
        codes = [country["properties"]["name"] for country in vendor.countries()["features"]]
        assert len(codes) == len(set(codes))
        assert {"BE", "FR", "NL", "DE", "XK", "CY", "US"} <= set(codes)
        assert [code for code in codes if not re.fullmatch(r"[A-Z]{2}", code)] == []

    def test_have_closed_outlines_within_the_map(self):
        for country in vendor.countries()["features"]:
            for polygon in country["geometry"]["coordinates"]:
                for ring in polygon:
                    assert ring[0] == ring[-1], country["properties"]
                    assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring)
