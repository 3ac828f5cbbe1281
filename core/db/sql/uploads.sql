-- name: insert
INSERT INTO uploads (id, owner_id, asset_id, status, filename, content_type, size_bytes, part_size_bytes, sha256, expires_at)
VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, now() + $9 * interval '1 second')
RETURNING expires_at;

-- name: of_owner
SELECT * FROM uploads WHERE id = $1 AND owner_id = $2;

-- name: by_id
SELECT * FROM uploads WHERE id = $1;

-- name: of_asset
SELECT id FROM uploads WHERE asset_id = $1;

-- name: close
-- Once: whoever finds the row no longer open changes nothing.
UPDATE uploads SET status = $2, completed_at = CASE WHEN $2 = 'completed' THEN now() END
WHERE id = $1 AND status = 'open'
RETURNING id;

-- name: to_sweep
-- Expired uploads of any state whose parts have not been removed for good.
UPDATE uploads SET swept_at = now()
WHERE id IN (
    SELECT id FROM uploads WHERE swept_at IS NULL AND expires_at < now() ORDER BY expires_at LIMIT 100
    FOR UPDATE SKIP LOCKED
)
RETURNING id, asset_id;
