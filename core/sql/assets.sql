-- name: insert
INSERT INTO assets (id, owner_id, status, title, ref_type, ref_id, policy, language)
VALUES ($1, $2, 'waiting', $3, $4, $5, $6, $7);

-- name: of_owner
-- One asset, for its owner only: another owner's id is as good as none.
SELECT a.*, r.summary FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id
WHERE a.id = $1 AND a.owner_id = $2;

-- name: page
-- Newest first, below the cursor.
SELECT a.*, r.summary FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id
WHERE a.owner_id = $1 AND ($2::text IS NULL OR a.id < $2)
ORDER BY a.id DESC LIMIT $3;

-- name: by_id
SELECT a.*, r.summary FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id
WHERE a.id = $1;

-- name: uploaded
-- The upload is complete: from here on it is never lost.
UPDATE assets SET status = 'processing', uploaded_at = now() WHERE id = $1 AND status = 'waiting';

-- name: accepted
UPDATE assets SET source_key = $2, source_sha256 = $3, source_bytes = $4, accepted_at = COALESCE(accepted_at, now())
WHERE id = $1;

-- name: probed
UPDATE assets SET source = $2 WHERE id = $1;

-- name: warn
-- Add a warning once per code.
UPDATE assets SET warnings = warnings || $2
WHERE id = $1 AND NOT warnings @> jsonb_build_array(jsonb_build_object('code', $3::text));

-- name: errored
UPDATE assets SET status = 'errored', error = $2 WHERE id = $1 AND status <> 'ready';

-- name: insert_revision
INSERT INTO revisions (id, asset_id, summary) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: publish
-- The one pointer flip.
UPDATE assets SET
    revision_id = $2, status = 'ready', error = NULL,
    playable_at = COALESCE(playable_at, now()), ready_at = now()
WHERE id = $1;
