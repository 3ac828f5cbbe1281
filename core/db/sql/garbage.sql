-- name: due
-- Assets with an entry older than $1 seconds and no step under way but those that tidy up ($2). Nobody else gets them for
-- $4 seconds, which is also the pause after a failure.
UPDATE garbage SET visit_after = now() + $4 * interval '1 second'
WHERE id IN (
    SELECT g.id FROM garbage g
    WHERE g.at < now() - $1 * interval '1 second' AND g.visit_after < now()
      AND NOT EXISTS (
          SELECT FROM steps s
          WHERE s.asset_id = g.asset_id AND s.state IN ('queued', 'leased') AND s.kind <> ALL($2::text[])
      )
    ORDER BY g.at LIMIT $3
    FOR UPDATE SKIP LOCKED
)
RETURNING asset_id, now() - $1 * interval '1 second' AS cutoff;

-- name: asset
SELECT revision_id, provisional, status, source_key, source_sha256, options, deleted_at,
    EXISTS (
        SELECT FROM steps WHERE asset_id = $1 AND state IN ('queued', 'leased') AND kind <> ALL($2::text[])
    ) AS busy,
    (SELECT count(*) FROM steps WHERE asset_id = $1) AS steps,
    (SELECT max(finished_at) FROM steps WHERE asset_id = $1) AS last_step
FROM assets WHERE id = $1;

-- name: entries
SELECT id, released, at < $2 AS expired FROM garbage WHERE asset_id = $1 ORDER BY id;

-- name: tracks
SELECT made, wanted FROM tracks WHERE asset_id = $1;

-- name: pictures
SELECT album, chosen, wanted FROM pictures WHERE asset_id = $1;

-- name: read_by_steps
-- Of each of these kinds ($2) the newest step that is done, and those that were the newest at any time since $3.
SELECT kind, input, output FROM (
    SELECT kind, input, output, lead(finished_at) OVER (PARTITION BY kind ORDER BY created_at, id) AS replaced_at
    FROM steps WHERE asset_id = $1 AND state = 'done' AND kind = ANY($2::text[])
) ranked
WHERE replaced_at IS NULL OR replaced_at >= $3;

-- name: analysed
-- The inputs of the analyses of these runs ($2).
SELECT input FROM steps WHERE asset_id = $1 AND kind = 'analyse' AND state = 'done' AND input ->> 'run' = ANY($2::text[]);

-- name: retryable
-- What a retry would queue again (steps.retry), and, of a run that has published nothing, what its other steps have left.
WITH newest AS (
    SELECT id FROM steps
    WHERE asset_id = $1 AND kind = ANY($2::text[]) AND NOT input ? 'run'
    ORDER BY created_at DESC, id DESC LIMIT 1
), run AS (
    SELECT s.* FROM steps s JOIN newest ON COALESCE(s.input ->> 'run', s.id) = newest.id WHERE s.asset_id = $1
)
SELECT kind, state, input, output FROM run
WHERE state IN ('failed', 'dead') OR NOT EXISTS (SELECT FROM run WHERE kind = 'publish' AND state = 'done')
UNION ALL
SELECT kind, state, input, output FROM steps
WHERE asset_id = $1 AND state IN ('failed', 'dead') AND (
    kind = 'republish' OR (NOT input ? 'run' AND kind <> ALL($2::text[]))
);

-- name: growing
-- The objects of provisional revisions.
SELECT rendition, NULL AS sha256 FROM growing_renditions WHERE asset_id = $1 AND revision_id = ANY($2::text[])
UNION ALL
SELECT NULL, sha256 FROM growing_segments WHERE asset_id = $1 AND revision_id = ANY($2::text[]);

-- name: is_copied
-- Whether another asset's step, or dub, waits for the source of this one.
SELECT EXISTS (SELECT FROM steps WHERE state IN ('queued', 'leased') AND input ->> 'clip_of' = $1)
    OR EXISTS (SELECT FROM tracks WHERE status = 'queued' AND wanted ->> 'clip_of' = $1);

