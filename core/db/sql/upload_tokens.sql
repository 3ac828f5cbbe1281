-- name: insert
INSERT INTO upload_tokens (sha256, owner_id, key_prefix, title, ref_type, ref_id, policy, language, origins, max_size_bytes,
                           expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: by_digest
-- A token that was made with an API key ends with it.
SELECT t.sha256, t.owner_id, t.title, t.ref_type, t.ref_id, t.policy, t.language, t.origins, t.max_size_bytes,
       t.expires_at <= now() AS expired, t.upload_id, u.asset_id
FROM upload_tokens t
LEFT JOIN uploads u ON u.id = t.upload_id
LEFT JOIN api_keys k ON k.prefix = t.key_prefix
WHERE t.sha256 = $1 AND k.revoked_at IS NULL;

-- name: lock
-- Of creations at the same time one goes on; the others wait here and find its upload. Without a join: who has waited
-- reads this row anew, and rows that are joined to it as they were before.
SELECT upload_id, request_hash FROM upload_tokens WHERE sha256 = $1 FOR UPDATE;

-- name: upload_status
SELECT status FROM uploads WHERE id = $1;

-- name: record
UPDATE upload_tokens SET upload_id = $2, request_hash = $3 WHERE sha256 = $1;

-- name: forget_expired
-- For the reconciler. For a day an expired token is told from an unknown one.
DELETE FROM upload_tokens WHERE expires_at <= now() - interval '24 hours';
