# SPDX-License-Identifier: Apache-2.0
"""The luma of a decoded video frame.

- Where the frame has a luma plane it is read in place, at full size; all other formats are turned into grey first.
- Limited range (16 to 235) is widened to full range, so that quality means the same as for pictures. A frame that does
  not state its range has the one usual for its format: limited for YUV, full for grey and YUVJ.
- More than 8 bits are cut to 8.
"""

import re

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

_LUMA_PLANE_FIRST = re.compile(r"(?:yuva?j?4\d\dp|gray)(?:9|1\d)?(?:le)?|nv(?:12|21|16|24)")
_LIMITED, _FULL = 1, 2
_WIDER = bytes(min(255, max(0, round((level - 16) * 255 / 219))) for level in range(256))


def luma(frame: VideoFrame) -> NDArray[np.uint8]:
    """Return the luma of a frame, 8 bits, full range.

    Shapes:  (height, width) uint8; rows may be apart, and the array may share the frame's memory.
    """
    plane, shift, limited = _plane(frame)
    levels = (plane >> shift).astype(np.uint8) if shift else plane.astype(np.uint8, copy=False)
    if not limited:
        return levels
    return np.frombuffer(levels.tobytes().translate(_WIDER), np.uint8).reshape(levels.shape)


def thumbnail(frame: VideoFrame) -> NDArray[np.int16]:
    """Return a few samples of the luma: enough to say how much two frames differ.

    Shapes:  at least (32, 32) int16 where the frame is that large; the same for frames of the same size.
    """
    plane, shift, _ = _plane(frame)
    step = max(1, min(16, min(plane.shape) // 32))
    return (plane[::step, ::step] >> shift).astype(np.int16)


def _plane(frame: VideoFrame) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int, bool]:
    """Return the luma plane in the frame's own memory, its bits above 8, and whether its range is limited."""
    name = frame.format.name
    limited = frame.color_range == _LIMITED if name.startswith("gray") else frame.color_range != _FULL
    limited = limited and not frame.format.is_rgb and not name.startswith("yuvj")
    if _LUMA_PLANE_FIRST.fullmatch(name) is None:
        stated = _LIMITED if limited else _FULL
        frame = frame.reformat(format="gray", src_color_range=stated, dst_color_range=_FULL, threads=1)
        limited = False
    bits = frame.format.components[0].bits
    plane = frame.planes[0]
    sample = np.dtype(np.uint8 if bits == 8 else "<u2")
    samples = np.frombuffer(plane, sample)  # type: ignore[call-overload]  # PyAV's planes are buffers, unknown to mypy
    rows = samples.reshape(frame.height, abs(plane.line_size) // sample.itemsize)[:, : frame.width]
    return rows[:: -1 if plane.line_size < 0 else 1], bits - 8, limited
