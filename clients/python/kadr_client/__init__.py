"""Async client of Kadr: uploads that resume, assets, playback tokens, events, webhooks.

    async with Kadr(api_url, api_key) as kadr:
        asset = await kadr.upload("clip.mp4", title="Lesson 1")
        asset = await kadr.wait(asset["id"])

Answers are the JSON of the API as typed dicts (`kadr_client.shapes`); every error is a KadrError.
"""

from kadr_client.client import Kadr
from kadr_client.errors import ApiError, AssetErrored, KadrError, NoAnswer, UploadError, WebhookError
from kadr_client.events import EventFeed
from kadr_client.shapes.asset import Asset
from kadr_client.shapes.event import Delivery, DeliveryDetails, Event, NewWebhookEndpoint, WebhookEndpoint
from kadr_client.shapes.upload import Part, PlaybackToken, Upload, UploadToken
from kadr_client.version import __version__
from kadr_client.webhooks import sign_webhook, verify_webhook

__all__ = [
    "ApiError",
    "Asset",
    "AssetErrored",
    "Delivery",
    "DeliveryDetails",
    "Event",
    "EventFeed",
    "Kadr",
    "KadrError",
    "NewWebhookEndpoint",
    "NoAnswer",
    "Part",
    "PlaybackToken",
    "Upload",
    "UploadError",
    "UploadToken",
    "WebhookEndpoint",
    "WebhookError",
    "__version__",
    "sign_webhook",
    "verify_webhook",
]
