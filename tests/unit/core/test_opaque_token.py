"""Opaque tokens: their form says what they are for, and what is stored does not give them away."""

import pytest

from core.tokens.opaque_token import TokenKind, digest_of, is_token, new_token


@pytest.mark.parametrize("kind", TokenKind)
def test_a_new_token_is_of_its_kind_alone(kind: TokenKind) -> None:
    token = new_token(kind)
    assert token != new_token(kind)
    assert [other for other in TokenKind if is_token(other, token)] == [kind]


@pytest.mark.parametrize("text", ["", "ut_", f"ut_{'a' * 42}", f"ut_{'a' * 44}", f"ut_{'a' * 42}.", f"ut_{'a' * 42}é"])
def test_other_forms(text: str) -> None:
    assert not is_token(TokenKind.UPLOAD, text)
    assert is_token(TokenKind.UPLOAD, f"ut_{'a' * 43}")


def test_the_digest_is_of_all_of_it() -> None:
    assert digest_of(f"ut_{'a' * 43}") != digest_of(f"ss_{'a' * 43}")
    assert len(digest_of("x")) == 32
