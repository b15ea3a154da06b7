# SPDX-License-Identifier: Apache-2.0
"""Compiles the kernels when the package is built, for a wheel and for an editable install alike.

- The compiler is the `ziglang` wheel, a build requirement: no compiler of the machine is used or looked for.
- `vigie.kernels.build` is loaded by its path, since the package is not importable while it is being built.
- The libraries bind to no version of Python, only to the C library of the platform: the wheel's tag says so.
"""

import importlib.util
import platform
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface[Any]):
    """Puts the compiled kernels beside their sources before the files of the wheel are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile what is out of date, and tag the wheel for the platform it was compiled for."""
        kernels = Path(self.root, "src", "vigie", "kernels")
        spec = importlib.util.spec_from_file_location("kernels_build", kernels / "build.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(kernels / "build.py")
        compiler = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(compiler)
        if compiler.build(kernels):
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-manylinux_2_28_{platform.machine()}"
