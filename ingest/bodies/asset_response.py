"""Converts a row of an asset to the API's AssetShape. No I/O."""

from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from typing import Any

from core.db.assets import ABOUT, Asset
from core.media import advice
from core.model import AssetStatus, PlaybackId, Policy, StepKind
from core.step_kinds import ON_THE_WAY, TRAITS
from ingest.bodies import responses
from ingest.bodies.picture_urls import PictureUrls, known, of_pictures
from ingest.context import Context
from ingest.play_urls import embed_url, play_url, sign, watch_url
from packager.encryption import encryption_from_json
from transcode.plan.options import downloads_from_json, options_from_json


def shown(context: Context, asset: Asset) -> responses.AssetShape:
    """The asset as its owner sees it, with progress and playback URLs."""
    summary = asset.summary or {}
    video = asset.source["video"] if asset.source else None
    url = watch = embed = None
    downloads: list[responses.DownloadShape] = []
    if asset.revision_id and asset.playback_ids and asset.taken_down_at is None:
        first = PlaybackId(asset.playback_ids[0]["id"])
        signed = None
        if asset.playback_ids[0]["policy"] == Policy.SIGNED:
            signed = sign(context, first, context.settings.playback_token_ttl_s)[1]
        url = play_url(context, first, signed)
        watch, embed = watch_url(context, first, signed), embed_url(context, first, signed)
        downloads = [
            responses.DownloadShape(url=play_url(context, first, signed, entry["name"]), **entry)
            for entry in summary.get("downloads", [])
        ]
    steps = [
        responses.StepShape(
            kind=step["kind"], state=step["state"], progress=round(step["progress"], 3), attempts=step["attempts"]
        )
        for step in asset.steps
    ]
    return responses.AssetShape(
        id=asset.id,
        status=asset.status,
        progress=1.0 if asset.status is AssetStatus.READY else progress(asset.steps),
        steps=steps,
        title=asset.title,
        ref=responses.RefShape(type=asset.ref_type, id=asset.ref_id or "") if asset.ref_type else None,
        policy=asset.policy,
        language=asset.language,
        metadata=asset.metadata,
        allowed_domains=asset.allowed_domains,
        chapters=[responses.ChapterShape.model_validate(entry) for entry in asset.chapters or ()],
        **{name: getattr(asset, name) for name in ABOUT},
        options=_options(asset.options),
        duration_s=summary.get("duration_s"),
        aspect_ratio=_aspect(video, summary.get("renditions", [])) if video else None,
        source=asset.source,
        renditions=_renditions(summary),
        left_out=summary.get("told", {}).get("left_out", []),
        tracks=[_track(track) for track in asset.tracks],
        **of_pictures(known(asset), PictureUrls.of(context, asset)),
        downloads=downloads,
        playback_ids=[responses.PlaybackIdShape.model_validate(entry) for entry in asset.playback_ids],
        playback_url=url,
        watch_url=watch,
        embed_url=embed,
        warnings=[responses.Warned.model_validate(warning) for warning in asset.warnings],
        advice=[responses.Advised.model_validate(one) for one in advice.told(asset.advice)],
        error=responses.Failure.model_validate(asset.error) if asset.error else None,
        timings=_timings(asset),
        created_at=asset.created_at,
        taken_down_at=asset.taken_down_at,
    )


def narrowed(shape: responses.AssetShape) -> responses.UploadedAsset:
    """The asset as the bearer of its upload token sees it."""
    return responses.UploadedAsset(**{name: getattr(shape, name) for name in responses.UploadedAsset.model_fields})


def _track(track: dict[str, Any]) -> responses.TrackShape:
    """A track as the asset lists it: without its text, which has a route of its own."""
    return responses.TrackShape.model_validate({name: value for name, value in track.items() if name != "version"})


