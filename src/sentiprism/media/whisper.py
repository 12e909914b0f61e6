"""Whisper by CTranslate2: transcription and forced alignment of a window."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.media.types import Samples, Span, Word

RATE = 16_000
WINDOW = 30.0
"""Seconds that the encoder reads; shorter sound is padded."""
SHORT_WINDOW, AFTER = 12.0, 4.0
"""Seconds that `Whisper.encode_short` reads at least, and of silence after the sound: much faster than
silence up to `WINDOW`. With too little of it some texts repeat themselves."""
BRIEF = 16.0
"""Most seconds of windows of recordings that are encoded with little silence. On 80 clips of MOSI that took 0.36 of the
processor's time, and of 856 words 184 were wrong; 182 with silence up to `WINDOW`."""
BEAM = 5
"""Beam size of recognition."""
MOST_DECODED = 225
"""Most tokens of a recognised text: half of the decoder's positions, as in Whisper's training."""
MOST_TOKENS = 400
"""Most tokens of a window's text: the decoder has 448 positions, including special tokens."""
_FRAMES = 100
"""Frames of the spectrogram per second."""
STATE_RATE = 50
"""States of the encoder per second."""
_LOUD, _FAINT = 1.375, 0.375
"""Maximum to which `Whisper.states` normalises every spectrogram, in Whisper's scale (log10 power / 4 + 1): that of a
voice near the microphone. Sound below the second value, 40 dB less, is noise and not amplified."""

