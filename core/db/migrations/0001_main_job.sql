-- The tables of the main job. PostgreSQL is the truth: an asset's facts and the steps that owe it work live here.

CREATE TABLE owners (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    prefix         text PRIMARY KEY,
    owner_id       text NOT NULL REFERENCES owners (id),
    secret_sha256  bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    revoked_at     timestamptz
);

CREATE TABLE assets (
    id             text PRIMARY KEY,
    owner_id       text NOT NULL REFERENCES owners (id),
    status         text NOT NULL CHECK (status IN ('waiting', 'processing', 'playable', 'ready', 'errored')),
    title          text NOT NULL,
    ref_type       text,
    ref_id         text,
    policy         text NOT NULL CHECK (policy IN ('public', 'signed')),
    language       text,
    source_key     text,
    source_sha256  text,
    source_bytes   bigint,
    source         jsonb,             -- transcode.source.Source
    warnings       jsonb NOT NULL DEFAULT '[]',
    revision_id    text,              -- the published revision: one pointer, flipped once per publication
    error          jsonb,             -- {code, message, hint}
    created_at     timestamptz NOT NULL DEFAULT now(),
    uploaded_at    timestamptz,
    accepted_at    timestamptz,
    playable_at    timestamptz,
    ready_at       timestamptz
);
CREATE INDEX assets_by_owner ON assets (owner_id, id DESC);

CREATE TABLE uploads (
    id               text PRIMARY KEY,
    owner_id         text NOT NULL REFERENCES owners (id),
    asset_id         text NOT NULL REFERENCES assets (id),
    status           text NOT NULL CHECK (status IN ('open', 'completed', 'aborted', 'expired')),
    filename         text NOT NULL,
    content_type     text,
    size_bytes       bigint NOT NULL CHECK (size_bytes > 0),
    part_size_bytes  bigint NOT NULL CHECK (part_size_bytes > 0),
    sha256           text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    completed_at     timestamptz
);

CREATE TABLE playback_ids (
    id          text PRIMARY KEY,
    asset_id    text NOT NULL REFERENCES assets (id),
    policy      text NOT NULL CHECK (policy IN ('public', 'signed')),
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX playback_ids_by_asset ON playback_ids (asset_id);

CREATE TABLE revisions (
    id          text NOT NULL,
    asset_id    text NOT NULL REFERENCES assets (id),
    summary     jsonb NOT NULL,       -- packager.revision.Summary: renditions and duration, for the API
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset_id, id)
);

CREATE TABLE steps (
    id             text PRIMARY KEY,
    asset_id       text NOT NULL REFERENCES assets (id),
    kind           text NOT NULL,
    input_hash     text NOT NULL,
    input          jsonb NOT NULL,
    state          text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'leased', 'done', 'failed', 'dead')),
    due_at         timestamptz NOT NULL DEFAULT now(),
    lease_token    uuid,
    lease_until    timestamptz,
    leased_by      text,
    attempts       integer NOT NULL DEFAULT 0,   -- our failures
    interruptions  integer NOT NULL DEFAULT 0,   -- deploys, crashes, lost leases
    hard_deaths    integer NOT NULL DEFAULT 0,   -- the media child crashed
    progress       real NOT NULL DEFAULT 0,
    output         jsonb,
    error          jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    finished_at    timestamptz,
    UNIQUE (asset_id, kind, input_hash),
    CHECK ((state = 'leased') = (lease_token IS NOT NULL))
);
CREATE INDEX steps_claimable ON steps (due_at, id) WHERE state = 'queued';
CREATE INDEX steps_leased ON steps (lease_until) WHERE state = 'leased';
