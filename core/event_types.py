"""The catalogue of events: every type that Kadr writes, what it is about, and the shape of its data.

In: a type's name, or a pattern of names. Out: its model, whose docstring is its summary; whether a pattern names it.
Events are thin: they say what has changed, and whoever needs more reads the object again.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

ALL = "*"  # the pattern of every type
_PREFIX = ".*"  # ends the pattern of every type that begins with what stands before


class EventData(BaseModel):
    """The data of an event. Each subclass is a type of event: its name, and the kind of object it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type: ClassVar[str]
    object_type: ClassVar[str]


class FailureData(BaseModel):
    """Why something failed: a stable code of docs/errors.md, a message, and a hint what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str = Field(description="Stable code of the error")
    message: str = Field(description="What is wrong, in a sentence")
    hint: str = Field(description="What can be done about it")


class _AboutUpload(EventData):
    object_type = "upload"
    asset_id: str = Field(description="Id of the asset that the upload is for")


class UploadCreated(_AboutUpload):
    """An upload was opened: its parts can be sent."""

    type = "video.upload.created"


class UploadCompleted(_AboutUpload):
    """All bytes of an upload are there, and processing begins."""

    type = "video.upload.completed"


class UploadAborted(_AboutUpload):
    """An open upload was aborted by its owner."""

    type = "video.upload.aborted"


class UploadExpired(_AboutUpload):
    """An upload was not completed in time."""

    type = "video.upload.expired"


class _AboutAsset(EventData):
    object_type = "asset"


class AssetCreated(_AboutAsset):
    """An asset was created, and waits for its file or is being processed."""

    type = "video.asset.created"
    title: str | None = Field(description="Title of the asset")


class AssetPlayable(_AboutAsset):
    """An asset can be watched, while its other renditions are still being made."""

    type = "video.asset.playable"
    revision: str = Field(description="Id of the published revision")


class AssetReady(_AboutAsset):
    """An asset is complete: all its renditions are published. Emitted again when its source file is replaced."""

    type = "video.asset.ready"
    revision: str = Field(description="Id of the published revision")
    duration_s: float = Field(description="Duration in seconds")


class AssetErrored(_AboutAsset):
    """An asset could not be processed. The previously published version remains available."""

    type = "video.asset.errored"
    error: FailureData


class AssetDeleted(_AboutAsset):
    """An asset was deleted, by its owner or with an upload that never came: nobody can watch it any more."""

    type = "video.asset.deleted"


class TrackEvent(EventData):
    """An event of a subtitle, caption or audio track."""

    object_type = "track"
    asset_id: str = Field(description="Id of the asset that the track belongs to")


class TrackReady(TrackEvent):
    """A track has new content: uploaded, generated, or edited by a person. Viewers get it with the next revision."""

    type = "video.track.ready"


class TrackChanged(TrackEvent):
    """A track without content yet has another name or language, or was marked as reviewed."""

    type = "video.track.changed"


class TrackRemoved(TrackEvent):
    """A track was removed."""

    type = "video.track.removed"


class TrackSkipped(TrackEvent):
    """A track cannot be made on this installation, or there is nothing to make it from; the track's error says why."""

    type = "video.track.skipped"


class TrackErrored(TrackEvent):
    """A track could not be made; the track's error says why. What it had before stays."""

    type = "video.track.errored"


class PosterChanged(_AboutAsset):
    """An asset shows another poster: of its file, chosen by a person, or the winner of an experiment."""

    type = "video.poster.changed"
    poster: str | None = Field(description="Version of the poster; null where there is none any more")
    experiment: str | None = Field(default=None, description="Id of the experiment that has decided")
    winner: str | None = Field(default=None, description="Id of the candidate that has won the experiment")


class PosterErrored(_AboutAsset):
    """The poster that a person chose could not be made. The current poster stays."""

    type = "video.poster.errored"
    error: FailureData


class ListingChanged(_AboutAsset):
    """The public page of an asset was listed for search engines, has changed while listed, or is no longer listed."""

    type = "video.listing.changed"
    listed: bool = Field(description="Whether the sitemap names the page now")
    url: str = Field(description="URL of the page")


class _AboutWebhookEndpoint(EventData):
    object_type = "webhook_endpoint"


class WebhookEndpointTest(_AboutWebhookEndpoint):
    """A test that the owner asked for, sent to this one endpoint."""

    type = "webhook_endpoint.test"


class WebhookEndpointDisabled(_AboutWebhookEndpoint):
    """Kadr no longer sends events to a webhook endpoint."""

    type = "webhook_endpoint.disabled"
    reason: Literal["gone", "failing"] = Field(
        description="gone: the endpoint answered 410. failing: no delivery has succeeded for too long"
    )


def _by_name(types: Iterable[type[EventData]]) -> Mapping[str, type[EventData]]:
    return MappingProxyType({one.type: one for one in types})


EVENT_TYPES = _by_name((
    UploadCreated, UploadCompleted, UploadAborted, UploadExpired,
    AssetCreated, AssetPlayable, AssetReady, AssetErrored, AssetDeleted,
    TrackReady, TrackChanged, TrackRemoved, TrackSkipped, TrackErrored,
    PosterChanged, PosterErrored, ListingChanged,
    WebhookEndpointTest, WebhookEndpointDisabled,
))  # fmt: skip


def stored(data: EventData) -> dict[str, Any]:
    """The data as it is written. Raises ValueError for a type that the catalogue does not have."""
    if EVENT_TYPES.get(data.type) is not type(data):
        raise ValueError(f"{data.type} is no event of the catalogue")
    return data.model_dump(mode="json")


def matches(pattern: str, event_type: str) -> bool:
    """Whether a pattern names this type: the type itself, a prefix of it with `.*`, or `*`."""
    if pattern.endswith(_PREFIX):
        return event_type.startswith(pattern.removesuffix("*"))
    return pattern in (ALL, event_type)


def like_patterns(patterns: Iterable[str]) -> list[str] | None:
    """The same patterns for LIKE, each once; None where one of them names every type."""
    names = sorted(set(patterns))
    if ALL in names:
        return None
    return [re.sub(r"[_%\\]", r"\\\g<0>", name).replace("*", "%") for name in names]


def require_known(pattern: str) -> None:
    """Raises ValueError, with the types there are, for a pattern that names none of them."""
    if not any(matches(pattern, known) for known in EVENT_TYPES):
        raise ValueError(
            f"{pattern!r} matches no event type. Use an exact type, a prefix such as video.asset.*, or *. "
            f"The types: {', '.join(EVENT_TYPES)}"
        )
