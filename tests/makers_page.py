"""A report's page as a browser finds it, and recordings as it tells them apart."""

import json
from html.parser import HTMLParser

MATROSKA = b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82"
HEADS = {
    "clip.mp4": (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
    "voice.m4a": (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
    "clip.webm": (MATROSKA + b"\x84webm", "video/webm"),
    "clip.mkv": (MATROSKA + b"\x88matroska", "video/x-matroska"),
    "voice.wav": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    "voice.mp3": (b"ID3\x04\x00", "audio/mpeg"),
    "bare.mp3": (b"\xff\xfb\x90\x64", "audio/mpeg"),
    "voice.flac": (b"fLaC\x00", "audio/flac"),
    "voice.ogg": (b"OggS\x00", "video/ogg"),
    "clip.avi": (b"RIFF\x24\x00\x00\x00AVI LIST", None),
    "text.mp4": (b"file 'http://example.org/x.mp4'", None),
    "page.mp4": (b"<html><script>", None),
    "empty.mp4": (b"", None),
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text between."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._inside, self._fresh = [], [], [], True
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)
        self._fresh = True

    def handle_endtag(self, tag):
        self._inside.append("")  # what follows is of no element that a test asks for
        self._fresh = True

    def handle_data(self, data):
        if self._fresh:  # the parser hands out the text of an element in pieces
            self.texts.append((self._inside[-1] if self._inside else "", data))
        else:
            self.texts[-1] = (self.texts[-1][0], self.texts[-1][1] + data)
        self._fresh = False

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def inside(self, tag):
        return [text for name, text in self.texts if name == tag]

    @property
    def policy(self):
        return next(meta["content"] for meta in self.of("meta") if meta.get("http-equiv"))

    @property
    def data(self):
        return json.loads(self.inside("script")[0])


def file_of(tmp_path, name, head, size=0):
    path = tmp_path / name
    path.write_bytes(head + b"\x00" * size)
    return path
