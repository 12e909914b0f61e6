"""Open a recording by content, and decode it frame by frame."""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.stream import Discard, Disposition

from sentiprism.media._decode.messages import MessageWriter, refuse

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,wav,w64,aiff,mp3,flac,ogg,aac,amr"
"""Allowed FFmpeg demuxers; unlike concat, hls, dash, sdp and image2, they do not open other files."""
CODECS = (
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,mpeg2video,mpeg1video,mjpeg,h263,h263i,flv,msmpeg4,msmpeg4v1,msmpeg4v2,"
    "vp6,vp6f,wmv1,wmv2,wmv3,vc1,theora,dvvideo,prores,dnxhd,ffv1,rawvideo,svq1,svq3,cinepak,"
    "aac,aac_latm,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,flac,alac,ac3,eac3,dca,wmav1,wmav2,"
    "wmapro,wmavoice,wmalossless,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,speex,gsm,gsm_ms,adpcm_ima_wav,"
    "adpcm_ms,adpcm_ima_qt,adpcm_swf,nellymoser,pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_u8,pcm_s8,pcm_s16le,"
    "pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
ANNOUNCED = {"mov", "matroska", "avi", "flac", "wav", "w64", "aiff", "asf"}
"""Containers with the duration in the header; for others, FFmpeg may guess it from the bit rate."""
SEGMENT = b"\x18\x53\x80\x67"
UNKNOWN = b"\xff", b"\x01" + b"\xff" * 7
"""Matroska's segment, and its size fields in a live recording, whose header has no duration."""
PLAYLISTS = (b"ffconcat", b"#EXTM3U", b"[playlist]", b"v=0", b"<MPD", b"<smil", b"<asx")
NOT_MEDIA = "give a recording: MP4, MOV, MKV, WebM, AVI, MPEG, FLV, WMV, WAV, MP3, FLAC, OGG or M4A"
DAMAGED = "get a complete copy of it, or convert it with ffmpeg"
BUFFER = 1 << 18
"""Bytes per read."""
NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


class Descriptor:
    """An open file without a name, so that its type is detected from its content."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes."""
        return os.read(self._fd, size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Change the position."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)


class Opened(NamedTuple):
    """An open recording, whose header has been read."""

    container: InputContainer
    video: Any | None
    audio: Any | None
    """`av` streams; None if missing."""
    zero: Fraction
    """Time 0 in the file's own seconds: the start of the first stream."""
    announces: bool
    """Whether its header is complete and has the duration."""
    missing: int
    """Bytes that are missing at the end of the file, according to its header."""

    @property
    def streams(self) -> list[Any]:
        """Streams that are decoded."""
        return [stream for stream in (self.video, self.audio) if stream is not None]


@contextmanager
def opened(fd: int, pixels: int, streams: int) -> Iterator[Opened]:
    """Open a recording as a context.

    Args:
        fd: descriptor of a regular file.
        pixels: most pixels of a frame.
        streams: most streams of the file.

    Raises:
        RefusedError: it is not a recording, or has too many streams.
    """
    head = os.pread(fd, 512, 0).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(PLAYLISTS) or (head.startswith(b"<?xml") and b"<MPD" in head):
        refuse("is a playlist: a list of other files, which are not opened", "give the recordings themselves")
    # The content of the file must not open other files. FFmpeg decodes frames already here: sizes far beyond the limit
    # are refused, sizes slightly beyond are allowed so that the message can name them.
    options = {"format_whitelist": CONTAINERS, "codec_whitelist": CODECS, "protocol_whitelist": "none"}
    options |= {"max_pixels": str(4 * pixels)}
    try:
        container = av.open(Descriptor(fd), options=options, buffer_size=BUFFER, metadata_errors="replace")
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from None
        text = head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head)
        refuse("is a text file, not a recording" if text else "is not a recording, or its start is damaged or "
               "its index is missing, as in an incomplete copy", NOT_MEDIA)  # fmt: skip
    with container:
        if len(container.streams) > streams:
            refuse(f"has {len(container.streams)} streams, the limit is {streams}", "keep the picture and the sound")
        video, audio = (_best(container, kind) for kind in ("video", "audio"))
        for stream in container.streams:
            if stream not in (video, audio):
                stream.discard = Discard.all
        starts = [s.start_time * s.time_base for s in (video, audio) if s is not None and s.start_time is not None]
        zero = max(Fraction(0), min(starts, default=Fraction(0)))
        yield Opened(container, video, audio, zero, _announces(container, head), _missing(fd, head))


def _announces(container: InputContainer, head: bytes) -> bool:
    live = head.partition(SEGMENT)[2].startswith(UNKNOWN)
    return container.format.name.partition(",")[0] in ANNOUNCED and not live


def _missing(fd: int, head: bytes) -> int:
    """Missing bytes of RIFF (WAV, AVI) and AIFF, where FFmpeg does not notice an incomplete file."""
    order = {b"RIFF": "<", b"FORM": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        return 0
    (size,) = struct.unpack(f"{order}I", head[4:8])
    live = size >= 0x7FFFF000  # sizes that programs write while recording
    return 0 if live else max(0, size + 8 - os.fstat(fd).st_size)


def _best(container: InputContainer, kind: Any) -> Any | None:
    """Select the stream that FFmpeg would choose; cover pictures of songs do not count."""
    there = [s for s in container.streams if s.type == kind and not s.disposition & NO_PICTURE]
    best = container.streams.best(kind)
    return best if best in there else there[0] if there else None


def prepare(stream: Any, pixels: int, threads: int) -> None:
    """Set up the decoder of a stream.

    Raises:
        RefusedError: its codec is not supported.
    """
    codec = stream.codec_context
    if codec is None or codec.name not in CODECS.split(","):
        name = "an unknown codec" if codec is None else f"the codec {codec.name}"
        what = "picture" if stream.type == "video" else "sound"
        refuse(f"has its {what} in {name}, which is not supported", "convert it with ffmpeg")
    codec.options = {"max_pixels": str(pixels)}
    codec.thread_type, codec.thread_count = "AUTO", threads


def decoded(recording: Opened, stream: Any, damage: float, writer: MessageWriter) -> Iterator[Any]:
    """Decode the frames of one stream; undecodable packets are skipped and counted.

    Raises:
        RefusedError: after the last frame, if more than a share ``damage`` of the packets was undecodable, or there
            was no frame.
    """
    packets = failed = given = 0
    for packet in demuxed(recording, [stream]):
        packets += packet.size > 0
        if packet.pts is not None:
            writer.send_progress(float(packet.pts * stream.time_base - recording.zero))
        for frame in decode(stream, packet):
            if frame is None or frame.is_corrupt:
                failed += 1
                continue
            given += 1
            yield frame
    if not given or failed > damage * packets:
        what = "picture" if stream.type == "video" else "sound"
        refuse(f"is damaged: {failed} of {packets} packets of its {what} cannot be decoded", DAMAGED)


def demuxed(recording: Opened, streams: list[Any]) -> Iterator[Any]:
    """Read packets in the order of the file, then an empty one per stream.

    Raises:
        RefusedError: the file cannot be read further.
    """
    packets = recording.container.demux(streams)
    done = 0.0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError from None
            refuse(f"is damaged at {done:.1f} s: it cannot be read further", DAMAGED)
        if packet.pts is not None:
            done = float(packet.pts * packet.time_base - recording.zero)
        yield packet


def decode(stream: Any, packet: Any) -> list[Any]:
    """Decode the frames of a packet; [None] if it is undecodable."""
    try:
        frames: list[Any] = stream.codec_context.decode(packet)
    except av.EOFError:  # the decoder was flushed already
        return []
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from None
        return [None]
    return frames
