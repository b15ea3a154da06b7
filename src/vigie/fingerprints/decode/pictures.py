# SPDX-License-Identifier: Apache-2.0
"""Open one picture inside the confined worker and return its fingerprints.

- The recipe is docs/reference/recipe.md: JPEG goes straight to reduced luma, everything else through Pillow.
- `stored` is the picture as the file holds it; `upright`, `borderless` and `on_black` are there where EXIF, uniform
  margins or transparency make another picture of it. HEIF alone is stored as it is shown: its decoder turns it.
- An animation is seen frame by frame from its first, which is also `stored`. The pages of a file that has no times
  (TIFF, HEIF collections) are frames too, one a second.
- Limits are counted, not timed: the same file gives the same result on every machine. Time is the sandbox's limit.
- Nothing is raised: what cannot be read is a Problem with its reason. What is read in part says so in `shortened`.
- Nothing is imported and no file is opened after `preload`.
"""

import contextlib
import io
import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from vigie.errors import UnavailableError, UnreadableError
from vigie.fingerprints import borders, messages, video
from vigie.fingerprints.decode import jpeg, luma, pixels
from vigie.fingerprints.decode.jpeg import TruncatedPictureError, UnsupportedPictureError
from vigie.fingerprints.decode.luma import UNTURNED, Plane

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "HEIF", "AVIF")
SECONDS_A_PAGE = 1.0
SECONDS_A_FRAME = 0.1  # of an animation that gives the frame no time
MAX_SECONDS_A_FRAME = 86_400.0
FRAMES_CUT = "there are more frames than the limit; the rest was not seen"
FRAME_DAMAGED = "a frame is damaged; it and what follows was not seen"

