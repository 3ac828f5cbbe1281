-- name: insert
INSERT INTO uploads (id, owner_id, asset_id, status, filename, content_type, size_bytes, part_size_bytes, sha256, expires_at)
VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, now() + $9 * interval '1 second')
RETURNING expires_at;

-- name: of_owner
SELECT * FROM uploads WHERE id = $1 AND owner_id = $2;

-- name: by_id
SELECT * FROM uploads WHERE id = $1;

-- name: complete
-- Once: a second call finds no open row and changes nothing.
UPDATE uploads SET status = 'completed', completed_at = now() WHERE id = $1 AND status = 'open' RETURNING id;
