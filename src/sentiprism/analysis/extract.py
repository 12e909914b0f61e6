"""Extract a dataset from a folder of recordings and a table of labels."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from sentiprism.analysis.clip_options import ExtractClips
from sentiprism.analysis.cuts import COLUMNS, Cut, read_cuts
from sentiprism.analysis.recording import NONE, ExtractedRecording, ExtractOptions, ExtractTask, extract_recording
from sentiprism.analysis.sequences import Sequences
from sentiprism.analysis.written import can_tell_language, doubt_language
from sentiprism.errors import UserError, few
from sentiprism.executors.base import THIS_PROCESS, Executor
from sentiprism.features.learned.create import create_extractor
from sentiprism.languages import language_name
from sentiprism.media.whisper_models import check_whisper
from sentiprism.recipe import Recipe

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset, Utterance
    from sentiprism.data.importers.columns import Table
    from sentiprism.data.importers.table import Lookup


class Extracted(NamedTuple):
    """A stored dataset, and the recordings that were left out."""

    dataset: "Dataset"
    failed: dict[str, str]
    """Reasons by the recording's name."""


def extract(
    folder: Path | str,
    name: str,
    *,
    labels: Path | str,
    options: ExtractOptions | Mapping[str, Any] | None = None,
    transcripts: Path | str | None = None,
    vision_features: Path | str | None = None,
    on: Callable[[int, int], Any] | None = None,
    **clips: Unpack[ExtractClips],
) -> Extracted:
    """Make a dataset from recordings. Features are cached by content, so that a stopped run resumes.

    Args:
        folder: folder of recordings, including subfolders.
        name: name of the dataset in the store.
        labels: CSV of file and label, and other columns of `read_table` and `COLUMNS`; several utterances of one
            recording need times.
        options: see `ExtractOptions`.
        transcripts: folder of transcripts with the recordings' names.
        vision_features: file of vision features (N, F), one row per utterance, instead of extracting them; the columns
            must be those of the extractor ``options.vision`` per utterance.
        on: called with the number of finished recordings and of all recordings.
        clips: see `ExtractClips`.

    Raises:
        UserError: table, features or options are wrong, the executor cannot be used, all recordings fail, or one does
            with ``strict``.
    """
    from sentiprism.data.dataset import DatasetInfo
    from sentiprism.data.importers.columns import read_columns
    from sentiprism.data.importers.folds import fold_of, short
    from sentiprism.data.importers.labels import LabelSpec
    from sentiprism.data.importers.table import check_table, shift_labels
    from sentiprism.data.known import describe
    from sentiprism.data.store import check_store, write_dataset
    from sentiprism.metrics import protocol_for

    options = (
        options
        if isinstance(options, ExtractOptions)
        else ExtractOptions.parse(dict(options or {}), "options of extract")
    )
    language, executor, folds = clips.get("language"), clips.get("executor", THIS_PROCESS), clips.get("folds")
    replace, columns = clips.get("replace", False), clips.get("columns") or {}
    if language is not None:  # parsed again, since a copy is not validated
        options = ExtractOptions.parse({**options.model_dump(), "language": language}, "options of extract")
    executor.check(options.memory)
    folder, labels = Path(folder), Path(labels)
    check_store(name, replace=replace)  # fail before hours of work
    known, notes = describe(name), list[str]()
    target = LabelSpec(clips.get("low"), clips.get("high"), tuple(clips.get("classes", ()))).resolve(name, known)
    offset, shared = (known.label_offset, known.shared_videos) if known else (0.0, False)
    table = read_columns({"": labels}, columns, folds, notes, also=COLUMNS, official=known is not None)
    options = options.pinned()
    extractors = options.extractors()
    recipes: dict[str, Recipe] = {
        name: made.recipe.with_step(options.steps_of(name), relative=options.relative)
        for name, made in extractors.items()
    }
    stored = None
    if vision_features is not None:
        stored, recipes["vision"] = _stored(Path(vision_features), options, table, labels, notes)
    tasks = _tasks(
        read_cuts(table, labels, notes),
        folder,
        labels,
        Path(transcripts) if transcripts is not None else None,
        allow_missing=clips.get("allow_missing", False),
    )
    absent = {cut.id for task in tasks if task.path is None for cut in task.cuts}
    whole = not (recipes or transcripts or options.text == "recognised")
    check_table(table, str(labels), target, without=absent, offset=offset, allow_shared_videos=shared, whole=whole)
    if options.text == "recognised" or options.by_word:
        check_whisper(options.asr)
    seen, failed = _look_at(tasks, options, executor, on, faces=vision_features is None)
    failed = {task.name: failed[task.name] for task in tasks if task.name in failed}
    if failed and (clips.get("strict") or not seen):
        worst = "; ".join(f"{recording}: {reason}" for recording, reason in list(failed.items())[:3])
        raise UserError(f"{len(failed)} of {len(tasks)} recordings failed: {worst}", "fix or remove them")
    notes += [f"left out: {recording}: {reason}" for recording, reason in failed.items()]
    notes += _note_speaking(seen)
    owner = {cut.id: task.name for task in tasks for cut in task.cuts}
    sequences = Sequences(owner, seen, extractors, options.steps_of, stored)
    if options.relative:
        kept = _kept(table, seen, sequences)
        notes += sequences.subtract_resting([table["id"][n] for n in kept], [table["video_id"][n] for n in kept])
    rows = _rows(table, labels, target.classes, seen, sequences, options)
    given = {"folder": folder, "labels": labels, "transcripts": transcripts, "vision": vision_features, "folds": folds}
    info = DatasetInfo(
        title=known.title if known else name,
        source="extracted from " + ", ".join(f"{key} {short(value)}" for key, value in given.items() if value),
        target=target,
        protocol=known.protocol if known else protocol_for(target).name,
        language=known.language if known else _language(options.language, seen, table, notes),
        fold=fold_of(folds),
        recipes=recipes,
        notes=notes,
        expected=known.splits if known else None,
        allow_shared_videos=shared,
    )
    places = {name: clip for one in seen.values() for name, clip in one.clips.items()}
    dataset = write_dataset(name, shift_labels(rows, offset), info, replace=replace, clips=places)
    return Extracted(dataset, failed)


