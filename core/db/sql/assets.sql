-- name: insert
-- Listed as its owner lists new assets.
INSERT INTO assets (
    id, owner_id, status, title, ref_type, ref_id, policy, language, options, metadata, allowed_domains, trace, listed
)
VALUES ($1, $2, $8, $3, $4, $5, $6, $7, $9, $10, $11, $12, (SELECT list_by_default FROM owners WHERE id = $2));

-- name: describe
-- The given fields of $2, a JSON object with names of columns; the others stay.
UPDATE assets a SET
    (description, tags, published_at, expires_at, listed, page_url, family_friendly, author) = (
        SELECT g.description, g.tags, g.published_at, g.expires_at, g.listed, g.page_url, g.family_friendly, g.author
        FROM jsonb_populate_record(a, $2) g
    )
WHERE id = $1 AND deleted_at IS NULL;

-- name: of_owner
-- One asset, for its owner only: another owner's id is as good as none.
SELECT * FROM asset_view WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL;

-- name: page
-- Every filter is optional. One of the four orders below follows, from the cursor on: the asset's id, and what is sorted by.
SELECT * FROM asset_view
WHERE owner_id = $1 AND deleted_at IS NULL
  AND ($3::text IS NULL OR status = $3)
  AND ($4::text IS NULL OR (ref_type = $4 AND ref_id = $5))
  AND ($6::text IS NULL OR position(lower($6) in lower(title)) > 0);

-- name: page_newest
AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $7;

-- name: page_oldest
AND ($2::text IS NULL OR id > $2) ORDER BY id LIMIT $7;

-- name: page_title
-- By code points, whatever the collation of the database.
AND ($2::text IS NULL OR (lower(left(title, 100)) COLLATE "C", id) > (lower($8::text) COLLATE "C", $2))
ORDER BY lower(left(title, 100)) COLLATE "C", id LIMIT $7;

-- name: page_longest
-- What has no duration yet comes last.
AND ($2::text IS NULL OR (COALESCE((summary ->> 'duration_s')::float8, -1), id) < ($8::float8, $2))
ORDER BY COALESCE((summary ->> 'duration_s')::float8, -1) DESC, id DESC LIMIT $7;

-- name: by_id
-- For workers: deleted ones, too, because deleting is work.
SELECT * FROM asset_view WHERE id = $1;

-- name: set_trace
UPDATE assets SET trace = $2 WHERE id = $1;

-- name: clear_error
UPDATE assets SET error = NULL WHERE id = $1;

-- name: under_way
-- Work on the asset begins (again): after an upload, a replacement, a retry, a reprocess. What is published stays.
UPDATE assets SET
    status = CASE WHEN revision_id IS NULL OR provisional THEN 'processing' ELSE 'playable' END,
    error = NULL,
    uploaded_at = now(), accepted_at = NULL, ready_at = NULL,
    playable_at = CASE WHEN revision_id IS NULL OR provisional THEN NULL ELSE now() END,
    revision_id = CASE WHEN provisional THEN NULL ELSE revision_id END,
    provisional = false
WHERE id = $1 AND deleted_at IS NULL;

-- name: accepted
UPDATE assets SET source_key = $2, source_sha256 = $3, source_bytes = $4, accepted_at = COALESCE(accepted_at, now())
WHERE id = $1;

-- name: probed
-- A new source: what was warned and advised of the old one no longer holds.
UPDATE assets SET source = $2, warnings = '[]', advice = '{}' WHERE id = $1;

-- name: warn
-- Add a warning once per code.
UPDATE assets SET warnings = warnings || $2
WHERE id = $1 AND NOT warnings @> jsonb_build_array(jsonb_build_object('code', $3::text));

-- name: advise
-- What was looked at ($2) is decided anew ($3).
UPDATE assets SET advice = ARRAY(SELECT code FROM unnest(advice) AS code WHERE code <> ALL ($2::text[])) || $3::text[]
WHERE id = $1;

-- name: errored
-- What was published before goes on being played: then the error is told beside it.
UPDATE assets SET
    status = CASE WHEN revision_id IS NULL OR provisional THEN 'errored' ELSE 'ready' END,
    error = $2
WHERE id = $1 AND deleted_at IS NULL
RETURNING owner_id;

-- name: analysis
SELECT result FROM analyses WHERE source_sha256 = $1 AND key = $2;

-- name: keep_analysis
INSERT INTO analyses (source_sha256, key, result) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: change
-- Only what is given.
UPDATE assets SET
    title = COALESCE($3, title),
    ref_type = CASE WHEN $4 THEN $5 ELSE ref_type END,
    ref_id = CASE WHEN $4 THEN $6 ELSE ref_id END,
    language = CASE WHEN $7 THEN $8 ELSE language END,
    metadata = COALESCE($9, metadata),
    policy = COALESCE($10, policy),
    allowed_domains = COALESCE($11, allowed_domains),
    chapters = CASE WHEN $12 THEN $13 ELSE chapters END
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL
RETURNING id;

-- name: delete
-- From here on nobody finds it; its objects go with the delete step.
UPDATE assets SET deleted_at = now() WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL RETURNING id;

-- name: take_down
UPDATE assets SET taken_down_at = CASE WHEN $3 THEN now() END
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL AND (taken_down_at IS NULL) = $3
RETURNING id;

-- name: delete_waiting
-- The asset of an upload that never came.
UPDATE assets SET deleted_at = now() WHERE id = $1 AND status = 'waiting' AND deleted_at IS NULL RETURNING id;

-- name: revoke_playback
DELETE FROM playback_ids WHERE asset_id = $1;
