-- name: insert
INSERT INTO tracks (id, asset_id, kind, language, name, status, generated, wanted, made)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: of_owner
SELECT t.* FROM tracks t JOIN assets a ON a.id = t.asset_id
WHERE t.id = $1 AND t.asset_id = $2 AND a.owner_id = $3 AND a.deleted_at IS NULL;

-- name: by_id
SELECT * FROM tracks WHERE id = $1;

-- name: of_asset
-- In the order they were added, which is that of their ids.
SELECT * FROM tracks WHERE asset_id = $1 ORDER BY id;

-- name: change
-- Only from the version it was read at: no row when somebody else was quicker. A person's words are not generated.
UPDATE tracks SET
    made = COALESCE($3, made), name = COALESCE($4, name), language = COALESCE($5, language),
    generated = generated AND $3 IS NULL,
    status = CASE WHEN $3 IS NULL THEN status ELSE 'ready' END, error = NULL,
    version = version + 1, updated_at = now()
WHERE id = $1 AND version = $2
RETURNING *;

-- name: made
-- A step has made it. It may have been removed, or written by a person, meanwhile.
UPDATE tracks SET made = $2, status = 'ready', error = NULL, version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'processing'
RETURNING id;

-- name: not_made
UPDATE tracks SET status = $2, error = $3, version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'processing'
RETURNING id;

-- name: remove
DELETE FROM tracks WHERE id = $1 AND version = $2 RETURNING id;

-- name: waiting
-- Those that can be made once the title is there.
SELECT id FROM tracks WHERE asset_id = $1 AND status = 'processing' AND kind = 'audio';

-- name: changed
-- Something of its tracks changed. What is published must be published again, if it is the final revision.
UPDATE assets SET tracks_version = tracks_version + 1 WHERE id = $1
RETURNING tracks_version, (revision_id IS NOT NULL AND NOT provisional AND deleted_at IS NULL) AS published, owner_id;

-- name: published_version
SELECT tracks_version FROM assets WHERE id = $1 FOR UPDATE;