def _look_at(
    tasks: Sequence[ExtractTask],
    options: ExtractOptions,
    executor: Executor,
    on: Callable[[int, int], Any] | None,
    *,
    faces: bool,
) -> tuple[dict[str, ExtractedRecording], dict[str, str]]:
    """Extract from each recording; returns results and reasons of failures, by name."""
    work = partial(extract_recording, options=options, faces=faces)
    seen: dict[str, ExtractedRecording] = {}
    failed: dict[str, str] = {}
    with closing(executor.run(work, tasks, options.memory)) as outcomes:
        for done, (task, outcome) in enumerate(outcomes, 1):
            if isinstance(outcome, UserError):
                failed[task.name] = " ".join(str(outcome).split())
            else:
                seen[task.name] = outcome
            if on is not None:
                on(done, len(tasks))
    return seen, failed


def _note_speaking(seen: Mapping[str, ExtractedRecording]) -> list[str]:
    """Note utterances in which several faces are visible, if any."""
    found = [one for recording in seen.values() for one in recording.speaking.values()]
    unsure = sum(one.face is None for one in found)
    several = f"several faces are visible in {len(found)} utterances: the one whose lips move with the sound is used"
    return [f"{several}, and the longest visible one in {unsure} where nobody's do clearly"] if found else []


def _language(given: str | None, seen: Mapping[str, ExtractedRecording], table: "Table", notes: list[str]) -> str:
    """Language of a dataset: as given, else of most recordings, else English; contradictions are noted."""
    told = Counter(one.language for one in seen.values() if one.language is not None)
    if given is None and len(told) > 1:
        parts = ", ".join(f"{language_name(code)} in {count}" for code, count in told.most_common())
        notes.append(f"several languages were recognised: {parts} recordings; the card has the first")
    language = given or (told.most_common(1)[0][0] if told else "en")
    texts = [text for text in table.get("text") or () if text]
    if not told and (reason := doubt_language(texts, language)) is not None:
        notes.append(f"the texts are probably not in {language_name(language)}: {reason}; name it with `language`")
    elif texts and not told and given is None and not can_tell_language(texts, language):
        notes.append(f"the texts are too short to detect their language, and treated as {language_name(language)}")
    return language


