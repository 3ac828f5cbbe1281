"""Sentences -> sentences in another language: the seam for translators, and the one for models of CTranslate2.

In: the settings and a pair of languages. Out: a Translator, or None where nothing here translates the pair. Raises
ConfigError for a setting of a wrong form and for a folder that is no model. Into English Whisper translates the sound
itself (subtitles.speech.transcribe), which needs none of this.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.errors import ConfigError, ToolFailed
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB, Settings
from subtitles.speech.models.model import threads
from subtitles.translation.pairs import ANY, entries, primary_language

LOADING_S, SENTENCE_S = 300, 20
_TOKENIZERS = (("tokenizer.json",), ("source.spm", "target.spm"))


class Translator(Protocol):
    """Translates sentences of one language into one other."""

    @property
    def id(self) -> str:
        """The name of the model, as subtitle tracks record it."""
        ...

    async def translate(
        self, sentences: Sequence[str], *, work_dir: Path, runner: ChildRunner, on_progress: Callable[[float], None]
    ) -> list[str]:
        """The translation of each sentence, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CTranslate2:
    """A model in a folder of the operator's, with the tokenizer that lies in it."""

    folder: Path
    source: str
    target: str
    threads: int

    @property
    def id(self) -> str:
        return self.folder.name

    async def translate(
        self, sentences: Sequence[str], *, work_dir: Path, runner: ChildRunner, on_progress: Callable[[float], None]
    ) -> list[str]:
        """The translation of each sentence, in order. Raises ToolFailed when the program does not finish its work."""
        translations: list[str] = []

        def line(text: str) -> None:
            translations.append(json.loads(text))
            on_progress(len(translations) / len(sentences))

        argv = python_argv("subtitles.translation.translate_child")
        finished = await runner.run(
            argv,
            work_dir=work_dir,
            readable=[self.folder],
            limits=self._limits(len(sentences)),
            on_stdout_line=line,
            stdin=json.dumps(self._request(sentences)).encode(),
            nice=niceness.EXTRA,
        )
        if len(translations) != len(sentences):
            raise ToolFailed(
                argv, 0, finished.stderr_tail, f"{len(translations)} of {len(sentences)} sentences were translated"
            )
        return translations

    def _request(self, sentences: Sequence[str]) -> dict[str, Any]:
        return {
            **{"model": str(self.folder), "threads": self.threads, "sentences": list(sentences)},
            **{"source": self.source, "target": self.target},
        }

    def _limits(self, sentences: int) -> Limits:
        allowed_s = LOADING_S + SENTENCE_S * sentences
        size_bytes = (self.folder / "model.bin").stat().st_size
        return Limits(
            wall_s=allowed_s,
            cpu_s=allowed_s * self.threads,
            memory_bytes=4 * GIB + 3 * size_bytes + self.threads * GIB // 2,
            file_bytes=MIB,
        )


def chosen(settings: Settings, source: str, target: str) -> Translator | None:
    """The translator for a pair of language tags ("pt-BR" is "pt"); None without one. Raises ConfigError."""
    pair = primary_language(source), primary_language(target)
    folders = parsed(settings.translation_model)
    folder = folders.get("-".join(pair)) or folders.get(ANY)
    if folder is None or pair[0] == pair[1]:
        return None
    check(folder)
    if "-".join(pair) not in folders and not _names(folder, pair):
        return None
    return CTranslate2(folder=folder, source=pair[0], target=pair[1], threads=threads(settings))


def parsed(setting: str | None) -> dict[str, Path]:
    """KADR_TRANSLATION_MODEL as {"ru-en" or "*": folder}. Raises ConfigError for another form."""
    folders: dict[str, Path] = {}
    for pair, folder in entries(setting):
        if not folder or not (pair == ANY or len(pair.split("-")) == 2):
            raise ConfigError(
                f"KADR_TRANSLATION_MODEL={setting!r}: give pairs with folders, like ru-en=/models/ru-en,*=/models/many"
            )
        folders[pair] = Path(folder).expanduser().absolute()
    return folders


def check(folder: Path) -> None:
    """Check that a folder holds a CTranslate2 model. Raises ConfigError that names the missing file."""
    if not (folder / "model.bin").is_file():
        raise ConfigError(f"KADR_TRANSLATION_MODEL: the folder {folder} has no model.bin of CTranslate2")
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZERS):
        raise ConfigError(
            f"KADR_TRANSLATION_MODEL: the folder {folder} has no tokenizer.json, and no source.spm with a target.spm"
        )


def _names(folder: Path, pair: tuple[str, str]) -> bool:
    """Whether a many-language model has both languages of the pair: their tokens are in its vocabulary."""
    vocabulary = folder / "shared_vocabulary.json"
    tokens = set(json.loads(vocabulary.read_bytes())) if vocabulary.is_file() else set()
    return {language_token(language) for language in pair} <= tokens


def language_token(language: str) -> str:
    """The token of a language in the vocabulary of many-language models (M2M100)."""
    return f"__{language}__"