-- name: give_up_source
UPDATE assets SET source_key = NULL WHERE id = $1;

-- name: release_sources
-- Sources whose retention is over: from now on nothing new is made of them, and they are deleted like other garbage. A
-- title is ready without `ready_at` where a later run failed: that one began at `uploaded_at`.
WITH over AS (
    SELECT id FROM assets a
    WHERE source_key IS NOT NULL AND status = 'ready' AND deleted_at IS NULL
      AND COALESCE(ready_at, uploaded_at) < now() - $1 * interval '1 second'
      AND NOT EXISTS (
          SELECT FROM steps s
          WHERE s.asset_id = a.id AND s.state IN ('queued', 'leased') AND s.kind <> ALL($2::text[])
      )
    ORDER BY COALESCE(ready_at, uploaded_at) LIMIT $3
    FOR UPDATE SKIP LOCKED
), released AS (
    UPDATE assets SET source_key = NULL FROM over WHERE assets.id = over.id RETURNING assets.id, source_sha256
)
INSERT INTO garbage (asset_id, released) SELECT id, jsonb_build_object('source', source_sha256) FROM released
RETURNING asset_id;

-- name: forget_entries
DELETE FROM garbage WHERE id = ANY($1::bigint[]);

-- name: forget_segments
DELETE FROM growing_segments WHERE asset_id = $1 AND revision_id <> ALL($2::text[]);

-- name: forget_renditions
DELETE FROM growing_renditions WHERE asset_id = $1 AND revision_id <> ALL($2::text[]);

-- name: forget_growing
DELETE FROM growing_revisions WHERE asset_id = $1 AND id <> ALL($2::text[]);

-- name: forget_revisions
DELETE FROM revisions WHERE asset_id = $1 AND id <> ALL($2::text[]);

-- name: begin_patrol
-- The next stretch of this bucket, for one process; no row where it is not time.
INSERT INTO patrols (bucket, due_at) VALUES ($1, now() + $2 * interval '1 second')
ON CONFLICT (bucket) DO UPDATE SET due_at = EXCLUDED.due_at WHERE patrols.due_at <= now()
RETURNING after;

-- name: end_patrol
UPDATE patrols SET after = $2, due_at = now() + $3 * interval '1 second' WHERE bucket = $1;

-- name: unknown_assets
-- Which of these ids no asset has.
SELECT id FROM unnest($1::text[]) AS id WHERE NOT EXISTS (SELECT FROM assets a WHERE a.id = id.id);

-- name: useless_uploads
-- Which of these ids belong to no upload, or to one whose parts nobody will read again.
SELECT id FROM unnest($1::text[]) AS id WHERE NOT EXISTS (
    SELECT FROM uploads u JOIN assets a ON a.id = u.asset_id
    WHERE u.id = id.id AND a.deleted_at IS NULL AND (
        u.status = 'open'
        OR u.swept_at IS NULL OR u.swept_at > now() - $2 * interval '1 second'
        OR u.status = 'completed' AND NOT EXISTS (
            SELECT FROM steps s WHERE s.asset_id = u.asset_id AND s.kind = 'accept' AND s.state = 'done'
                AND s.input ->> 'upload_id' = u.id
        )
    )
);

-- name: insert_orphans
INSERT INTO orphans (bucket, folder) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING;

-- name: old_orphans
SELECT folder FROM orphans WHERE bucket = $1 AND seen_at < now() - $2 * interval '1 second' ORDER BY seen_at LIMIT $3;

-- name: count_orphans
SELECT (SELECT count(*) FROM orphans WHERE bucket = $1) AS orphans, (SELECT count(*) FROM assets) AS assets;

-- name: forget_orphans
DELETE FROM orphans WHERE bucket = $1 AND folder = ANY($2::text[]);
