-- name: insert
INSERT INTO tracks (id, asset_id, kind, language, name, status, source, wanted, made)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: of_owner
SELECT t.* FROM track_view t JOIN assets a ON a.id = t.asset_id
WHERE t.id = $1 AND t.asset_id = $2 AND a.owner_id = $3 AND a.deleted_at IS NULL;

-- name: by_id
SELECT * FROM track_view WHERE id = $1;

-- name: of_asset
-- In the order they were added, which is that of their ids.
SELECT * FROM track_view WHERE asset_id = $1 ORDER BY id;

-- name: change
-- Only from the version it was read at: no row when somebody else was quicker. A person's words are not a machine's; the
-- words that were heard are kept beside them.
UPDATE tracks SET
    made = CASE WHEN $3::jsonb IS NULL THEN made ELSE COALESCE(made, '{}') || $3 END,
    name = COALESCE($4, name), language = COALESCE($5, language), reviewed = COALESCE($6, reviewed),
    source = CASE WHEN $3::jsonb IS NULL OR source = 'uploaded' THEN source ELSE 'edited' END,
    status = CASE WHEN $3::jsonb IS NULL THEN status ELSE 'ready' END,
    error = CASE WHEN $3::jsonb IS NULL THEN error END,
    version = version + 1, updated_at = now()
WHERE id = $1 AND version = $2
RETURNING id;

-- name: again
-- What is there is shown until it is made again.
UPDATE tracks SET status = 'queued', wanted = $3, error = NULL, version = version + 1, updated_at = now()
WHERE id = $1 AND version = $2 AND status <> 'queued'
RETURNING id;

-- name: source_replaced
-- Another upload: what was heard in the old one is made again, but no person's work.
UPDATE tracks SET
    status = 'queued', made = NULL, error = NULL, wanted = wanted || jsonb_build_object('again', $2::text),
    version = version + 1, updated_at = now()
WHERE asset_id = $1 AND source IN ('generated', 'translated') AND NOT reviewed AND status <> 'queued'
    AND wanted IS NOT NULL AND wanted ->> 'again' IS DISTINCT FROM $2;

-- name: embedded_elsewhere
-- What lay in an upload that was replaced.
DELETE FROM tracks WHERE asset_id = $1 AND source = 'embedded' AND wanted ->> 'upload' IS DISTINCT FROM $2
RETURNING id;

-- name: made
-- A step has made it. It may have been removed, or written by a person, meanwhile. A language nobody told is what was
-- heard.
UPDATE tracks SET
    made = COALESCE(made, '{}') || $2, status = 'ready', error = NULL, reviewed = false,
    language = CASE WHEN language = 'und' THEN COALESCE($3, language) ELSE language END,
    name = CASE WHEN language = 'und' AND name = $4 THEN COALESCE($5, name) ELSE name END,
    source = COALESCE($6, source), model = $7, language_probability = $8,
    version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'queued'
RETURNING id;

-- name: not_made
-- Where there is something of before, that stays, and the error is told beside it.
UPDATE tracks SET
    status = CASE WHEN made IS NULL THEN $2 ELSE 'ready' END, error = $3, version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'queued'
RETURNING status;

-- name: remove
DELETE FROM tracks WHERE id = $1 AND version = $2 RETURNING id;

-- name: stop
-- Nobody waits for it any more: take it from whoever works on it.
UPDATE steps SET state = 'dead', lease_token = NULL, lease_until = NULL, finished_at = now(),
    error = '{"code": "deleted", "message": "nobody waits for the track"}'
WHERE asset_id = $1 AND state IN ('queued', 'leased') AND input ->> 'track' = $2;

-- name: waiting
-- Those that can be made once the title is there.
SELECT id, kind, wanted FROM tracks WHERE asset_id = $1 AND status = 'queued';

-- name: changed
-- Something of its tracks changed. What is published must be published again, if it is the final revision.
UPDATE assets SET tracks_version = tracks_version + 1 WHERE id = $1
RETURNING tracks_version, (revision_id IS NOT NULL AND NOT provisional AND deleted_at IS NULL) AS published, owner_id;

-- name: is_published
-- Waits for a publication that is being written just now: it does not see a track that is not written yet.
SELECT revision_id IS NOT NULL AND NOT provisional AND deleted_at IS NULL FROM assets WHERE id = $1 FOR UPDATE;

-- name: published_version
SELECT tracks_version FROM assets WHERE id = $1 FOR UPDATE;
