"""Which function does the work of which kind of step, and in which order steps follow each other.

Each step names what follows it; accept and fetch, the first, are queued by the API, as are dub, transcribe, translate,
republish, poster, discard, purge and delete. What holds for each kind is in core.step_kinds.

    accept | fetch -> probe -> plan [-> reframe: the window of a wide video that is to be upright]
        -> remux, or first_rung (chunk after chunk) and first_sound: something to watch
        -> analyse -> encode (chunk x rungs), sound: in any order, on any worker
                      the last of them -> publish
    dub, transcribe, translate -> republish: a track that was added to a published title
    first_rung, or else analyse -> extract: the subtitles inside the upload, once there is something to watch
    analyse -> pictures: posters, storyboard, preview; publish -> pictures where the title differs from its upload
    publish -> downloads -> republish: progressive files, where the owner chose them
"""

from core.model import StepKind
from workers.accept import accept
from workers.analyse import analyse
from workers.delete import delete
from workers.discard import discard
from workers.downloads import downloads
from workers.dub import dub
from workers.encode import encode
from workers.extract import extract
from workers.fetch import fetch
from workers.first_rung import first_rung
from workers.first_sound import first_sound
from workers.pictures import pictures_of_title
from workers.plan import plan
from workers.poster import poster
from workers.probe import probe
from workers.publish import publish
from workers.purge import purge
from workers.reframe import reframe
from workers.remux import remux
from workers.republish import republish
from workers.sound import sound
from workers.stage import Stage
from workers.transcribe import transcribe_title
from workers.translate import translate

STAGES: dict[StepKind, Stage] = {
    StepKind.ACCEPT: accept,
    StepKind.FETCH: fetch,
    StepKind.PROBE: probe,
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
