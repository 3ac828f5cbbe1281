-- name: insert
INSERT INTO sign_in_links (sha256, owner_id, expires_at)
SELECT $1, id, now() + $3 * interval '1 second' FROM owners WHERE id = $2
RETURNING owner_id;

-- name: owner_name
SELECT o.name FROM sign_in_links l JOIN owners o ON o.id = l.owner_id WHERE l.sha256 = $1 AND l.expires_at > now();

-- name: use
-- Once: of two at the same time one finds the row.
DELETE FROM sign_in_links WHERE sha256 = $1 AND expires_at > now() RETURNING owner_id;

-- name: withdraw
DELETE FROM sign_in_links WHERE owner_id = $1;

-- name: forget_expired
-- For the reconciler.
DELETE FROM sign_in_links WHERE expires_at <= now();
