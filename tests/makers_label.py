"""Tasks of labelling as tests use them."""

import json
from pathlib import Path
from typing import NamedTuple

from makers_media import make_media, sine
from makers_studio import Server
from sentiprism.studio.labelling.rating import Rating, get_rater, join_task, queue, store_rating
from sentiprism.studio.labelling.scales import Scale
from sentiprism.studio.labelling.tasks import Task, Tasks
from sentiprism.studio.store.tables import RecordingRow, new_id

LENGTH = 10.0
CUTS = ((0.0, 2.0, "I liked it."), (3.0, 4.5, "The end was poor."), (5.0, 9.0, None))


class Made(NamedTuple):
    id: str
    recordings: list[str]
    segments: list[str]


def rows(count: int, kind: str = "video") -> list[RecordingRow]:
    """Recordings that are in no database."""
    same = {"suffix": ".mp4", "size": 1, "kind": kind, "duration": LENGTH}
    return [RecordingRow(id=new_id(), name=f"talk {n}.mp4", content=new_id(), **same) for n in range(count)]


def open_task(
    tasks: Tasks,
    recordings: list[RecordingRow],
    *,
    scale: Scale | None = None,
    passes: tuple[str, ...] = ("full",),
    speakers: dict[str, str] | None = None,
    cuts: tuple[tuple[float, float, str | None], ...] = CUTS,
    picture: bool = True,
) -> Made:
    """An open task, each recording cut in the same way."""
    identifier = new_id()
    tasks.add(identifier, "Talks", scale or Scale.of_steps("3"), passes, recordings, speakers or {})
    found = {"duration": LENGTH, "sound": True, "picture": picture, "segments": cuts}
    tasks.open_cut(identifier, {"recordings": {row.id: found for row in recordings}, "failed": {}})
    segments = [one.id for one in tasks.get(identifier).segments]
    return Made(identifier, [row.id for row in recordings], segments)


def serve_task(server: Server, folder: Path, count: int = 2, **more: object) -> Made:
    """An open task of sounds that the studio has."""
    found = []
    for n in range(count):
        sound = make_media(folder / f"voice {n}.wav", samples=sine(2.0 + n / 8, 16_000)).read_bytes()
        found.append(json.loads(server.upload(f"voice {n}.wav", sound).body)["id"])
    cuts = ((0.0, 0.8, "I liked it."), (1.0, 1.9, "The end was poor."))
    recordings = sorted(server.studio.recordings.find(found), key=lambda row: found.index(row.id))
    return open_task(server.studio.tasks, recordings, **{"cuts": cuts, "picture": False, **more})


def rate_all(tasks: Tasks, task: str, name: str, values: list[float | None], seen: str = "full") -> str:
    """Rate the utterances of a task in their order; the rater's identifier."""
    rater = join_task(tasks, task, name)
    found: Task = tasks.get(task)
    for segment, value in zip(found.passable(seen), values, strict=False):
        rating = Rating(value, "", new_id(), last_of(tasks, task, rater, seen, segment.id))
        store_rating(tasks, task, rater, (seen, segment.id), rating)
    return rater


def last_of(tasks: Tasks, task: str, rater: str, seen: str, segment: str) -> int:
    """Number of the rating that counts, 0 for none."""
    from sentiprism.studio.labelling.rating import read_own

    row = read_own(tasks, task, rater).get((seen, segment))
    return 0 if row is None else row.number


def order_of(tasks: Tasks, task: str, rater: str) -> list[tuple[str, str]]:
    """Pass and utterance of everything that a rater rates, in the rater's order."""
    return [(one.seen, one.segment.id) for one in queue(tasks.get(task), get_rater(tasks, task, rater))]
