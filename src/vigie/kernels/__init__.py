# SPDX-License-Identifier: Apache-2.0
"""The compiled kernels: found, loaded, declared.

- A library is loaded once a process, the best CPU level that this processor has; ctypes lets other threads run
  meanwhile.
- Where none was built (another platform), `library()` is None and callers take their plain numpy path.
- Callers pass contiguous arrays of the declared type; sizes are checked by them, before the call.
"""

import ctypes
import functools
import platform
from pathlib import Path

from numpy.typing import NDArray

_NEEDED: tuple[tuple[str, frozenset[str]], ...] = (
    ("x86-64-v4", frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd", "avx512_vpopcntdq"})),
    ("x86-64-v3", frozenset({"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe", "abm"})),
    ("x86-64-v2", frozenset({"ssse3", "sse4_1", "sse4_2", "popcnt"})),
)

_POINTER, _LONG, _INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
_SIGNATURES: dict[str, tuple[type, list[type]]] = {
    "vigie_pdq_u8": (_INT, [_POINTER, _LONG, _LONG, _LONG, _POINTER]),
    "vigie_pdq_f32": (_INT, [_POINTER, _LONG, _LONG, _LONG, _POINTER]),
    "vigie_pdq_reduced_u8": (_INT, [_POINTER, _LONG, _LONG, _LONG, _LONG, _LONG, _LONG, _POINTER]),
}


def level() -> str | None:
    """Name the best CPU level of this processor that the kernels are built for; None on other platforms."""
    machine = platform.machine().lower()
    if machine in {"aarch64", "arm64"}:
        return "aarch64"
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    line = next((row for row in text.splitlines() if row.startswith("flags")), "")
    flags = frozenset(line.partition(":")[2].split())
    return next((name for name, needed in _NEEDED if needed <= flags), None)


@functools.cache
def library() -> ctypes.CDLL | None:
    """Load the kernels of this processor's level, once; None where none was built."""
    name = level()
    path = Path(__file__).parent / f"kernels-{name}.so"
    if name is None or not path.exists():
        return None
    loaded = ctypes.CDLL(str(path))
    for symbol, (result, arguments) in _SIGNATURES.items():
        function = getattr(loaded, symbol)
        function.restype, function.argtypes = result, arguments
    return loaded


def address(array: NDArray[object]) -> int:  # type: ignore[type-var]
    """Give the address of an array's first element."""
    return int(array.ctypes.data)
