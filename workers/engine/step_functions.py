"""Which function does the work of which kind of step, and in which order steps follow each other.

Each step names what follows it; accept and fetch, the first, are queued by the API, as are plan for a reprocess (probe
where an earlier release has probed the source), dub, transcribe, translate, republish, poster, discard, purge and
delete. What holds for each kind is in core.step_kinds.

    accept | fetch -> probe | long_probe -> plan [-> reframe: the window of a wide video that is to be upright]
        -> remux, or first_rung (chunk after chunk) and first_sound: something to watch
        -> analyse -> encode (chunk x rungs), sound: in any order, on any worker
                      the last of them -> publish
    plan | reframe -> transcribe: captions of a new title, beside its encode; the rest waits for publish
    dub, transcribe, translate -> republish: a track that was added to a published title
    first_rung, or else analyse -> extract: the subtitles inside the upload, once there is something to watch
    analyse -> pictures: posters, storyboard, preview; publish -> pictures where the title differs from its upload
    publish -> downloads -> republish: progressive files, where the owner chose them
"""

from core.model import StepKind
from workers.engine.contract import Stage
from workers.steps.accept import accept
from workers.steps.analyse import analyse
from workers.steps.delete import delete
from workers.steps.discard import discard
from workers.steps.downloads import downloads
from workers.steps.dub import dub
from workers.steps.encode import encode
from workers.steps.extract import extract
from workers.steps.fetch import fetch
from workers.steps.first_rung import first_rung
from workers.steps.first_sound import first_sound
from workers.steps.long_probe import long_probe
from workers.steps.pictures import pictures_of_title
from workers.steps.plan import plan
from workers.steps.poster import poster
from workers.steps.probe import probe
from workers.steps.publish import publish
from workers.steps.purge import purge
from workers.steps.reframe import reframe
from workers.steps.remux import remux
from workers.steps.republish import republish
from workers.steps.sound import sound
from workers.steps.transcribe import transcribe_title
from workers.steps.translate import translate

STAGES: dict[StepKind, Stage] = {
    StepKind.ACCEPT: accept,
    StepKind.FETCH: fetch,
    StepKind.PROBE: probe,
    StepKind.LONG_PROBE: long_probe,
    StepKind.PLAN: plan,
    StepKind.REFRAME: reframe,
    StepKind.REMUX: remux,
    StepKind.FIRST_RUNG: first_rung,
    StepKind.FIRST_SOUND: first_sound,
    StepKind.ANALYSE: analyse,
    StepKind.ENCODE: encode,
    StepKind.SOUND: sound,
    StepKind.PUBLISH: publish,
    StepKind.DUB: dub,
    StepKind.TRANSCRIBE: transcribe_title,
    StepKind.TRANSLATE: translate,
    StepKind.EXTRACT: extract,
    StepKind.REPUBLISH: republish,
    StepKind.DOWNLOADS: downloads,
    StepKind.PICTURES: pictures_of_title,
    StepKind.POSTER: poster,
    StepKind.DISCARD: discard,
    StepKind.PURGE: purge,
    StepKind.DELETE: delete,
}
