# SPDX-License-Identifier: Apache-2.0
"""The parent never decodes: nothing outside the worker loads a decoder, even through another module."""

import subprocess
import sys

import reference

DECODERS = ["PIL", "av", "pillow_heif", "py7zr", "simplejpeg"]
# The demonstration draws its benign sample and writes it; it opens nothing.
MAKES_MEDIA = {"vigie.cli.demo", "vigie.cli.samples", "vigie_node.cli.demonstration"}
LOAD = """
import importlib, sys
from vigie_node.cli import main
main.set_up_site()
[importlib.import_module(name) for name in sys.argv[1:]]
print(*sys.modules)
"""


class TestParent:
    def test_loads_no_decoder(self):
        parent = [name for name in reference.modules() if ".decode." not in name and name not in MAKES_MEDIA]
        command = [sys.executable, "-c", LOAD, *parent]
        loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        assert set(parent) <= set(loaded)
        assert [name for name in DECODERS if name in loaded] == []
