# SPDX-License-Identifier: Apache-2.0
"""Compiles the kernels and the translations when the package is built, for a wheel and for an editable install alike.

- The compiler is the `ziglang` wheel, a build requirement: no compiler of the machine is used or looked for.
- What compiles is loaded by its path, since the package is not importable while it is being built.
- A wheel without what its pages load in the browser is not built: set-up brings that (tools/vendor.py), for a build has
  no business with another package manager.
- The libraries bind to no version of Python, only to the C library of the platform: the wheel's tag says so.
"""

import importlib.util
import platform
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompilingHook(BuildHookInterface[Any]):
    """Puts what is compiled beside its sources before the files of the wheel are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile what is out of date, and tag the wheel for the platform it was compiled for.

        Raises:  MissingFilesError for a wheel; an editable install comes before the files that pages load.
        """
        if version == "standard":
            _check_vendored(Path(self.root))
        kernels = Path(self.root, "src", "vigie", "kernels")
        if _module(kernels / "build.py").build(kernels):
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-manylinux_2_28_{platform.machine()}"
        _module(Path(self.root, "tools", "messages.py")).compile_all()


class MissingFilesError(Exception):
    """Files that the wheel has to hold are not there."""


def _check_vendored(root: Path) -> None:
    vendor = _module(root / "tools" / "vendor.py")
    wanted = [*(Path(name).name for name in vendor.FILES), *vendor.MADE]
    missing = [name for name in wanted if not (vendor.VENDOR / name).is_file()]
    if missing:
        raise MissingFilesError(
            f"pages load what is not here: {', '.join(missing)}; run `python tools/vendor.py` first"
        )


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
