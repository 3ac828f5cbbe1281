-- name: ensure_owner
-- The first owner runs the installation.
INSERT INTO owners (id, name, is_admin) VALUES ($1, $2, NOT EXISTS (SELECT FROM owners)) ON CONFLICT DO NOTHING;

-- name: ensure_key
INSERT INTO api_keys (prefix, owner_id, secret_sha256) VALUES ($1, $2, $3) ON CONFLICT (prefix) DO NOTHING;

-- name: by_prefix
SELECT owner_id, secret_sha256 FROM api_keys WHERE prefix = $1 AND revoked_at IS NULL;

-- name: by_id
SELECT id, name, list_by_default, is_admin FROM owners WHERE id = $1;

-- name: list_by_default
UPDATE owners SET list_by_default = $2 WHERE id = $1;
