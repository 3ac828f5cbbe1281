-- The write door in full: idempotency, events, deletion, pulls from a URL, replacing a source.

ALTER TABLE assets ADD COLUMN deleted_at timestamptz;

-- One row per asset as its owner sees it, steps and playback ids included: one read per request.
CREATE VIEW asset_view AS
SELECT a.*, r.summary,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object('kind', s.kind, 'state', s.state, 'progress', s.progress,
                                            'attempts', s.attempts) ORDER BY s.created_at, s.id)
        FROM steps s WHERE s.asset_id = a.id
    ), '[]') AS steps,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object('id', p.id, 'policy', p.policy) ORDER BY p.id)
        FROM playback_ids p WHERE p.asset_id = a.id
    ), '[]') AS playback_ids
FROM assets a LEFT JOIN revisions r ON r.asset_id = a.id AND r.id = a.revision_id;

CREATE INDEX assets_by_ref ON assets (owner_id, ref_type, ref_id) WHERE ref_type IS NOT NULL;
CREATE INDEX uploads_by_asset ON uploads (asset_id);

-- Once an upload has expired whatever still lies in storage for it is removed, whatever became of it.
ALTER TABLE uploads ADD COLUMN swept_at timestamptz;
CREATE INDEX uploads_to_sweep ON uploads (expires_at) WHERE swept_at IS NULL;

CREATE TABLE idempotency_keys (
    owner_id      text NOT NULL REFERENCES owners (id),
    key           text NOT NULL,
    request_hash  text NOT NULL,
    resource      text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- The outbox: every event in the transaction of its fact. `transaction` lets readers stop before what may still commit.
CREATE TABLE events (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id           text NOT NULL UNIQUE,
    owner_id     text NOT NULL REFERENCES owners (id),
    type         text NOT NULL,
    object_type  text NOT NULL,
    object_id    text NOT NULL,
    payload      jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_by_object ON events (object_id, position);

CREATE TABLE outbox_cursors (
    consumer     text PRIMARY KEY,
    transaction  xid8 NOT NULL,
    position     bigint NOT NULL
);
