-- name: insert
-- The first one stays: whoever comes second reads it.
INSERT INTO content_keys (asset_id, kid, wrapped) VALUES ($1, $2, $3) ON CONFLICT (asset_id) DO NOTHING;

-- name: read
SELECT kid, wrapped FROM content_keys WHERE asset_id = $1;
