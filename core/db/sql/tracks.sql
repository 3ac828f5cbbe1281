-- name: lock
-- Whoever changes tracks holds the asset first, so that no two wait for each other. Rows may still refer to it.
SELECT id FROM assets WHERE id = $1 FOR NO KEY UPDATE;

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
-- words that were heard are kept beside them. To vouch for what is there is to want no other.
UPDATE tracks SET
    made = CASE WHEN $3::jsonb IS NULL THEN made ELSE COALESCE(made, '{}') || $3 END,
    name = COALESCE($4, name), language = COALESCE($5, language), reviewed = COALESCE($6, reviewed),
    source = CASE WHEN $3::jsonb IS NULL OR source = 'uploaded' THEN source ELSE 'edited' END,
    status = CASE WHEN $3::jsonb IS NOT NULL OR $6 AND made IS NOT NULL THEN 'ready' ELSE status END,
    error = CASE WHEN $3::jsonb IS NULL THEN error END,
    version = version + 1, updated_at = now()
WHERE id = $1 AND version = $2
RETURNING status;

-- name: again
-- What is there is shown until it is made again.
UPDATE tracks SET status = 'queued', wanted = $3, error = NULL, version = version + 1, updated_at = now()
WHERE id = $1 AND version = $2 AND status <> 'queued'
RETURNING id;

-- name: shown_before
-- The upload of which the title was made before this publication.
SELECT a.input ->> 'source' FROM steps p
JOIN steps a ON a.asset_id = p.asset_id AND a.input ->> 'run' = p.input ->> 'run'
    AND a.kind = 'analyse' AND a.state = 'done'
WHERE p.asset_id = $1 AND p.kind = 'publish' AND p.state = 'done' AND p.id <> $2
ORDER BY p.created_at DESC, p.id DESC LIMIT 1;

-- name: worked_on
-- Whether a step has made a track of this asset, or was to.
SELECT EXISTS (SELECT FROM steps WHERE asset_id = $1 AND input ? 'track');

-- name: source_replaced
-- Another upload is shown, or is to be: what was heard in the old one is made again, but no person's work; and what is
-- being made begins anew.
UPDATE tracks SET
    status = 'queued', error = NULL, wanted = wanted || jsonb_build_object('again', $2::text),
    made = CASE WHEN source IN ('generated', 'translated') AND NOT reviewed THEN NULL ELSE made END,
    version = version + 1, updated_at = now()
WHERE asset_id = $1 AND wanted IS NOT NULL
    AND (status = 'queued' OR source IN ('generated', 'translated') AND NOT reviewed)
RETURNING id;

-- name: embedded_elsewhere
-- What lay in an upload that was replaced; $2 is shown, and a newer one may be on its way.
DELETE FROM tracks USING assets
WHERE assets.id = $1 AND asset_id = $1 AND tracks.source = 'embedded'
    AND wanted ->> 'upload' IS DISTINCT FROM $2 AND wanted ->> 'upload' IS DISTINCT FROM source_sha256
RETURNING tracks.id;

-- name: made
-- A step has made it. It may have been removed, written by a person, or wanted again ($9) meanwhile. A language nobody
-- told is what was heard.
UPDATE tracks SET
    made = COALESCE(made, '{}') || $2, status = 'ready', error = NULL, reviewed = false,
    language = CASE WHEN language = 'und' THEN COALESCE($3, language) ELSE language END,
    name = CASE WHEN language = 'und' AND name = $4 THEN COALESCE($5, name) ELSE name END,
    source = COALESCE($6, source), model = $7, language_probability = $8,
    version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'queued' AND wanted ->> 'again' IS NOT DISTINCT FROM $9
RETURNING id;

-- name: not_made
-- Where there is something of before, that stays, and the error is told beside it.
UPDATE tracks SET
    status = CASE WHEN made IS NULL THEN $2 ELSE 'ready' END, error = $3, version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'queued' AND wanted ->> 'again' IS NOT DISTINCT FROM $4
RETURNING status;

-- name: remove
DELETE FROM tracks WHERE id = $1 AND version = $2 RETURNING id;

-- name: stop
-- Nobody waits for these any more: take them from whoever works on them. Who is just ending one is not waited for, who
-- waits for the asset: that work finds the track changed.
UPDATE steps SET state = 'dead', lease_token = NULL, lease_until = NULL, finished_at = now(),
    error = '{"code": "deleted", "message": "nobody waits for the track"}'
WHERE id IN (
    SELECT id FROM steps WHERE asset_id = $1 AND state IN ('queued', 'leased') AND input ->> 'track' = ANY($2::text[])
    FOR UPDATE SKIP LOCKED
);

-- name: waiting
-- Those that can be made once the title is there, and the kind of step that makes each: a translation when its original
-- is no longer waited for. Not those whose step has begun before the title was there.
SELECT id, wanted, CASE
    WHEN kind = 'audio' THEN 'dub' WHEN wanted ? 'translate' THEN 'translate' ELSE 'transcribe'
END AS step FROM tracks t
WHERE asset_id = $1 AND status = 'queued' AND NOT EXISTS (
    SELECT 1 FROM tracks o
    WHERE o.asset_id = t.asset_id AND o.id = t.wanted -> 'translate' ->> 'from' AND o.status = 'queued'
) AND NOT EXISTS (
    SELECT 1 FROM steps s
    WHERE s.asset_id = t.asset_id AND s.state IN ('queued', 'leased') AND s.input ? 'plan'
        AND s.input ->> 'track' = t.id AND s.input ->> 'again' IS NOT DISTINCT FROM t.wanted ->> 'again'
)
ORDER BY id;

-- name: changed
-- Something of its tracks changed. What is published must be published again, if it is the final revision.
UPDATE assets SET tracks_version = tracks_version + 1 WHERE id = $1
RETURNING tracks_version, (revision_id IS NOT NULL AND NOT provisional AND deleted_at IS NULL) AS published, owner_id;

-- name: is_published
-- Waits for a publication that is being written just now: it does not see a track that is not written yet.
SELECT revision_id IS NOT NULL AND NOT provisional AND deleted_at IS NULL FROM assets WHERE id = $1 FOR NO KEY UPDATE;

-- name: published_version
SELECT tracks_version FROM assets WHERE id = $1 FOR NO KEY UPDATE;