_PAGED = frozenset({"TIFF", "HEIF"})
_TURNED_BY_DECODER = "TIFF"
_ORIENTATION = 0x0112
_BYTES_A_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2}  # in Pillow's memory; the others: 4
_BYTES_A_COEFFICIENT = 2
_PLUGINS = (  # imported for what they register
    AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin,
    WebPImagePlugin,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What one picture may cost at most. Time is the sandbox's limit."""

    pixels: int = 200_000_000  # of one picture, page or frame
    decoded_bytes: int = 1_200_000_000  # of the decoder's own memory for one
    scans: int = 100  # of a progressive JPEG: each goes over the whole picture
    frames: int = 1_000
    frames_pixels: int = 500_000_000  # of all frames together


class TooLargePictureError(UnreadableError):
    """Decoding would cost more than the limits allow."""

    code = "decode.too-large"


class DecoderMissingError(UnavailableError):
    """A decoder does not work on this machine."""

    code = "decode.decoder-missing"


def preload() -> None:
    """Load every decoder and let each load what it loads on first use.

    Raises:  DecoderMissingError where one cannot read a picture made on the spot.
    """
    # One thread each: a worker is one core's, and a thread would be one more thing to confine.
    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    for name, mode in [*((name, "RGB") for name in FORMATS), ("PNG", "RGBA"), ("PNG", "I;16"), ("JPEG", "CMYK")]:
        sample, made = io.BytesIO(), Image.new(mode, (96, 64))
        made.paste(Image.linear_gradient("L").resize((48, 32)).convert(mode), (24, 16))
        exif = Image.Exif()
        exif[_ORIENTATION] = 6
        made.save(sample, name, exif=exif)
        if isinstance(examine(sample.getvalue(), limits=PictureLimits()), messages.Problem):
            raise DecoderMissingError(f"the decoder for {name} does not work here: install the locked dependencies")


def examine(file: bytes, *, limits: PictureLimits) -> messages.Picture | messages.Problem:
    """Return the fingerprints of a picture, or why there are none."""
    try:
        with _guarded(limits):
            return _examine(file, limits=limits)
    except UnreadableError as error:
        untried = isinstance(error, TooLargePictureError | UnsupportedPictureError)
        return messages.Problem(code=error.code, message=str(error), kind="picture", examined=not untried)
    except MemoryError:
        return _problem("decode.memory-limit", "decoding this content needs too much memory")
    except UnidentifiedImageError:
        return _problem("decode.unrecognised", "no decoder reads this picture: it is damaged or of an unknown variant")
    except Exception:  # noqa: BLE001 - decoders raise anything on hostile bytes; it costs this picture alone
        return _problem("decode.failed", "the decoder failed on this content: it is damaged")


def _problem(code: str, message: str) -> messages.Problem:
    return messages.Problem(code=code, message=message, kind="picture")


@contextlib.contextmanager
def _guarded(limits: PictureLimits) -> Iterator[None]:
    """Make Pillow's own size checks refuse what the limits refuse, before it allocates; silence its other warnings."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise _too_large() from error


def _too_large() -> TooLargePictureError:
    return TooLargePictureError("the picture has more pixels than can be decoded safely: look at it apart")


def _examine(file: bytes, *, limits: PictureLimits) -> messages.Picture:
    if not file.startswith(jpeg.START):
        return _by_pillow(file, formats=FORMATS, limits=limits)
    header = jpeg.read_header(file)
    if header is None:
        return _by_pillow(file, formats=("JPEG",), limits=limits)
    held_bytes = header.samples * _BYTES_A_COEFFICIENT if header.is_progressive else 0
    if header.height_px * header.width_px > limits.pixels or held_bytes > limits.decoded_bytes:
        raise _too_large()
    if header.scans > limits.scans:
        raise TooLargePictureError("the picture has more scans than can be decoded safely: look at it apart")
    read = jpeg.read_plane(file, header=header) if header.components in jpeg.COMPONENTS else None
    if read is None:
        return _by_pillow(file, formats=("JPEG",), limits=limits)
    plane, shortened = read
    return _picture("jpeg", plane, orientation=header.orientation, shortened=shortened)


def _picture(
    name: str,
    plane: Plane,
    *,
    orientation: int,
    on_black: Plane | None = None,
    frames: list[messages.Frame] | None = None,
    shortened: str | None = None,
) -> messages.Picture:
    """Gather the values of one stored plane."""
    box = borders.find(plane.luma)
    turned = luma.upright(plane, orientation=orientation) if luma.is_turned(orientation) else None
    return messages.Picture(
        format=name,
        width_px=plane.width_px,
        height_px=plane.height_px,
        stored=luma.value_of(plane),
        upright=luma.value_of(turned) if turned else None,
        borderless=luma.value_of(luma.inside(plane, box=box)) if box else None,
        on_black=luma.value_of(on_black) if on_black else None,
        frames=frames or [],
        shortened=shortened,
    )


def _by_pillow(file: bytes, *, formats: tuple[str, ...], limits: PictureLimits) -> messages.Picture:
    with Image.open(io.BytesIO(file), formats=formats) as image:
        _check_size(image, limits=limits)
        name = str(image.format)
        before = _orientation(image) if name == _TURNED_BY_DECODER else None
        shortened = _load(image)
        orientation = _orientation(image) if before is None else before
        plane = _stored(image, orientation=before)
        on_black = _stored(image, orientation=before, background=pixels.BLACK) if pixels.is_transparent(image) else None
        frames: list[messages.Frame] = []
        if shortened is None and formats == FORMATS:
            frames, shortened = _frames(image, first=plane, limits=limits)
    return _picture(name.lower(), plane, orientation=orientation, on_black=on_black, frames=frames, shortened=shortened)


def _check_size(image: Image.Image, *, limits: PictureLimits) -> None:
    count = image.width * image.height
    if count > limits.pixels or count * _BYTES_A_PIXEL.get(image.mode, 4) > limits.decoded_bytes:
        raise _too_large()


def _stored(image: Image.Image, *, orientation: int | None, background: int = pixels.WHITE) -> Plane:
    """Convert a loaded picture; `orientation` is the turn that its decoder has already made, if it makes one."""
    plane = pixels.plane_of(image, background=background)
    return plane if orientation is None else luma.as_stored(plane, orientation=orientation)


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, UNTURNED)
    except Exception:  # noqa: BLE001 - a hostile EXIF block must not hide a picture that can be read
        return UNTURNED
    return orientation if isinstance(orientation, int) else UNTURNED


def _load(image: ImageFile.ImageFile) -> str | None:
    """Decode; where a PNG ends early but nearly all rows are there, the missing ones repeat the last, and say so.

    Raises:  TruncatedPictureError. Interlaced pictures and other formats are needed whole.
    """
    try:
        image.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        if image.format != "PNG" or image.info.get("interlace"):
            raise TruncatedPictureError("the file ends before the picture does: get it whole") from error
    else:
        return None
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    # What was not read is zero; the last row that is not may have been read in part.
    seen = image.getbbox(alpha_only=False)
    kept = seen[3] - 1 if seen else 0
    if kept < jpeg.MIN_ROWS_SHARE * image.height:
        raise TruncatedPictureError("too many rows of the picture are missing: get the file whole")
    last = image.crop((0, kept - 1, image.width, kept))
    image.paste(last.resize((image.width, image.height - kept), Image.Resampling.NEAREST), (0, kept))
    return jpeg.ENDS_EARLY


def _frames(
    image: ImageFile.ImageFile, *, first: Plane, limits: PictureLimits
) -> tuple[list[messages.Frame], str | None]:
    """Fingerprint every frame or page up to the limits; none where the picture stands alone."""
    until = _seconds(image)
    found = [messages.Frame(at_seconds=0.0, until_seconds=until, value=luma.value_of(first))]
    shortened = None
    seen_px = image.width * image.height
    for ordinal in itertools.count(1):
        try:
            image.seek(ordinal)
            seen_px += image.width * image.height
            if ordinal >= limits.frames or seen_px > limits.frames_pixels:
                shortened = FRAMES_CUT
                break
            _check_size(image, limits=limits)
            turned = _orientation(image) if image.format == _TURNED_BY_DECODER else None
            image.load()
            value = luma.value_of(_stored(image, orientation=turned))
        except EOFError:
            shortened = FRAME_DAMAGED if ordinal < _stated_frames(image) else None
            break
        except Exception:  # noqa: BLE001 - decoders raise anything on hostile bytes; the frames before stay
            shortened = FRAME_DAMAGED
            break
        at, until = until, until + _seconds(image)
        found.append(messages.Frame(at_seconds=at, until_seconds=until, value=value))
    return (list(video.collapse(found)) if len(found) > 1 or shortened else []), shortened


def _stated_frames(image: ImageFile.ImageFile) -> int:
    """Return the number of frames that the file states; GIF and TIFF state none, and counting would decode again."""
    return 0 if image.format in ("GIF", "TIFF") else int(getattr(image, "n_frames", 1))


def _seconds(image: ImageFile.ImageFile) -> float:
    """Return how long a frame is shown."""
    if image.format in _PAGED:
        return SECONDS_A_PAGE
    milliseconds = image.info.get("duration")
    if not isinstance(milliseconds, int | float) or not milliseconds > 0:
        return SECONDS_A_FRAME
    return min(milliseconds / 1000, MAX_SECONDS_A_FRAME)
