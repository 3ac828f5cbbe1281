-- Delivery: what may not be watched any more, whatever token is shown for it.

-- "session:...", "viewer:{owner}:...", "playback:pb_...", "asset:as_...": core.revocations names them.
CREATE TABLE revocations (
    subject     text PRIMARY KEY,
    until       timestamptz NOT NULL,   -- from then on no token that was signed before is valid anyhow
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocations_by_end ON revocations (until);

ALTER TABLE assets
    ADD COLUMN taken_down_at timestamptz,                  -- kept, and shown to nobody
    ADD COLUMN tracks_version integer NOT NULL DEFAULT 0;  -- grows with each change of a track: is it published?

-- Tracks that were added to a title: subtitles, and sound in another language.
CREATE TABLE tracks (
    id          text PRIMARY KEY,
    asset_id    text NOT NULL REFERENCES assets (id),
    kind        text NOT NULL,                       -- subtitles, captions, audio
    language    text NOT NULL,                       -- BCP 47
    name        text NOT NULL,
    status      text NOT NULL,                       -- processing, ready, skipped, errored
    generated   boolean NOT NULL DEFAULT false,      -- by a machine, and not touched by a person since
    version     integer NOT NULL DEFAULT 1,          -- grows with each change: its ETag
    wanted      jsonb,                               -- where a sound comes from: {"url": ...} or {"clip_of": asset}
    made        jsonb,                               -- {"text": sha256 of the WebVTT} or {"rendition": ...}
    error       jsonb,                               -- why not: {code, message, hint}
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tracks_by_asset ON tracks (asset_id, id);

-- The keys of encrypted titles, wrapped: core.content_keys.
CREATE TABLE content_keys (
    asset_id    text PRIMARY KEY REFERENCES assets (id),
    kid         text NOT NULL,                       -- of the wrapping key
    wrapped     bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
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
    ), '[]') AS tracks
FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id;
