"""Faces are linked from picture to picture: boxes that move, cross, hide, and pictures that are cut."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from sentiprism.features.face_tracking import Detection, FrameFaces, frame_thumbnail, link_detections

STEP = 0.1
ROOM, STREET = np.full((9, 16, 3), 0.2), np.full((9, 16, 3), 0.8)
Box = tuple[float, float, float, float]
Way = Callable[[float], Box | None]


def at(x: float, y: float = 0.5, size: float = 0.2) -> Box:
    return x - size / 2, y - size / 2, x + size / 2, y + size / 2


def sights(
    people: Mapping[int, Way], seconds: float, view: Callable[[float], np.ndarray] = lambda t: ROOM
) -> Iterator[FrameFaces]:
    """Pictures ten a second; each person's features are the person's number."""
    for time in np.arange(round(seconds / STEP)) * STEP:
        seen = [(number, path(time)) for number, path in people.items()]
        faces = [Detection(np.array(box), np.array([number])) for number, box in seen if box is not None]
        order = np.argsort([face.box[0] for face in faces], kind="stable")  # the order of detections tells nothing
        yield FrameFaces(float(time), view(time), [faces[i] for i in order])


def people_of(tracks: list) -> list[set[float]]:
    return [set(track.values[:, 0].tolist()) for track in tracks]


def test_two_people_who_pass_each_other_stay_apart() -> None:
    tracks = link_detections(sights({1: lambda t: at(0.2 + 0.2 * t, size=0.21), 2: lambda t: at(0.8 - 0.2 * t)}, 3))
    assert people_of(tracks) == [{1.0}, {2.0}]
    assert [len(track.times) for track in tracks] == [30, 30]


def test_person_hidden_while_passing_is_found_again() -> None:
    def behind(t: float) -> Box | None:
        return None if 1.2 < t < 1.8 else at(0.8 - 0.2 * t)

    tracks = link_detections(sights({1: lambda t: at(0.2 + 0.2 * t, size=0.22), 2: behind}, 3))
    assert people_of(tracks) == [{1.0}, {2.0}]


@pytest.mark.parametrize(("hidden", "tracks"), [(0.8, 1), (1.5, 2)])
def test_gap_up_to_a_second_is_bridged_and_left_out(hidden: float, tracks: int) -> None:
    found = link_detections(sights({1: lambda t: None if 1 <= t < 1 + hidden else at(0.5)}, 4))
    assert len(found) == tracks
    times = np.concatenate([track.times for track in found])
    assert len(times) == 40 - round(hidden / STEP)
    assert not ((times > 0.95) & (times < 0.95 + hidden)).any()


def test_cut_ends_a_track_although_the_next_face_is_in_its_place() -> None:
    found = link_detections(
        sights(
            {1: lambda t: at(0.5) if t < 2 else None, 2: lambda t: at(0.5) if t >= 2 else None},
            3.5,
            lambda t: ROOM if t < 2 else STREET,
        )
    )
    assert people_of(found) == [{1.0}, {2.0}]
    together = link_detections(
        sights({1: lambda t: at(0.5) if t < 2 else None, 2: lambda t: at(0.5) if t >= 2 else None}, 3.5)
    )
    assert people_of(together) == [{1.0, 2.0}]  # what tells them apart is the cut


def test_shot_that_returns_goes_on_where_it_was() -> None:
    def first(t: float) -> bool:
        return int(t / 1.5 + 1e-6) % 2 == 0

    found = link_detections(
        sights(
            {1: lambda t: at(0.4, size=0.3) if first(t) else None, 2: lambda t: None if first(t) else at(0.45)},
            9,
            lambda t: ROOM if first(t) else STREET,
        )
    )
    assert people_of(found) == [{1.0}, {2.0}]
    assert [len(track.times) for track in found] == [45, 45]


def test_face_elsewhere_or_of_another_size_is_another_one() -> None:
    jump = link_detections(sights({1: lambda t: at(0.2) if t < 1 else at(0.8)}, 2))
    near = link_detections(sights({1: lambda t: at(0.5, size=0.1) if t < 1 else at(0.5, size=0.4)}, 2))
    assert len(jump) == len(near) == 2


def test_largest_over_time_is_first_and_false_alarms_are_dropped() -> None:
    found = link_detections(
        sights(
            {
                1: lambda t: at(0.2, size=0.1),
                2: lambda t: at(0.5, size=0.15),
                3: lambda t: at(0.8, size=0.18) if t < 1 else None,
                4: lambda t: at(0.5, 0.85, size=0.25) if 1 <= t < 1.3 else None,
            },
            5,
        )
    )
    assert people_of(found) == [{2.0}, {1.0}, {3.0}]  # 0.1125, 0.05 and 0.0324 of picture times seconds


def test_recording_shorter_than_the_shortest_track_keeps_its_face() -> None:
    (track,) = link_detections(sights({1: lambda t: at(0.5)}, 0.3))
    assert track.times.tolist() == pytest.approx([0.0, 0.1, 0.2])
    (single,) = link_detections(sights({1: lambda t: at(0.5)}, 0.1))
    assert single.values.shape == (1, 1)


def test_one_picture_in_two_seconds_is_no_gap() -> None:
    (track,) = link_detections(FrameFaces(2.0 * n, ROOM, [Detection(np.array(at(0.5)), np.ones(3))]) for n in range(5))
    assert len(track.times) == 5


def test_nobody_gives_no_track() -> None:
    assert link_detections([]) == []
    assert link_detections(sights({}, 2)) == []


def test_flicker_of_many_pictures_loses_nobody() -> None:
    """More shots than are remembered: each ends its tracks, none of the faces is lost or counted twice."""
    rng = np.random.default_rng(0)
    views = [rng.random((9, 16, 3)) for _ in range(50)]
    found = link_detections(sights({1: lambda t: at(0.5)}, 50, lambda t: views[int(t + 1e-6)]))
    assert len(found) == 50
    assert sorted(np.concatenate([track.times for track in found]).tolist()) == pytest.approx(
        (np.arange(500) * STEP).tolist()
    )


@pytest.mark.parametrize("size", [(360, 640), (641, 361), (7, 5), (1, 1)])
def test_glance_is_the_colour_of_parts(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    image[..., 0] = 255
    image[: size[0] // 2, :, 2] = 255
    seen = frame_thumbnail(image)
    assert seen.shape == (9, 16, 3)
    assert seen[..., 0] == pytest.approx(1.0)
    assert seen[..., 1] == pytest.approx(0.0)
    assert (seen[0, :, 2].mean(), seen[-1, :, 2].mean()) == pytest.approx((float(size[0] > 1), 0.0), abs=0.01)
