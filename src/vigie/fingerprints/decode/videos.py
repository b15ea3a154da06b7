# SPDX-License-Identifier: Apache-2.0
"""Open one video inside the confined worker and return the fingerprints of its frames.

- The video is a file object: FFmpeg gets no name, may open nothing else, and starts no thread. Containers are those of
  CONTAINERS; playlists and other lists of files are refused, whatever they call themselves.
- Every picture stream is looked at, second tracks and cover pictures too.
- A frame is its luma plane at full size, limited range widened to full range; other formats are turned into grey.
- Packets that cannot be decoded are left out and counted. What a limit cuts off is said in `shortened`.
- When half of the pixels allowed are decoded, the full pass goes on with key frames alone: a long video is seen to its
  end, coarsely, rather than half of it not at all. Limits count, they do not time: every machine gives one answer.
- Memory is bounded by the limits, not by the length of the video: frames are hashed and joined as they come.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

import av
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV loads both late, when a file has subtitles
import msgspec
import numpy as np
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vigie.fingerprints import messages, picture, video
from vigie.fingerprints.decode import sampling, video_luma
from vigie.fingerprints.decode.sampling import Shot, Timeline

CONTAINERS = (
    "mov", "matroska", "avi", "flv", "mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "obu", "ivf", "ogg", "asf",
    "rm", "mxf", "dv", "wtv", "nut", "h263", "vc1", "yuv4mpegpipe",
)  # fmt: skip

_READ_BYTES = 1 << 18
_USUAL_RATE = 25.0


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What one pass over one video may cost at most."""

    frame_pixels: int = 50_000_000
    frames: int = 20_000  # distinct ones
    streams: int = 8
    decoded_pixels: int = 300_000_000_000  # 80 minutes of 1080p at 30 frames a second
    duration_seconds: float = 86_400.0


@dataclass(slots=True)
class _Pass:
    """One pass over all the streams of a file: what it may use, and what it left out so far."""

    full: bool
    limits: VideoLimits
    left_pixels: int
    broken_packets: int = 0
    cuts: dict[str, None] = field(default_factory=dict)

    def shortened(self) -> str | None:
        broken = [f"{self.broken_packets} damaged packets were left out"] if self.broken_packets else []
        return "; ".join([*self.cuts, *broken])[:400] or None


