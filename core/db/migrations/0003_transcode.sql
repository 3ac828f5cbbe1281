-- The transcode engine: options of an asset, provisional revisions that grow while they are watched, kept analyses.

ALTER TABLE assets
    ADD COLUMN options jsonb NOT NULL DEFAULT '{}',            -- profile, codec, effort, ladder, clip, watermark
    ADD COLUMN provisional boolean NOT NULL DEFAULT false;     -- revision_id is one that only bridges the wait

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
    ), '[]') AS playback_ids
FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id;

-- A revision that is watched while it is made. It is shown once every rendition it waits for has a segment.
CREATE TABLE growing_revisions (
    asset_id    text NOT NULL REFERENCES assets (id),
    id          text NOT NULL,
    facts       jsonb NOT NULL,      -- core.growing.Facts
    PRIMARY KEY (asset_id, id)
);
CREATE TABLE growing_renditions (
    asset_id     text NOT NULL,
    revision_id  text NOT NULL,
    id           text NOT NULL,
    rendition    jsonb NOT NULL,     -- core.media.Rendition without segments
    ended        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (asset_id, revision_id, id),
    FOREIGN KEY (asset_id, revision_id) REFERENCES growing_revisions (asset_id, id)
);
CREATE TABLE growing_segments (
    asset_id      text NOT NULL,
    revision_id   text NOT NULL,
    rendition_id  text NOT NULL,
    number        integer NOT NULL,
    sha256        text NOT NULL,
    size_bytes    bigint NOT NULL,
    duration      bigint NOT NULL,   -- in the rendition's timescale
    PRIMARY KEY (asset_id, revision_id, rendition_id, number),
    FOREIGN KEY (asset_id, revision_id, rendition_id) REFERENCES growing_renditions (asset_id, revision_id, id)
);

-- What was measured of a source, by its content and by what measured it: the same file again is not measured again.
CREATE TABLE analyses (
    source_sha256  text NOT NULL,
    key            text NOT NULL,
    result         jsonb NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_sha256, key)
);
