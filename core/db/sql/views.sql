-- Every view of the database. `kadr migrate` drops them before it applies new migrations and creates them again after the
-- last one, so that a migration may change any column without repeating a view.

-- name: drop
DROP VIEW IF EXISTS asset_view, track_view, poster_standing, listed_assets;

-- name: create
-- A queued track whose step is leased is in progress, and has the progress of that step.
CREATE VIEW track_view AS
SELECT t.id, t.asset_id, t.kind, t.language, t.language_probability, t.name, t.source, t.reviewed, t.model, t.version,
    t.wanted, t.made, t.error, t.created_at, t.updated_at,
    CASE WHEN s.progress IS NULL THEN t.status ELSE 'in_progress' END AS status,
    CASE WHEN t.status = 'queued' THEN COALESCE(s.progress, 0)::float8 END AS progress,
    t.source IN ('generated', 'translated') AS generated,
    -- Once a person has seen to the text, nothing of it is in doubt.
    CASE WHEN t.source = 'edited' OR t.reviewed THEN '[]' ELSE COALESCE(t.made -> 'doubtful', '[]') END AS doubtful
FROM tracks t LEFT JOIN LATERAL (
    SELECT max(progress) AS progress FROM steps
    WHERE asset_id = t.asset_id AND state = 'leased' AND input ->> 'track' = t.id
) s ON t.status = 'queued';

-- One row per asset as its owner sees it, with steps, playback ids, tracks and pictures: one read per request.
CREATE VIEW asset_view AS
SELECT a.*, r.summary,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object('kind', s.kind, 'state', s.state, 'progress', s.progress,
                                            'attempts', s.attempts, 'run', COALESCE(s.input ->> 'run', s.id))
                         ORDER BY s.created_at, s.id)
        FROM steps s WHERE s.asset_id = a.id
    ), '[]') AS steps,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object('id', p.id, 'policy', p.policy) ORDER BY p.id)
        FROM playback_ids p WHERE p.asset_id = a.id
    ), '[]') AS playback_ids,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object('id', t.id, 'kind', t.kind, 'language', t.language,
                                            'language_probability', t.language_probability, 'name', t.name,
                                            'forced', COALESCE((t.made ->> 'forced')::boolean, false),
                                            'warnings', COALESCE(t.made -> 'warnings', '[]'),
                                            'doubtful', t.doubtful,
                                            'status', t.status, 'progress', t.progress, 'source', t.source,
                                            'generated', t.generated, 'model', t.model, 'reviewed', t.reviewed,
                                            'etag', format('"%s"', t.version), 'error', t.error) ORDER BY t.id)
        FROM track_view t WHERE t.asset_id = a.id
    ), '[]') AS tracks,
    (SELECT to_jsonb(p) FROM pictures p WHERE p.asset_id = a.id) AS pictures
FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id;

-- The titles that public surfaces may name: the conditions of core/listing.py. `playback_id` is the one they are named by,
-- `poster` their largest image.
CREATE VIEW listed_assets AS
SELECT a.*, a.id AS asset_id, named.id AS playback_id, left(md5(a.chapters::text), 12) AS chapters_version, r.summary,
    COALESCE(p.chosen -> 'poster', p.album -> 'candidates' -> 0 -> 'poster') -> 'images' -> 0 AS poster
FROM assets a
JOIN LATERAL (
    SELECT i.id FROM playback_ids i WHERE i.asset_id = a.id AND i.policy = 'public' ORDER BY i.id LIMIT 1
) named ON true
JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id
JOIN pictures p ON p.asset_id = a.id AND p.has_poster
WHERE a.listed AND a.revision_id IS NOT NULL AND NOT a.provisional
    AND a.deleted_at IS NULL AND a.taken_down_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > now());

-- What the poster experiment of an asset depends on. `held`: a person has chosen or is choosing, which always wins.
CREATE VIEW poster_standing AS
SELECT a.id AS asset_id, a.owner_id, own.is_on AS own_switch,
    COALESCE(own.is_on, everybody.is_on, false) AS is_on,
    COALESCE(p.chosen IS NOT NULL OR p.wanted IS NOT NULL, false) AS held,
    COALESCE((SELECT array_agg(c ->> 'id' ORDER BY n)
              FROM jsonb_array_elements(p.album -> 'candidates') WITH ORDINALITY AS listed (c, n)),
             '{}') AS candidates
FROM assets a
LEFT JOIN poster_switches own ON own.subject = a.id
LEFT JOIN poster_switches everybody ON everybody.subject = a.owner_id
LEFT JOIN pictures p ON p.asset_id = a.id
WHERE a.deleted_at IS NULL;
