-- name: insert
INSERT INTO uploads (id, owner_id, asset_id, status, filename, content_type, size_bytes, part_size_bytes, sha256, expires_at)
VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, now() + $9 * interval '1 second')
RETURNING expires_at;

-- name: of_owner
SELECT u.*, a.trace FROM uploads u JOIN assets a ON a.id = u.asset_id WHERE u.id = $1 AND u.owner_id = $2;

-- name: by_id
SELECT u.*, a.trace FROM uploads u JOIN assets a ON a.id = u.asset_id WHERE u.id = $1;

-- name: of_asset
SELECT id FROM uploads WHERE asset_id = $1;

-- name: close
-- Once: whoever finds the row no longer open changes nothing.
UPDATE uploads SET status = $2, completed_at = CASE WHEN $2 = 'completed' THEN now() END
WHERE id = $1 AND status = 'open'
RETURNING id;

-- name: to_sweep
-- Expired uploads of any state whose parts have not been removed for good: swept when they expire and, for PUTs that were
-- under way then, again after each interval of $1, of which the last is the one in the index.
UPDATE uploads u SET swept_at = now()
WHERE id IN (
    SELECT id FROM uploads
    WHERE expires_at < now() AND (swept_at IS NULL OR swept_at - expires_at < interval '168 hours')
      AND (swept_at IS NULL OR EXISTS (
          SELECT FROM unnest($1::interval[]) AS after
          WHERE swept_at < expires_at + after AND expires_at + after < now()
      ))
    ORDER BY expires_at LIMIT 100
    FOR UPDATE SKIP LOCKED
)
RETURNING id, asset_id, (SELECT count(*) FROM unnest($1::interval[]) AS after WHERE u.expires_at + after < now()) AS round;
