"""Request bodies of playback ids, tokens and revocations."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.model import Policy
from core.tokens.playback_token import Limits
from ingest.bodies.domain import DOMAIN_TEXT, Domain
from ingest.bodies.fields import Body, Country, Network, Viewer, example
from ingest.bodies.text import Text

LONGEST_TOKEN_S = 7 * 86400


class NewPlaybackId(Body):
    """POST /v1/assets/{asset_id}/playback_ids: the policy of a new playback id."""

    model_config = example({"policy": "signed"})

    policy: Policy = Field(description="public: anybody may play it; signed: only with a token for each viewer")


class NewToken(Body):
    """POST /v1/playback_ids/{playback_id}/token: lifetime and restrictions of a token."""

    model_config = example({"ttl_s": 600, "viewer": "user-17", "max_sessions": 2})

    ttl_s: int | None = Field(
        default=None, ge=1, le=LONGEST_TOKEN_S, description="For how long a session can be started"
    )
    session_s: int | None = Field(
        default=None,
        ge=1,
        description="For how long a session lasts, from its first request on, renewals included; "
        "default and maximum: KADR_RENEWAL_S of the server",
    )
    viewer: Viewer | None = None
    max_sessions: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Concurrent sessions of this viewer. One that has left does not count, and can read its files "
        "until their token expires",
    )
    domain: Domain | None = Field(default=None, description=DOMAIN_TEXT)
    ip: Network | None = Field(default=None, description="An IP address, or a network in CIDR notation")
    country: Country | None = None

    @model_validator(mode="after")
    def _check_viewer(self) -> Self:
        if self.max_sessions is not None and self.viewer is None:
            raise PydanticCustomError("viewer_missing", "max_sessions requires viewer")
        return self

    def limits(self) -> Limits:
        """The restrictions that the token carries."""
        return Limits(
            viewer=self.viewer, max_sessions=self.max_sessions, domain=self.domain, ip=self.ip, country=self.country
        )


class NewRevocation(Body):
    """POST /v1/playback_ids/{playback_id}/revocations: one session, or one viewer of all your videos. Exactly one."""

    model_config = example({"viewer": "user-17"})

    session: (
        Annotated[
            str, Text(pattern=r"^[0-9a-f]{16}$", form="the session of a token's answer", example="0123456789abcdef")
        ]
        | None
    ) = Field(default=None, description="A session, as the answer with its token named it")
    viewer: Viewer | None = None

    @model_validator(mode="after")
    def _check_subject(self) -> Self:
        if (self.session is None) == (self.viewer is None):
            raise PydanticCustomError("who", "give exactly one of session and viewer")
        return self