def _renditions(summary: dict[str, Any]) -> list[responses.RenditionShape]:
    """The published renditions, each video with why it is there; an earlier release has not stored that."""
    told = summary.get("told", {}).get("rungs", {})
    return [responses.RenditionShape(**one, **told.get(one["id"], {})) for one in summary.get("renditions", [])]


def _aspect(video: dict[str, Any], renditions: list[dict[str, Any]]) -> str:
    """Aspect ratio in lowest terms, such as "16:9": that of the upload, or of the crop where the video is reframed."""
    ratio = Fraction(video["shown_width"], video["shown_height"])
    shown = next((Fraction(one["width"], one["height"]) for one in renditions if one["kind"] == "video"), ratio)
    if shown < 1 < ratio:
        ratio = shown.limit_denominator(16)
    return f"{ratio.numerator}:{ratio.denominator}"


def _options(stored: dict[str, Any]) -> responses.OptionsShape:
    """The stored options, with defaults for omitted ones."""
    options = options_from_json(stored)
    clip, mark = None, options.watermark
    if options.start_s > 0 or options.end_s is not None:
        end_s = None if options.end_s is None else float(options.end_s)
        clip = responses.ClipShape(start_s=float(options.start_s), end_s=end_s)
    return responses.OptionsShape(
        profile=options.profile,
        codec=options.codec,
        effort=options.effort,
        ladder=options.ladder,
        clip=clip,
        watermark=responses.WatermarkShape(**asdict(mark)) if mark else None,
        reframe=options.reframe,
        posters=stored.get("posters"),
        subtitles=stored.get("subtitles"),
        encryption=encryption_from_json(stored),
        downloads=downloads_from_json(stored),
    )


def progress(steps: list[dict[str, Any]]) -> float:
    """Progress 0..1 of the newest run; `steps` are those of asset_view, oldest first.

    It never decreases within a run: a kind counts from the start for as long as a step of it may still be enqueued, and
    a kind that turns out not to be needed only reduces the total.
    """
    newest: dict[StepKind, list[dict[str, Any]]] = {}
    runs = list(dict.fromkeys(step["run"] for step in steps if step["kind"] in ON_THE_WAY))
    for step in steps:
        if step["kind"] in ON_THE_WAY and step["run"] == runs[-1]:
            newest.setdefault(StepKind(step["kind"]), []).append(step)
    open_kinds: set[StepKind] = set()
    weights: dict[StepKind, float] = {}
    for kind in ON_THE_WAY:
        found = newest.get(kind)
        if (
            any(step["state"] != "done" for step in found)
            if found
            else not open_kinds.isdisjoint(TRAITS[kind].queued_by)
        ):
            open_kinds.add(kind)
        if found or kind in open_kinds:
            weights[kind] = TRAITS[kind].progress_weight
    if StepKind.ENCODE not in weights and StepKind.FIRST_RUNG in newest:
        weights[StepKind.FIRST_RUNG] += TRAITS[StepKind.ENCODE].progress_weight  # one rung is all there is
    total = sum(weights.values())
    done = sum(weights[kind] * _done(kind, of_kind) for kind, of_kind in newest.items())
    return round(done / total, 3) if total else 0.0


def _done(kind: StepKind, steps: list[dict[str, Any]]) -> float:
    """Progress 0..1 of the steps of one kind in one run."""
    shares = [1.0 if step["state"] == "done" else float(step["progress"]) for step in steps]
    if kind is StepKind.FIRST_RUNG and any(step["state"] != "done" for step in steps):
        # Each chunk enqueues the next one, so their number is not known: approach 1.
        return sum(shares) / (sum(shares) + 1)
    return sum(shares) / len(shares)


def _timings(asset: Asset) -> responses.Timings:
    def since(moment: datetime | None) -> float | None:
        if moment is None or asset.uploaded_at is None:
            return None
        return round((moment - asset.uploaded_at).total_seconds(), 3)

    return responses.Timings(
        accepted_s=since(asset.accepted_at), playable_s=since(asset.playable_at), ready_s=since(asset.ready_at)
    )