class _Nameless:
    """A file object without a name, so that none can reach FFmpeg."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def preload() -> None:
    """Load all that decoding needs, before the worker gives up its file system."""
    frame = VideoFrame(16, 16, "rgb24")
    _hashed(Shot(0.0, frame))


def examine(file: BinaryIO, *, full: bool, limits: VideoLimits) -> messages.Video | messages.Other | messages.Problem:
    """Return the distinct frames of a video: those of the key pass, or those of the full pass.

    A key pass that finds no frame becomes the full pass; the answer says which it was. A file with sound alone is
    Other.
    Order:   frames by time.
    """
    found = _streams(file, limits=limits)
    if not isinstance(found, tuple):
        return found
    described, indexes = found
    used, frames = _run(file, indexes, full=full, limits=limits)
    if not frames and not full:
        used, frames = _run(file, indexes, full=True, limits=limits)
    if not frames:
        return _problem("decode.no-frame", "no frame of this video could be decoded")
    return msgspec.structs.replace(described, frames=frames, full=used.full, shortened=used.shortened())


def _streams(
    file: BinaryIO, *, limits: VideoLimits
) -> tuple[messages.Video, list[int]] | messages.Other | messages.Problem:
    """Return what the container says of itself, without frames, and which of its streams are pictures."""
    try:
        with _opened(file, limits=limits) as container:
            streams = container.streams.video
            decodable = [stream for stream in streams if stream.codec_context is not None]
            unseen = _unseen(container, decodable, limits=limits)
            return unseen or (_described(container, decodable[0]), [stream.index for stream in streams])
    except ArgumentError:
        return _problem("decode.unsupported-container", "videos in this container are not opened", examined=False)
    except FFmpegError:
        return _problem("decode.damaged", "this video is damaged: its streams cannot be found")


def _unseen(
    container: InputContainer, decodable: list[VideoStream], *, limits: VideoLimits
) -> messages.Other | messages.Problem | None:
    """Say why none of the streams is looked at; None where they are."""
    if not container.streams.video and container.streams.audio:
        return messages.Other(format=f"{_short_name(container)}, sound alone")
    if not container.streams.video:
        return _problem("decode.no-picture-stream", "this video is damaged: it holds no pictures")
    if not decodable:
        return _problem("decode.unsupported-codec", "there is no decoder for this video", examined=False)
    if max(stream.width * stream.height for stream in decodable) > limits.frame_pixels:
        return _problem("decode.too-large", "the frames of this video have too many pixels", examined=False)
    return None


def _run(file: BinaryIO, indexes: list[int], *, full: bool, limits: VideoLimits) -> tuple[_Pass, list[messages.Frame]]:
    """Make one pass over each stream in turn; most files have one."""
    this = _Pass(full=full, limits=limits, left_pixels=limits.decoded_pixels)
    frames: list[messages.Frame] = []
    if len(indexes) > limits.streams:
        this.cuts[f"only {limits.streams} of {len(indexes)} streams were examined"] = None
    for index in indexes[: limits.streams]:
        for frame in _frames(file, index, this):
            if len(frames) == limits.frames:
                this.cuts[f"only the first {limits.frames} distinct frames were kept"] = None
                break
            frames.append(frame)
    frames.sort(key=lambda frame: frame.at_seconds)
    return this, frames


def _frames(file: BinaryIO, index: int, this: _Pass) -> Iterator[messages.Frame]:
    try:
        with _opened(file, limits=this.limits) as container:
            stream = container.streams[index]
            if not isinstance(stream, VideoStream) or stream.codec_context is None:
                this.cuts["a stream without a decoder was not examined"] = None
                return
            chosen = sampling.chosen(_shots(container, stream, this), full=this.full)
            yield from video.collapse(_hashed(shot) for shot in chosen)
    except FFmpegError:
        this.cuts["a stream could not be decoded to its end"] = None


def _shots(container: InputContainer, stream: VideoStream, this: _Pass) -> Iterator[Shot[VideoFrame]]:
    rate = _rate(stream)
    start = None if stream.start_time is None or stream.time_base is None else stream.start_time * stream.time_base
    timeline = Timeline(start_seconds=None if start is None else float(start), rate=rate)
    # Where every frame is a key frame, that says nothing of the content; only the key pass has to make do with it.
    keys_tell = not (this.full and stream.codec_context.codec.intra_only)
    before: NDArray[np.int16] | None = None
    for frame in _decoded(container, stream, this, rate=rate):
        at = timeline.at(frame.time)
        if at > this.limits.duration_seconds:
            this.cuts[f"only the first {this.limits.duration_seconds:.0f} seconds were examined"] = None
            return
        now = video_luma.thumbnail(frame) if this.full else None
        change = 0.0
        if now is not None and before is not None and now.shape == before.shape:
            change = float(np.abs(now - before).mean())
        before = now
        yield Shot(at, frame, is_key=frame.key_frame and keys_tell, change=change)


def _decoded(container: InputContainer, stream: VideoStream, this: _Pass, *, rate: float) -> Iterator[VideoFrame]:
    """Yield the frames of a stream in the order of showing."""
    context = stream.codec_context
    context.thread_count, context.thread_type = 1, "NONE"
    # The loop filter of frames that no other refers to: 6 % of decoding, 0 to 2 bits of a value.
    context.options = {"max_pixels": str(this.limits.frame_pixels), "skip_loop_filter": "noref"}
    keys_only = False
    for number, packet in enumerate(_packets(container, stream, this)):
        if this.left_pixels <= 0:
            this.cuts["the limit of decoded pixels ended the pass early"] = None
            return
        if not keys_only and (not this.full or this.left_pixels < this.limits.decoded_pixels / 2):
            keys_only = True
            context.skip_frame = "NONKEY"
            if this.full:
                this.cuts["the limit of decoded pixels left key frames only for the later part"] = None
        if keys_only and packet is not None and packet.size and not _is_key(packet, number=number, rate=rate):
            continue
        this.left_pixels -= max(context.width * context.height, 1)
        try:
            yield from context.decode(packet)
        except FFmpegError:
            this.broken_packets += 1


def _is_key(packet: "Packet[VideoStream]", *, number: int, rate: float) -> bool:
    """Say whether the key pass decodes a packet, and tell a stream without a clock what time it is."""
    if packet.pts is None and packet.dts is None and packet.time_base:
        packet.pts = int(number / rate / packet.time_base)
    every = int(rate * sampling.KEYS_APART_SECONDS) if packet.stream.codec_context.codec.intra_only else 1
    return packet.is_keyframe and number % max(every, 1) == 0


def _packets(container: InputContainer, stream: VideoStream, this: _Pass) -> "Iterator[Packet[VideoStream] | None]":
    """Yield the packets of a stream, and what makes the decoder give out its last frames."""
    try:
        yield from container.demux(stream)
    except (FFmpegError, IndexError):  # IndexError: a stream that began later, unknown to PyAV
        this.cuts["the file could not be read to its end"] = None
        yield None


def _hashed(shot: Shot[VideoFrame]) -> messages.Frame:
    turns, quality = picture.pdq_turns(video_luma.luma(shot.frame))
    value = messages.Value(turns=turns.tobytes(), quality=quality)
    return messages.Frame(at_seconds=shot.at_seconds, until_seconds=shot.at_seconds, value=value)


def _rate(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return min(max(float(rate), 1.0), 120.0) if rate else _USUAL_RATE


def _described(container: InputContainer, stream: VideoStream) -> messages.Video:
    """Return what the container says of itself, as yet without frames."""
    seconds = None if container.duration is None else container.duration / av.time_base
    return messages.Video(
        format=f"{_short_name(container)} {stream.codec_context.name}",
        width_px=max(stream.width, 0),
        height_px=max(stream.height, 0),
        duration_seconds=seconds if seconds is not None and 0 <= seconds <= 1e9 else None,
        frames=[],
        full=False,
    )


def _short_name(container: InputContainer) -> str:
    return container.format.name.partition(",")[0]


def _opened(file: BinaryIO, *, limits: VideoLimits) -> InputContainer:
    file.seek(0)
    return av.open(
        _Nameless(file),
        mode="r",
        options={"max_pixels": str(limits.frame_pixels)},
        container_options={"format_whitelist": ",".join(CONTAINERS)},
        metadata_errors="replace",
        buffer_size=_READ_BYTES,
        io_open=_refuse,
    )


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:  # noqa: ARG001 - the signature is PyAV's
    raise PermissionError("a video may not open another file")


def _problem(code: str, message: str, *, examined: bool = True) -> messages.Problem:
    return messages.Problem(code=code, message=message, kind="video", examined=examined)
