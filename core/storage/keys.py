"""Object keys in the two buckets: the only place that builds them. Pure.

No key lies below another object's key, and none holds `//`: file-backed S3 servers cannot store those.
Media objects are named by their own SHA-256, so writing one twice, or by a worker that lost its lease, changes nothing.
"""

from core.model import AssetId, RevisionId, UploadId

# One folder per upload in the uploads bucket, and one per asset in the media bucket.
UPLOADS = "uploads/"
ASSETS = "assets/"


def upload_prefix(upload_id: UploadId) -> str:
    """The prefix of all parts of an upload in the uploads bucket."""
    return f"{UPLOADS}{upload_id}/"


def upload_part(upload_id: UploadId, number: int) -> str:
    """Part `number` (from 1) of an upload, an object of its own in the uploads bucket."""
    return f"{upload_prefix(upload_id)}{number:05d}"


def asset_prefix(asset_id: AssetId) -> str:
    """Prefix of all objects of an asset in the media bucket."""
    return f"{ASSETS}{asset_id}/"


def asset_of(key: str) -> AssetId | None:
    """The asset whose object a key names; None for any other key."""
    name, below, _ = key.removeprefix(ASSETS).partition("/")
    return AssetId(name) if below and key.startswith(ASSETS) else None


def source(asset_id: AssetId, sha256: str) -> str:
    """The accepted upload, which only workers read."""
    return f"{asset_prefix(asset_id)}source/{sha256}"


def media_object(asset_id: AssetId, sha256: str) -> str:
    """A segment, init segment, playlist or other object named by its SHA-256 (hex).

    All are in one folder: creating sibling folders in parallel stalls some file-backed servers (rclone 1.75, 1 PUT in
    1,000).
    """
    return f"{asset_prefix(asset_id)}objects/{sha256}"


def public_prefix(asset_id: AssetId) -> str:
    """URL path prefix of all files of an asset, for CDNs and purges."""
    return f"/v/{asset_id}/"


def revision_manifest(asset_id: AssetId, revision_id: RevisionId) -> str:
    """The manifest object of a revision: path -> size, hash, type and key of every file in it."""
    return f"{asset_prefix(asset_id)}revisions/{revision_id}.json"
