"""ingest.titles: what an asset is called by its file's name or URL."""

import pytest

from ingest.titles import of_filename, of_url


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("film.mp4", "film"),
        ("IMG_0001.MOV", "IMG_0001"),
        ("a.b.webm", "a.b"),
        ("stream.264", "stream"),
        ("002. 1.1 Exploring Linux", "002. 1.1 Exploring Linux"),
        ("002. 1.1 Exploring Linux.mp4", "002. 1.1 Exploring Linux"),
        ("Release 2.0", "Release 2.0"),
        ("Dr. Strangelove", "Dr. Strangelove"),
        ("lesson.final", "lesson.final"),
        ("course/002. 1.1 Intro.m4v", "002. 1.1 Intro"),
        (".mp4", ".mp4"),
        ("film", "film"),
        ("  film .mp4", "film"),
        ("...", "..."),
    ],
)
def test_a_filename(filename: str, title: str) -> None:
    assert of_filename(filename) == title


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://a.test/film.mp4", "film"),
        ("https://a.test/film.mp4?X-Signature=abc.mov#t", "film"),
        ("https://a.test/002.%201.1%20Exploring%20Linux.mp4", "002. 1.1 Exploring Linux"),
        ("https://a.test/v/2.0/", "2.0"),
        ("https://a.test/a%2Fb%00c.mp4", "a b c"),
        ("https://a.test/%C3%BCber.mp4", "über"),
        ("https://a.test", ""),
        ("https://a.test/%20", ""),
    ],
)
def test_a_url(url: str, title: str) -> None:
    assert of_url(url) == title
