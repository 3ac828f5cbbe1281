"""The steps by kind, and their order. Each names what follows it; accept and fetch, the first, are owed by the write
door, as are dub, transcribe, translate, republish, poster, discard, purge and delete.

    accept | fetch -> probe -> plan -> remux, or first_rung (chunk after chunk) and first_sound: something to watch
                                    -> analyse -> encode (chunk x rungs), sound: in any order, on any worker
                               the last of them -> publish
    dub, transcribe, translate -> republish: a track that was added to a title that is there
    probe -> extract: the subtitles that lie in the upload
    publish -> downloads -> republish: progressive files, where they are wanted
    analyse -> pictures: posters, storyboard, preview; of what is published where that shows something else
"""

from core.model import StepKind
from workers.accept import accept
from workers.analyse import analyse
from workers.delete import delete
from workers.discard import discard
from workers.downloads import downloads
from workers.dub import dub
from workers.encode import encode, sound
from workers.extract import extract
from workers.fetch import fetch
from workers.first import first_rung, first_sound, remux
from workers.pictures import pictures_of_title, poster
from workers.plan import plan
from workers.probe import probe
from workers.publish import publish
from workers.purge import purge
from workers.republish import republish
from workers.stage import Stage
from workers.transcribe import transcribe_title
from workers.translate import translate

STAGES: dict[StepKind, Stage] = {
    StepKind.ACCEPT: accept,
    StepKind.FETCH: fetch,
    StepKind.PROBE: probe,
    StepKind.PLAN: plan,
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
