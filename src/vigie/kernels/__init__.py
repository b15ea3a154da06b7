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
from collections.abc import Callable
from pathlib import Path

# Flags of /proc/cpuinfo by level; each level includes those before it.
_V2 = frozenset({"ssse3", "sse4_1", "sse4_2", "popcnt", "cx16", "lahf_lm"})
_V3 = _V2 | {"avx", "avx2", "bmi1", "bmi2", "fma", "f16c", "movbe", "abm"}
_V4 = _V3 | {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd", "avx512_vpopcntdq"}
_NEEDED = (("x86-64-v4", _V4), ("x86-64-v3", _V3), ("x86-64-v2", _V2))

_POINTER, _LONG, _INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
_CHECK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


class Guard(ctypes.Structure):
    """What the kernels need to check a snapshot's blocks before they trust them (guard.h)."""

    _fields_ = (
        ("base", _POINTER),
        ("blocks", _LONG),
        ("seen", _POINTER),
        ("check", _CHECK),
        ("all_seen", _LONG),
    )


class Chunk(ctypes.Structure):
    """One chunk of the Hamming index as a search sees it (hamming.c)."""

    _fields_ = (
        ("start", _LONG),
        ("width", _LONG),
        ("radius", _LONG),
        ("mask_count", _LONG),
        ("masks", _POINTER),
        ("ids", _POINTER),
        ("bases", _POINTER),
        ("ends", _POINTER),
        ("overflow", _POINTER),
        ("overflow_rows", _LONG),
    )


class Hits(ctypes.Structure):
    """A growing array of (query, row, distance), each an int64, that the caller frees with `vigie_free`."""

    _fields_ = (("hits", _POINTER), ("count", _LONG), ("room", _LONG))


_SIGNATURES: dict[str, tuple[type | None, list[type]]] = {
    "vigie_pdq_u8": (_INT, [_POINTER, _LONG, _LONG, _LONG, _POINTER]),
    "vigie_pdq_f32": (_INT, [_POINTER, _LONG, _LONG, _LONG, _POINTER]),
    "vigie_pdq_reduced_u8": (_INT, [_POINTER, _LONG, _LONG, _LONG, _LONG, _LONG, _LONG, _POINTER]),
    "vigie_exact_lookup": (_INT, [_POINTER, _LONG, _LONG, _POINTER, _LONG, _POINTER, _LONG, *[_POINTER] * 3]),
    "vigie_sorted_order": (_INT, [_POINTER, _LONG, _LONG, _POINTER]),
    "vigie_hamming_brute": (_INT, [_POINTER, _LONG, _POINTER, _LONG, _LONG, _POINTER]),
    "vigie_hamming_chunk": (_LONG, [_POINTER, _LONG, _LONG, _LONG, *[_POINTER] * 5, _LONG]),
    "vigie_hamming_search": (_INT, [_POINTER, _LONG, _POINTER, _LONG, _POINTER, _LONG, _LONG, _POINTER, _POINTER]),
    "vigie_free": (None, [_POINTER]),
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


def guard(*, base: int, blocks: int, seen: int, check: Callable[[int], int]) -> Guard:
    """Describe a snapshot's blocks to the kernels; keep the answer alive as long as a kernel may use it.

    `check` answers ~block for a block that is what was published, and anything else for one that is not.
    """
    return Guard(base, blocks, seen, _CHECK(check), 0)


def no_guard() -> Guard:
    """Describe memory that needs no check."""
    return Guard(None, 0, None, _CHECK(), 1)
