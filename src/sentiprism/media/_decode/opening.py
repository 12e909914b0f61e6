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

from sentiprism.media._decode.messages import Voice, refuse

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,wav,w64,aiff,mp3,flac,ogg,aac,amr"
"""FFmpeg's readers that may be used. None of them follows names to other files (concat, hls, dash, sdp, image2)."""
CODECS = (
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,mpeg2video,mpeg1video,mjpeg,h263,h263i,flv,msmpeg4,msmpeg4v1,msmpeg4v2,"
    "vp6,vp6f,wmv1,wmv2,wmv3,vc1,theora,dvvideo,prores,dnxhd,ffv1,rawvideo,svq1,svq3,cinepak,"
    "aac,aac_latm,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,flac,alac,ac3,eac3,dca,wmav1,wmav2,"
    "wmapro,wmavoice,wmalossless,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,speex,gsm,gsm_ms,adpcm_ima_wav,"
    "adpcm_ms,adpcm_ima_qt,adpcm_swf,nellymoser,pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_u8,pcm_s8,pcm_s16le,"
    "pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
ANNOUNCED = {"mov", "matroska", "avi", "flac", "wav", "w64", "aiff", "asf"}
"""Containers whose header says how long they are; in others FFmpeg's duration may be a guess from the bit rate."""
SEGMENT = b"\x18\x53\x80\x67"
UNKNOWN = b"\xff", b"\x01" + b"\xff" * 7
"""Matroska's segment, and the sizes it has where it was written as it was recorded: then nothing is announced."""
PLAYLISTS = (b"ffconcat", b"#EXTM3U", b"[playlist]", b"v=0", b"<MPD", b"<smil", b"<asx")
NOT_MEDIA = "give a recording: MP4, MOV, MKV, WebM, AVI, MPEG, FLV, WMV, WAV, MP3, FLAC, OGG or M4A"
DAMAGED = "get a whole copy of it, or convert it with ffmpeg"
BUFFER = 1 << 18
"""Bytes a read."""
NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


class Descriptor:
    """An open file without a name, so that its content alone says what it is."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes."""
        return os.read(self._fd, size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go there."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """Where we are."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)


class Opened(NamedTuple):
    """A recording whose header was read."""

    container: InputContainer
    video: Any | None
    audio: Any | None
    """`av` streams; None where there is none."""
    zero: Fraction
    """Its time 0 in the file's own seconds: the start of what starts first."""
    announces: bool
    """Whether its header was completed and says how long it is."""
    missing: int
    """Bytes that its header announces beyond the end of the file, as far as it does."""

    @property
    def streams(self) -> list[Any]:
        """Those that are decoded."""
        return [stream for stream in (self.video, self.audio) if stream is not None]


@contextmanager
def opened(fd: int, pixels: int, streams: int) -> Iterator[Opened]:
    """Open a recording.

    Args:
        fd: of a regular file.
        pixels: a frame may have.
        streams: the file may have.

    Raises:
        RefusedError: it is no recording, or one with too many streams.
    """
    head = os.pread(fd, 512, 0).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(PLAYLISTS) or (head.startswith(b"<?xml") and b"<MPD" in head):
        refuse("is a playlist: a list of other files, which are not opened", "give the recordings themselves")
    # Nothing else may be opened by what stands in the file. Frames are looked at here already: a size far beyond the
    # limit is not tried, one that is a little beyond is found and can be named.
    options = {"format_whitelist": CONTAINERS, "codec_whitelist": CODECS, "protocol_whitelist": "none"}
    options |= {"max_pixels": str(4 * pixels)}
    try:
        container = av.open(Descriptor(fd), options=options, buffer_size=BUFFER, metadata_errors="replace")
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from None
        text = head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head)
        refuse("is a text file, not a recording" if text else "is not a recording, or one whose start is damaged or "
               "whose index is missing, as in a copy that was cut short", NOT_MEDIA)  # fmt: skip
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
    """Of RIFF (WAV, AVI) and AIFF, for which FFmpeg takes the end of the file for the end of the recording."""
    order = {b"RIFF": "<", b"FORM": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        return 0
    (size,) = struct.unpack(f"{order}I", head[4:8])
    live = size >= 0x7FFFF000  # what programs write that do not know yet
    return 0 if live else max(0, size + 8 - os.fstat(fd).st_size)


def _best(container: InputContainer, kind: Any) -> Any | None:
    """The stream FFmpeg would choose; the cover of a song is no moving picture."""
    there = [s for s in container.streams if s.type == kind and not s.disposition & NO_PICTURE]
    best = container.streams.best(kind)
    return best if best in there else there[0] if there else None


def prepare(stream: Any, pixels: int, threads: int) -> None:
    """Set up the decoder of a stream.

    Raises:
        RefusedError: it is in a codec that is not read.
    """
    codec = stream.codec_context
    if codec is None or codec.name not in CODECS.split(","):
        name = "an unknown codec" if codec is None else f"the codec {codec.name}"
        what = "picture" if stream.type == "video" else "sound"
        refuse(f"has its {what} in {name}, which is not read", "convert it with ffmpeg")
    codec.options = {"max_pixels": str(pixels)}
    codec.thread_type, codec.thread_count = "AUTO", threads


def decoded(recording: Opened, stream: Any, damage: float, voice: Voice) -> Iterator[Any]:
    """Frames of one stream; what cannot be decoded is left out and counted.

    Raises:
        RefusedError: after the last frame, where more than a share ``damage`` of the packets was undecodable, or no
            frame came at all.
    """
    packets = failed = given = 0
    for packet in demuxed(recording, [stream]):
        packets += packet.size > 0
        if packet.pts is not None:
            voice.alive(float(packet.pts * stream.time_base - recording.zero))
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
    """Packets in the order of the file, then an empty one a stream.

    Raises:
        RefusedError: the file cannot be read on.
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
            refuse(f"is damaged at {done:.1f} s: it cannot be read on from there", DAMAGED)
        if packet.pts is not None:
            done = float(packet.pts * packet.time_base - recording.zero)
        yield packet


def decode(stream: Any, packet: Any) -> list[Any]:
    """Frames that come of a packet; [None] where it is undecodable."""
    try:
        frames: list[Any] = stream.codec_context.decode(packet)
    except av.EOFError:  # a decoder that was flushed already
        return []
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from None
        return [None]
    return frames
