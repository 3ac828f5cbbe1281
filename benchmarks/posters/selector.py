"""Our selection as the benchmark calls it: on a file, measured, in a work folder of its own.

In: a file, a profile, an effort. Out: the Selection with its raw pictures, for as long as the caller looks at them, and
what its children took; or only the times. The probe comes first and is not counted: every upload has it anyway.
"""

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.harness.children import watched
from benchmarks.harness.metered import Cost
from benchmarks.posters.pickers import Clip, Picked
from core.errors import KadrError
from core.sandbox.child import ChildRunner, python_argv
from core.settings import Settings
from presets.poster import poster_profile
from thumbnails.posters import selection_settings
from thumbnails.posters.selection import LIMITS, Selection, select
from thumbnails.posters.selection_settings import SelectionSettings
from thumbnails.reading import video_facts as pictures
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision.face_model import face_model
from transcode.encode.capabilities import ffmpeg_binary
from transcode.probe.probe import probe
from workers.video_facts import video_facts

CANDIDATES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many keyframes are looked at, and how many of the best are looked at again at full size."""

    samples: int
    refine: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A selection, and what it took. Its files are in a folder that goes away."""

    clip: Clip
    selection: Selection
    folder: Path
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Runs the poster selection of one profile on files, and measures it."""

    runner: ChildRunner
    settings: Settings
    binary: str
    profile: str

    @staticmethod
    async def open(profile: str) -> "Selector":
        settings = Settings.load()
        runner = await ChildRunner.detect(settings.sandbox)
        return Selector(runner=runner, settings=settings, binary=ffmpeg_binary(settings), profile=profile)

    @contextlib.asynccontextmanager
    async def chosen(self, file: Path) -> AsyncIterator[Chosen]:
        """Raises Rejected for what is no video, KadrError for one without a picture."""
        async with self._probed(file) as (video, folder):
            with watched() as children:
                faces = face_model(self.settings)
                selection = await select(
                    file, video, self.profile, folder, self.runner, candidates=CANDIDATES, face_model=faces
                )
            clip = Clip(path=file, duration_s=video.duration_s, frames=video.frames)
            yield Chosen(clip=clip, selection=selection, folder=folder, cost=children.cost)

    async def pick(self, file: Path) -> Picked:
        """Select posters for a file: the chosen times, best first, and the cost. Raises as `chosen` does."""
        async with self.chosen(file) as found:
            times = tuple(candidate.time_s for candidate in found.selection.candidates)
            return Picked(times_s=times, cost=found.cost)

    async def pick_with(self, file: Path, effort: Effort) -> Picked:
        """The same program with another effort than the profile's. Raises what a failing child raises."""
        profile = poster_profile(self.profile)
        settings = SelectionSettings(
            samples=effort.samples,
            refine=effort.refine,
            decode_frames=profile.decode_frames,
            weights=profile.weights,
            cluster=profile.cluster,
            text=profile.text,
            cards=profile.cards,
            candidates=CANDIDATES,
        )
        async with self._probed(file) as (video, folder):
            arguments = (pictures.to_json(video), selection_settings.to_json(settings))
            argv = python_argv("thumbnails.posters.selection_child", str(file), *arguments)
            with watched() as children:
                finished = await self.runner.run(argv, work_dir=folder, readable=[file], limits=LIMITS)
        times = tuple(Fraction(one["time_s"]) for one in json.loads(finished.stdout)["candidates"])
        return Picked(times_s=times, cost=children.cost)

    @contextlib.asynccontextmanager
    async def _probed(self, file: Path) -> AsyncIterator[tuple[VideoFacts, Path]]:
        with tempfile.TemporaryDirectory(prefix="kadr-bench-") as name:
            folder, limits = Path(name), self.settings
            source, _ = await probe(
                file, folder, self.runner, max_pixels=limits.max_pixels, max_duration_s=limits.max_duration_s
            )
            video = video_facts(source)
            if video is None:
                raise KadrError(f"{file.name}: no picture")
            yield video, folder
