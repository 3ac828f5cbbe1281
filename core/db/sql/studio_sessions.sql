-- name: insert
INSERT INTO studio_sessions (sha256, owner_id, key_prefix, expires_at)
VALUES ($1, $2, $3, now() + $4 * interval '1 second');

-- name: by_digest
-- A session that was made from an API key ends with it.
SELECT s.owner_id, o.name AS owner_name, s.key_prefix, s.expires_at, s.last_used_at < now() - interval '1 minute' AS idle
FROM studio_sessions s
JOIN owners o ON o.id = s.owner_id
LEFT JOIN api_keys k ON k.prefix = s.key_prefix
WHERE s.sha256 = $1 AND s.expires_at > now() AND k.revoked_at IS NULL;

-- name: touch
UPDATE studio_sessions SET last_used_at = now() WHERE sha256 = $1;

-- name: end
DELETE FROM studio_sessions WHERE sha256 = $1;

-- name: end_all
DELETE FROM studio_sessions WHERE owner_id = $1 RETURNING sha256;

-- name: forget_expired
-- For the reconciler.
DELETE FROM studio_sessions WHERE expires_at <= now();
