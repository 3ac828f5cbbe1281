-- name: claim
-- The first of equal requests gets the row; the others wait here for its transaction to end.
INSERT INTO idempotency_keys (owner_id, key, request_hash) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING key;

-- name: known
SELECT request_hash, resource FROM idempotency_keys WHERE owner_id = $1 AND key = $2;

-- name: record
UPDATE idempotency_keys SET resource = $3 WHERE owner_id = $1 AND key = $2;

-- name: forget_old
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';