def _stored(
    path: Path, options: ExtractOptions, table: "Table", labels: Path, notes: list[str]
) -> "tuple[Lookup, Recipe]":
    """Read existing vision features, and compare them with their supposed recipe."""
    from sentiprism.data.importers.npz import open_npz
    from sentiprism.data.importers.table import open_joined

    if options.vision == NONE:
        raise UserError(f"{path.name} is given without a recipe", "name its extractor with `vision`")
    if options.relative:
        raise UserError(f"the resting level of {path.name} is not known here", "extract without `relative`")
    recipe = create_extractor(options.vision).recipe.with_step("utterance")
    names = recipe.columns
    if path.suffix == ".npz":
        with open_npz(path) as file:
            if "columns" in file.names:
                names = tuple(str(column) for column in file.read("columns").reshape(-1))
            else:
                notes.append(
                    f"{path.name} has no column names: they are assumed to be those of {options.vision}, in order"
                )
    lookup = open_joined(path, "vision", table["id"], [labels], notes)
    width = next(steps.shape for name in table["id"] if (steps := lookup(name)) is not None)
    if names == recipe.columns and width[1] != len(names):
        names = names[: width[1]] + tuple(f"column {n + 1}" for n in range(len(names), width[1]))
    theirs = recipe.model_copy(update={"columns": names})
    if (difference := recipe.difference(theirs)) is not None or width[0] != 1:
        cause = difference or f"it has {width[0]} steps per utterance, not 1"
        raise UserError(
            f"{path} does not have {options.vision} features: {cause}", "give (N, F) features of that recipe"
        )
    return lookup, recipe


def _tasks(
    cuts: Mapping[str, Sequence[Cut]], folder: Path, labels: Path, transcripts: Path | None, *, allow_missing: bool
) -> list[ExtractTask]:
    from sentiprism.analysis.inputs import SUFFIXES, TEXTS

    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}", "give the folder of the recordings")
    if transcripts is not None and not transcripts.is_dir():
        raise UserError(f"{transcripts} is not a folder", "give a folder of transcripts with the recordings' names")
    index: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            where = path.relative_to(folder)
            for key in {path.name, path.stem, where.as_posix(), where.with_suffix("").as_posix()}:
                index.setdefault(key, []).append(path)
    if not index:
        raise UserError(f"no recordings in {folder}", f"it should have files of {', '.join(sorted(SUFFIXES)[:5])} ...")
    for name in cuts:
        if len(index.get(name, ())) > 1:
            both = " and ".join(str(path.relative_to(folder)) for path in index[name][:2])
            raise UserError(f"{name!r} is the name of {both}", "name one of them in a column 'file'")
    if not cuts.keys() & index.keys():
        cause = f"{folder} has no recording of {labels}: {next(iter(cuts))!r} is none of them"
        raise UserError(cause, f"make ids like {next(iter(index))!r}, or add a column 'file'")
    missing = [name for name in cuts if name not in index]
    if missing and not allow_missing:
        cause = f"{folder} lacks {len(missing)} of {len(cuts)} recordings of {labels}: {few(map(repr, missing))}"
        raise UserError(cause, "put them there, correct the table, or leave them out with `allow_missing`")
    tasks: list[ExtractTask] = []
    named: dict[Path, str] = {}
    for name, own in cuts.items():
        recording = index[name][0] if name in index else None
        if recording is not None and named.setdefault(recording, name) != name:
            cause = f"{labels}: {named[recording]!r} and {name!r} are both {recording.relative_to(folder)}"
            raise UserError(cause, "write the name of a recording the same way in every row")
        there = [transcripts / f"{recording.stem}{suffix}" for suffix in TEXTS] if transcripts and recording else []
        tasks.append(ExtractTask(name, recording, tuple(own), next((one for one in there if one.is_file()), None)))
    return tasks


def _rows(
    table: "Table",
    labels: Path,
    classes: Sequence[str],
    seen: Mapping[str, ExtractedRecording],
    sequences: Sequences,
    options: ExtractOptions,
) -> "Iterator[tuple[str, Utterance]]":
    """Yield utterances in the order of the table."""
    from dataclasses import replace

    from sentiprism.data.importers.table import make_utterance

    for row in _kept(table, seen, sequences):
        name = table["id"][row]
        segment = seen[sequences.owner[name]].segments[name]
        made = make_utterance(table, row, str(labels), classes, sequences.of(name))
        spoken = options.text == "recognised" or (segment.words and made.text is None)
        yield table["split"][row], replace(made, text=segment.text) if spoken else made


def _kept(table: "Table", seen: Mapping[str, ExtractedRecording], sequences: Sequences) -> list[int]:
    """Rows that have a split and a recording."""
    owner = sequences.owner
    return [row for row, name in enumerate(table["id"]) if table["split"][row] and owner.get(name, "") in seen]
