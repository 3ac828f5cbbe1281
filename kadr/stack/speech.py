"""What `kadr up` does about speech: which model it runs with, and whether that has to be fetched first.

In: the environment of the user. Out: `Speech`, and the program that fetches a model. Without KADR_WHISPER_MODEL the
model is known_models.DEFAULT, and every upload that does not say gets captions; `none` switches both off.
"""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from core.errors import KadrError
from core.models.folders import default_models_dir
from core.settings import NO_MODEL
from kadr.stack.home import Home
from kadr.stack.log import lines_since, size
from kadr.stack.supervisor import Child, say
from subtitles.speech.models import model as models
from subtitles.speech.models.known_models import DEFAULT, known_model

TIMEOUT_S = 2 * 3600.0
FOLLOWED_EVERY_S = 0.5
SAYS = "kadr models: "  # kadr.commands.models, which is not imported here: it would take a second
Run = Callable[[Child, float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """The model of one run of the stack: settings of its processes, and what is missing."""

    env: Mapping[str, str]
    missing: str | None = None  # the name of a model that is not on this machine
    size_bytes: int | None = None  # of a missing model that can be verified, and so is fetched unasked


def speech_of(environ: Mapping[str, str]) -> Speech:
    """What a stack with these variables does. Raises ConfigError for a model that nobody knows."""
    if environ.get("KADR_WHISPER_MODEL") == NO_MODEL:
        return Speech(env={})
    name = environ.get("KADR_WHISPER_MODEL") or DEFAULT
    env = {"KADR_WHISPER_MODEL": name, "KADR_SUBTITLES": environ.get("KADR_SUBTITLES") or "auto"}
    folder = environ.get("KADR_MODELS_DIR")
    if models.find(name, Path(folder) if folder else default_models_dir()) is not None:
        return Speech(env=env)
    known = known_model(name)
    return Speech(env=env, missing=name, size_bytes=known.size_bytes if known is not None else None)


async def fetch_missing(speech: Speech, home: Home, env: Mapping[str, str], run: Run) -> None:
    """Fetch the missing model, if its digests are known, with what its program says as progress.

    Never fails: a machine without a network runs without captions, and says so.
    """
    name = speech.missing
    if name is None:
        return
    how = f"`kadr models fetch {name}` gets it, without a restart; KADR_WHISPER_MODEL={NO_MODEL} does without it"
    if speech.size_bytes is None:  # workers fetch it where KADR_WHISPER_DOWNLOAD says so
        say(f"no captions yet: the speech model {name} is not on this machine. {how}")
        return
    say(
        f"fetching the speech model {name} meanwhile, once: {speech.size_bytes / 1e6:.0f} MB, usually 20 s; "
        "captions begin when it is there"
    )
    # The same Python, and so the same installer.
    argv = (sys.executable, "-m", "kadr", "models", "fetch", name)
    # Nicer than what starts beside it: nobody waits for captions before there is a picture.
    prefix = (nice, "-n", "10") if (nice := shutil.which("nice")) else ()
    child = Child(name="models", argv=argv, env=env, log=home.log("models"), prefix=prefix)
    told, began_at = _Told(child.log), monotonic()
    following = asyncio.create_task(told.follow())
    try:
        await run(child, TIMEOUT_S)
        outcome = f"the speech model is there after {monotonic() - began_at:.1f} s: uploads get captions"
    except KadrError:
        outcome = f"no captions for now: {name} could not be fetched ({child.log}). {how}"
    finally:
        following.cancel()
        await asyncio.wait([following])
    told.say_more()
    say(outcome)


class _Told:
    """What the program that fetches says from now on, line by line."""

    def __init__(self, log: Path) -> None:
        self._log, self._offset = log, size(log)

    async def follow(self) -> None:
        """Say it until this is cancelled."""
        while True:
            self.say_more()
            await asyncio.sleep(FOLLOWED_EVERY_S)

    def say_more(self) -> None:
        lines, self._offset = lines_since(self._log, self._offset)
        for line in lines:
            if line.startswith(SAYS):
                say(line.removeprefix(SAYS))
