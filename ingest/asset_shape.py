"""A row of an asset -> what its owner sees. No I/O."""

from datetime import datetime
from fractions import Fraction
from typing import Any

from core.assets import Asset
from core.model import AssetStatus, PlaybackId, Policy
from ingest import shapes
from ingest.context import Context
from ingest.playback import play_url, sign

# How much of an asset's way each kind of step is.
_WEIGHTS = {"accept": 0.1, "fetch": 0.1, "probe": 0.05, "plan": 0.0, "encode": 0.8, "publish": 0.05}


def shown(context: Context, asset: Asset) -> shapes.AssetShape:
    """The asset with its progress and where it can be watched now."""
    summary = asset.summary or {}
    video = asset.source["video"] if asset.source else None
    url = watch = None
    if asset.revision_id and asset.playback_ids:
        first = PlaybackId(asset.playback_ids[0]["id"])
        signed = None
        if asset.playback_ids[0]["policy"] == Policy.SIGNED:
            signed = sign(context, first, context.settings.playback_token_ttl_s)[1]
        url = play_url(context, first, signed)
        watch = f"{context.settings.origin_base}/watch/{first}" + (f"?token={signed}" if signed else "")
    steps = [
        shapes.StepShape(
            kind=step["kind"], state=step["state"], progress=round(step["progress"], 3), attempts=step["attempts"]
        )
        for step in asset.steps
    ]
    return shapes.AssetShape(
        id=asset.id,
        status=asset.status,
        progress=_progress(asset),
        steps=steps,
        title=asset.title,
        ref=shapes.RefShape(type=asset.ref_type, id=asset.ref_id or "") if asset.ref_type else None,
        policy=asset.policy,
        language=asset.language,
        duration_s=summary.get("duration_s"),
        aspect_ratio=_aspect(video) if video else None,
        source=asset.source,
        renditions=summary.get("renditions", []),
        tracks=[],
        poster_url=None,
        storyboard_url=None,
        preview_url=None,
        downloads=[],
        playback_ids=[shapes.PlaybackIdShape.model_validate(entry) for entry in asset.playback_ids],
        playback_url=url,
        watch_url=watch,
        warnings=[shapes.Warned.model_validate(warning) for warning in asset.warnings],
        error=shapes.Failure.model_validate(asset.error) if asset.error else None,
        timings=_timings(asset),
        created_at=asset.created_at,
    )


def _aspect(video: dict[str, Any]) -> str:
    """In lowest terms, as in "16:9"."""
    ratio = Fraction(video["shown_width"], video["shown_height"])
    return f"{ratio.numerator}:{ratio.denominator}"


def _progress(asset: Asset) -> float:
    """0..1 over the newest step of each kind."""
    if asset.status is AssetStatus.READY:
        return 1.0
    newest: dict[str, Any] = {step["kind"]: step["progress"] for step in asset.steps}
    done: float = sum(_WEIGHTS.get(kind, 0.0) * progress for kind, progress in newest.items())
    return round(min(1.0, done), 3)


def _timings(asset: Asset) -> shapes.Timings:
    def since(moment: datetime | None) -> float | None:
        if moment is None or asset.uploaded_at is None:
            return None
        return round((moment - asset.uploaded_at).total_seconds(), 3)

    return shapes.Timings(
        accepted_s=since(asset.accepted_at), playable_s=since(asset.playable_at), ready_s=since(asset.ready_at)
    )
