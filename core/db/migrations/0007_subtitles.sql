-- Subtitles that are made here, beside those a person brings: core.tracks.
ALTER TABLE tracks
    ADD COLUMN source text NOT NULL DEFAULT 'uploaded',   -- uploaded, embedded, generated, translated, edited
    ADD COLUMN reviewed boolean NOT NULL DEFAULT false,   -- a person has read it and left it
    ADD COLUMN model text,                                -- what generated or translated it
    ADD COLUMN language_probability double precision;     -- how sure the model is; null where its owner said it
UPDATE tracks SET source = 'generated' WHERE generated;
UPDATE tracks SET status = 'queued' WHERE status = 'processing';

-- A track that waits for a step which is being worked on is in progress, as far as that step is.
CREATE VIEW track_view AS
SELECT t.id, t.asset_id, t.kind, t.language, t.language_probability, t.name, t.source, t.reviewed, t.model, t.version,
    t.wanted, t.made, t.error, t.created_at, t.updated_at,
    CASE WHEN s.progress IS NULL THEN t.status ELSE 'in_progress' END AS status,
    CASE WHEN t.status = 'queued' THEN COALESCE(s.progress, 0)::float8 END AS progress,
    t.source IN ('generated', 'translated') AS generated
FROM tracks t LEFT JOIN LATERAL (
    SELECT max(progress) AS progress FROM steps
    WHERE asset_id = t.asset_id AND state = 'leased' AND input ->> 'track' = t.id
) s ON t.status = 'queued';

DROP VIEW asset_view;
ALTER TABLE tracks DROP COLUMN generated;
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
                                            'status', t.status, 'progress', t.progress, 'source', t.source,
                                            'generated', t.generated, 'model', t.model, 'reviewed', t.reviewed,
                                            'etag', format('"%s"', t.version), 'error', t.error) ORDER BY t.id)
        FROM track_view t WHERE t.asset_id = a.id
    ), '[]') AS tracks,
    (SELECT to_jsonb(p) FROM pictures p WHERE p.asset_id = a.id) AS pictures
FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id;
