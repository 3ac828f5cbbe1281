"""An upload as the database has it, for tests that need no database."""

from datetime import UTC, datetime, timedelta

from core.db.uploads import Upload, part_size
from core.model import AssetId, OwnerId, UploadId, UploadStatus
from core.settings import MIB


def upload_of(
    size_bytes: int, *, smallest_part_bytes: int = 16 * MIB, status: UploadStatus = UploadStatus.OPEN
) -> Upload:
    """An upload of this size, begun now, whose URLs are good for a day."""
    now = datetime.now(UTC)
    return Upload(
        id=UploadId("up_1"),
        owner_id=OwnerId("ow_1"),
        asset_id=AssetId("as_1"),
        status=status,
        filename="a.mp4",
        content_type=None,
        size_bytes=size_bytes,
        part_size_bytes=part_size(size_bytes, smallest_part_bytes),
        sha256=None,
        created_at=now,
        expires_at=now + timedelta(days=1),
        completed_at=now if status is UploadStatus.COMPLETED else None,
        swept_at=None,
    )
