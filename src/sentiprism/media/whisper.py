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
from sentiprism.media.types import Span, Word

RATE = 16_000
WINDOW = 30.0
"""Seconds the encoder reads; what is shorter is filled up."""
MOST_TOKENS = 400
"""Of one window's text: the decoder has 448 positions, some of them for marks."""
_FRAMES = 100
"""Of the spectrogram, a second."""
STATE_RATE = 50
"""States of the encoder a second."""
_LOUD, _FAINT = 1.375, 0.375
"""Loudest point that every spectrogram of `Whisper.states` is brought to, as Whisper scales it (log10 power / 4 + 1):
that of a voice near the microphone. What is fainter than the second, 40 dB less, is noise and not made loud."""

_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Kana and Han: written without spaces, each is a word of its own."""
_WORDS = re.compile(rf"[{_ALONE}][^\s\w]*|[^\s{_ALONE}]+")


class Decoded(NamedTuple):
    """What the decoder made of one window."""

    text: str
    confidence: float
    """Mean log probability of its tokens."""
    silence: float
    """Probability that nothing is said."""


def words_of(text: str) -> list[str]:
    """Words of a text in its order, punctuation with them; joined they are the text without its spaces."""
    return _WORDS.findall(text)


class Whisper:
    """A model folder, loaded as int8 on the processor.

    Args:
        folder: of a model converted by CTranslate2.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from faster_whisper import WhisperModel
            from scipy.sparse import csr_array
        except ImportError:
            raise UserError("faster-whisper is not installed", install_extra("media")) from None
        for name in ("model.bin", "config.json", "tokenizer.json"):  # without its tokenizer one is downloaded
            if not (folder / name).is_file():
                remedy = "give a Whisper model converted by ct2-transformers-converter"
                raise UserError(f"{folder} is no CTranslate2 Whisper model: it has no {name}", remedy)
        try:
            self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
        except Exception as error:  # the tokenizers' library raises bare Exception
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(f"{folder} cannot be loaded ({reason})", "fetch the model again") from None
        # a dense product adds up in an order that depends on the number of threads
        self._model.feature_extractor.mel_filters = csr_array(self._model.feature_extractor.mel_filters)

    def encode(self, sound: npt.NDArray[np.int16], windows: Sequence[Span]) -> Any:
        """Encoder's output for windows of a recording (n,), each at most `WINDOW` long."""
        from faster_whisper.audio import pad_or_trim

        spectra = []
        for window in windows:
            piece = np.asarray(sound[round(window.start * RATE) : round(window.end * RATE)], np.float32) / 32768
            spectra.append(pad_or_trim(self._model.feature_extractor(piece)[..., :-1]))
        return self._model.encode(np.stack(spectra))

    def states(self, sound: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """(T, D) last hidden states of the encoder, `STATE_RATE` a second.

        The sound is not filled up to `WINDOW`: the encoder reads what is there, which costs less and leaves no states
        to be cut off. Its level is taken out.

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
    def knows_english_alone(self) -> bool:
        """Whether the model takes everything for English."""
        return not self._model.model.is_multilingual

    def languages(self, encoded: Any) -> list[dict[str, float]]:
        """Probability of each language in each window, by code; [] of a model that knows English alone."""
        if self.knows_english_alone:
            return []
        return [
            {token[2:-2]: probability for token, probability in window}
            for window in self._model.model.detect_language(encoded)
        ]

    def decode(self, encoded: Any, count: int, language: str, *, beam: int = 5, unrepeated: int = 0) -> list[Decoded]:
        """What is said in each of ``count`` windows; no chance is in it.

        Args:
            encoded: of `encode`.
            count: of its windows.
            language: a code.
            beam: hypotheses kept.
            unrepeated: so many tokens in a row are never said twice; 0 = they may be.
        """
        from faster_whisper.transcribe import get_suppressed_tokens

        tokenizer = self._tokenizer(language)
        results = self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * count,
            beam_size=beam,
            max_length=len(tokenizer.sot_sequence) + 225,  # as Whisper was trained: half its positions for the text
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
        """When the given words are said: the path of the decoder's attention over time (Radford et al. 2022).

        Args:
            encoded: of `encode`.
            windows: that were encoded.
            words: of each window; at most `MOST_TOKENS` tokens in one.
            language: a code.

        Returns:
            For each window all its words, times from the recording's start, rising; as uncertain as 0.1 to 0.2 s.
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

    @lru_cache(maxsize=4)  # noqa: B019 - one model lives as long as the process
    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._model.supported_languages:
            raise UserError(f"the model knows no language {language!r}", "give a code like 'en', or none to detect it")
        return Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )


@lru_cache(maxsize=2)
def load(folder: Path) -> Whisper:
    """The model in a folder; the last two stay loaded: a recogniser of another size, and the one that hears voices."""
    return Whisper(folder)
