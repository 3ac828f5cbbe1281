"""poster: the poster that the owner chose, a moment of the video or an image of their own -> its files in storage.

What was shown before stays until then, and where this fails.
"""

from fractions import Fraction

from core.db import pictures
from core.db.pictures import Choice
from core.db.postgres import Connection
from core.db.steps import newest_input
from core.errors import Rejected
from core.model import StepKind
from core.storage import keys
from thumbnails.images import make
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.steps.pictures import published_video, store_poster, title_video


async def poster(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Make the chosen poster in all sizes. Raises Rejected: `picture_refused` or `no_video`."""
    chosen = claimed.step.input["wanted"]
    if "own" in chosen:
        choice = await _uploaded(worker, claimed, chosen["own"])
    else:
        choice = await _moment(worker, claimed, Fraction(chosen["time_s"]))

    async def show_poster(connection: Connection) -> None:
        await pictures.made(connection, claimed.asset.id, chosen, choice)

    return Outcome(output={"poster": choice.poster.version}, on_commit=show_poster)


async def _uploaded(worker: WorkerContext, claimed: ClaimedStep, sha256: str) -> Choice:
    """The poster made of the owner's image, which is stored under this hash."""
    file = await worker.local_copy(keys.media_object(claimed.asset.id, sha256), sha256)
    images = await make.uploaded_image(file, claimed.work_dir, worker.runner, avif=worker.settings.poster_avif)
    return Choice(by="upload", poster=await store_poster(worker, claimed, images))


async def _moment(worker: WorkerContext, claimed: ClaimedStep, time_s: Fraction) -> Choice:
    """The poster at this time of the title: from the upload where its album is, else from what is published."""
    step_input = await newest_input(worker.pool, claimed.asset.id, StepKind.PICTURES)
    title = None if step_input is None else await title_video(worker, claimed, step_input)
    if title is None and claimed.asset.revision_id is not None:
        title = await published_video(worker, claimed, claimed.asset.revision_id)
    if title is None:
        raise Rejected("no_video", "The title has no picture to take one of.", "Upload a picture of your own.")
    images, shown_s = await make.poster_at(
        title.file,
        title.video,
        time_s,
        claimed.work_dir,
        worker.runner,
        avif=worker.settings.poster_avif,
    )
    return Choice(by="time", poster=await store_poster(worker, claimed, images), time_s=float(shown_s))