_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Kana and Han: written without spaces, each character is a word."""
_WORDS = re.compile(rf"[{_ALONE}][^\s\w]*|[^\s{_ALONE}]+")


class Decoded(NamedTuple):
    """Recognised text of one window."""

    text: str
    confidence: float
    """Mean log probability of its tokens."""
    silence: float
    """Probability of no speech."""


def split_words(text: str) -> list[str]:
    """Split a text into words with their punctuation; joined, they are the text without spaces."""
    return _WORDS.findall(text)


class Whisper:
    """A Whisper model, loaded as int8 on the CPU.

    Args:
        folder: of a model converted by CTranslate2.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from faster_whisper import WhisperModel
            from scipy.sparse import csr_array
        except ImportError:
            raise UserError("faster-whisper is not installed", install_extra("media")) from None
        for name in (
            "model.bin",
            "config.json",
            "tokenizer.json",
        ):  # a missing tokenizer would be downloaded
            if not (folder / name).is_file():
                remedy = "give a Whisper model converted by ct2-transformers-converter"
                raise UserError(f"{folder} is not a CTranslate2 Whisper model: it has no {name}", remedy)
        try:
            self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
        except Exception as error:  # the tokenizers' library raises bare Exception
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(f"{folder} cannot be loaded ({reason})", "download the model again") from None
        # the order of sums in a matrix product depends on the number of threads
        self._model.feature_extractor.mel_filters = csr_array(self._model.feature_extractor.mel_filters)

    def encode(self, sound: Samples, windows: Sequence[Span]) -> Any:
        """Encode windows of a recording (n,), each at most `WINDOW` long."""
        from faster_whisper.audio import pad_or_trim

        spectra = []
        for window in windows:
            piece = np.asarray(sound[round(window.start * RATE) : round(window.end * RATE)], np.float32) / 32768
            spectra.append(pad_or_trim(self._model.feature_extractor(piece)[..., :-1]))
        return self._model.encode(np.stack(spectra))

    def encode_short(self, sound: Samples, windows: Sequence[Span]) -> Any:
        """Encode windows with less silence after them than `encode`: 8 s of speech take a third of the time.

        Args:
            sound: (n,) samples.
            windows: each at most ``WINDOW - AFTER`` long.
        """
        pieces = [
            np.asarray(sound[round(window.start * RATE) : round(window.end * RATE)], np.float32) / 32768
            for window in windows
        ]
        length = max(round(SHORT_WINDOW * RATE), max(map(len, pieces)) + round(AFTER * RATE))
        padded = (np.pad(piece, (0, length - len(piece))) for piece in pieces)
        return self._model.encode(np.stack([self._model.feature_extractor(piece)[..., :-1] for piece in padded]))

    def encode_either(self, sound: Samples, windows: Sequence[Span]) -> Any:
        """Encode windows by `encode_short` if all are at most `BRIEF` long, otherwise by `encode`."""
        brief = all(window.end - window.start <= BRIEF for window in windows)
        return self.encode_short(sound, windows) if brief else self.encode(sound, windows)

    def states(self, sound: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """(T, D) last hidden states of the encoder, `STATE_RATE` per second.

        The sound is not padded to `WINDOW`, which is faster and needs no trimming of states. Its level is normalised.

        Args:
            sound: (n,) mono samples at 16 kHz, at least one and at most `WINDOW` of them.
        """
        hop = RATE // STATE_RATE
        piece = np.zeros(-(-len(sound) // hop) * hop, np.float32)
        piece[: len(sound)] = np.asarray(sound, np.float32) / 32768
        spectrum = self._model.feature_extractor(piece)[..., :-1]
        states = self._model.encode(spectrum + (_LOUD - max(spectrum.max(), _FAINT)))
        return np.asarray(np.array(states)[0], np.float32)

    @property
    def english_only(self) -> bool:
        """Whether the model only knows English."""
        return not self._model.model.is_multilingual

    def languages(self, encoded: Any) -> list[dict[str, float]]:
        """Probability of each language in each window, by code; [] for a model that only knows English."""
        if self.english_only:
            return []
        return [
            {token[2:-2]: probability for token, probability in window}
            for window in self._model.model.detect_language(encoded)
        ]

    def decode(
        self,
        encoded: Any,
        count: int,
        language: str,
        *,
        beam: int = BEAM,
        unrepeated: int = 0,
        most: int = MOST_DECODED,
    ) -> list[Decoded]:
        """Transcribe ``count`` windows by deterministic beam search.

        Args:
            encoded: from `encode`.
            count: number of its windows.
            language: a code.
            beam: beam size.
            unrepeated: length of n-grams of tokens that must not repeat; 0 = no restriction.
            most: most tokens of a text.
        """
        from faster_whisper.transcribe import get_suppressed_tokens

        tokenizer = self._tokenizer(language)
        results = self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * count,
            beam_size=beam,
            max_length=len(tokenizer.sot_sequence) + most,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            no_repeat_ngram_size=unrepeated,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            Decoded(tokenizer.decode(one.sequences_ids[0]).strip(), one.scores[0], one.no_speech_prob)
            for one in results
        ]

    def tokens(self, words: Sequence[str], language: str) -> list[list[int]]:
        """Token ids of each word of a text."""
        tokenizer = self._tokenizer(language)
        return [tokenizer.encode(word if re.match(f"[{_ALONE}]", word) else f" {word}") for word in words]

    def locate(
        self, encoded: Any, windows: Sequence[Span], words: Sequence[Sequence[str]], language: str
    ) -> list[list[Word]]:
        """Word times by dynamic time warping over cross-attention (Radford et al. 2022).

        Args:
            encoded: from `encode`.
            windows: the encoded windows.
            words: words of each window; at most `MOST_TOKENS` tokens in one.
            language: a code.

        Returns:
            All words of each window, with increasing times from the recording's start; accurate to 0.1 to 0.2 s.
        """
        tokenizer = self._tokenizer(language)
        tokens = [self.tokens(texts, language) for texts in words]
        flat = [[token for word in window for token in word] for window in tokens]
        lengths = [round((window.end - window.start) * _FRAMES) for window in windows]
        paths = self._model.model.align(encoded, tokenizer.sot_sequence, flat, lengths, median_filter_width=7)
        found = []
        for window, texts, ids, path in zip(windows, words, tokens, paths, strict=True):
            rows, times = np.array(path.alignments, int).reshape(-1, 2).T
            begins = times[np.searchsorted(rows, np.arange(sum(map(len, ids)) + 1))] / (_FRAMES / 2) + window.start
            ends = np.cumsum([0, *map(len, ids)])
            probabilities = np.append(path.text_token_probs, 0.0)
            found.append(
                [
                    Word(text, float(begins[a]), min(float(begins[b]), window.end), float(probabilities[a:b].mean()))
                    for text, a, b in zip(texts, ends[:-1], ends[1:], strict=True)
                ]
            )
        return found

    @lru_cache(maxsize=4)  # noqa: B019 - models stay loaded until the process ends
    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._model.supported_languages:
            raise UserError(
                f"the model does not know the language {language!r}", "give a code like 'en', or none to detect it"
            )
        return Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )


@lru_cache(maxsize=2)
def load(folder: Path) -> Whisper:
    """Load the model in a folder; the last two stay loaded, for recognition and for audio features."""
    return Whisper(folder)
