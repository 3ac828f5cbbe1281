-- Pictures of a title: what a worker found, and what its owner chose. A choice outlives whatever is found later.
CREATE TABLE pictures (
    asset_id    text PRIMARY KEY REFERENCES assets (id),
    made_of     text,                                -- what it was found in, and how: made again only where this changes
    album       jsonb,                               -- candidates, storyboard, preview: core.pictures.Album
    chosen      jsonb,                               -- by a person: core.pictures.Choice
    wanted      jsonb,                               -- a choice that is being made: {"time_s": "1.5"} or {"own": sha256}
    error       jsonb,                               -- why the last one could not be: {code, message, hint}
    version     integer NOT NULL DEFAULT 1,          -- grows with each change
    updated_at  timestamptz NOT NULL DEFAULT now()
);

DROP VIEW asset_view;
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
        SELECT jsonb_agg(jsonb_build_object('id', t.id, 'kind', t.kind, 'language', t.language, 'name', t.name,
                                            'status', t.status, 'generated', t.generated, 'version', t.version,
                                            'error', t.error) ORDER BY t.id)
        FROM tracks t WHERE t.asset_id = a.id
    ), '[]') AS tracks,
    (SELECT to_jsonb(p) FROM pictures p WHERE p.asset_id = a.id) AS pictures
FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id;
