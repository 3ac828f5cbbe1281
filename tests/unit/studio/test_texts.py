"""Every language has every text, with the same placeholders; the reader's language is chosen as RFC 9110 says."""

import re
from itertools import chain

import pytest

from studio import FOLDER
from studio.texts import DEFAULT, LANGUAGES, catalogue, language_of, text_in
from tests.documented import documented

# What docs/errors.md names beside codes: fields of answers, and a state of tracks. `errored` is a state and a code.
NO_CODES = frozenset(
    (
        "advice",
        "allowed_domains",
        "clip_of",
        "code",
        "detail",
        "domain",
        "doubtful",
        "error",
        "errors",
        "hint",
        "pointer",
        "reasons",
        "request_id",
        "skipped",
        "status",
        "title",
        "warnings",
    )
)
CODE = re.compile(r"(?:texts|text|words|#words|#first|tell|refuse|ask)\(\s*[\"'`]([a-z_.]+)[\"'`]")


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_texts(language: str) -> None:
    ours, english = catalogue(language), catalogue("en")
    assert list(ours) == list(english), "in the same order, so that they can be compared"
    assert {key: placeholders(text) for key, text in ours.items()} == {
        key: placeholders(text) for key, text in english.items()
    }
    assert all(text.strip() == text != "" for text in ours.values())


def test_every_text_that_is_asked_for_exists() -> None:
    folders = ("player", "pages", "captions", "record")
    scripts = chain.from_iterable(FOLDER.glob(f"{folder}/*.ts") for folder in folders)
    sources = chain(scripts, FOLDER.glob("templates/**/*.html"))
    asked = {key for path in sources for key in CODE.findall(path.read_text("utf-8"))}
    assert len(asked) > 10
    beginnings = {key for key in asked if key.endswith(".")}  # of keys that end in a code or a state
    assert asked - beginnings <= set(catalogue(DEFAULT))
    assert all(any(key.startswith(one) for key in catalogue(DEFAULT)) for one in beginnings)


def test_every_code_is_explained_to_owners() -> None:
    explained = {key.removeprefix("code.") for key in catalogue(DEFAULT) if key.startswith("code.")}
    assert explained == documented() - NO_CODES
    assert documented() >= NO_CODES, "docs/errors.md no longer names all of them"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_player_can_load_every_language(language: str) -> None:
    assert f'import("texts:{language}")' in (FOLDER / "player" / "texts.ts").read_text("utf-8")


def test_placeholders_are_filled() -> None:
    assert text_in("en")("player.play_title", title="{Fractions}") == "Play: {Fractions}"
    with pytest.raises(KeyError):
        text_in("en")("player.no_such_text")


@pytest.mark.parametrize(
    ("header", "wanted", "language"),
    [
        ("", None, "en"),
        ("ru", None, "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", None, "ru"),
        ("en;q=0.5,ru;q=0.7", None, "ru"),
        ("de-DE,de;q=0.9,ru;q=0.1", None, "ru"),
        ("de", None, "en"),
        ("ru;q=0", None, "en"),
        ("RU", None, "ru"),
        ("ru;q=x", None, "en"),
        ("ru", "en", "en"),
        ("en", "ru", "ru"),
        ("ru", "xx", "ru"),
    ],
)
def test_language(header: str, wanted: str | None, language: str) -> None:
    assert language_of(header, wanted) == language


def test_every_error_of_sending_has_a_text() -> None:
    """Those that Kadr has not answered, which are none of docs/errors.md."""
    sources = "".join(path.read_text("utf-8") for path in FOLDER.glob("upload/*.ts"))
    codes = set(re.findall(r'new UploadError\(\s*"(\w+)"', sources))
    texts = {key.removeprefix("uploads.error.") for key in catalogue("en") if key.startswith("uploads.error.")}
    assert len(codes) > 3
    assert codes == texts
