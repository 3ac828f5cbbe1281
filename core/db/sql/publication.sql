-- name: tracks_version
SELECT tracks_version FROM assets WHERE id = $1;

-- name: insert_revision
INSERT INTO revisions (id, asset_id, summary) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: publish
-- The one pointer flip. `playable_after_s`: how long the owner has waited, where this makes the title playable.
UPDATE assets SET
    revision_id = $2, status = 'ready', error = NULL, provisional = false,
    playable_at = COALESCE(playable_at, now()), ready_at = now(), published_at = COALESCE(published_at, now())
WHERE id = $1 AND deleted_at IS NULL
RETURNING owner_id, CASE WHEN playable_at = now() THEN extract(epoch FROM now() - uploaded_at)::float8 END AS playable_after_s;

-- name: republish
-- The same media with other tracks. Not where something newer was published meanwhile.
UPDATE assets SET revision_id = $2
WHERE id = $1 AND revision_id = $3 AND NOT provisional AND deleted_at IS NULL
RETURNING owner_id;

-- name: publish_provisional
-- Something to watch until the ladder is there. Never in place of a revision that was ready.
UPDATE assets SET
    revision_id = $2, status = 'playable', provisional = true, playable_at = COALESCE(playable_at, now())
WHERE id = $1 AND deleted_at IS NULL AND status = 'processing' AND (revision_id IS NULL OR provisional)
RETURNING owner_id, CASE WHEN playable_at = now() THEN extract(epoch FROM now() - uploaded_at)::float8 END AS playable_after_s;
