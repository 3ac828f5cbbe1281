-- Webhooks: where an owner's events are sent, what is owed to each endpoint, and every attempt at it.

CREATE TABLE webhook_endpoints (
    id               text PRIMARY KEY,
    owner_id         text NOT NULL REFERENCES owners (id),
    url              text NOT NULL,
    types            text[] NOT NULL,           -- as the owner wrote them: video.asset.*
    patterns         text[],                    -- the same for LIKE; NULL: every type
    description      text NOT NULL DEFAULT '',
    disabled_reason  text CHECK (disabled_reason IN ('owner', 'gone', 'failing')),  -- NULL: enabled
    failing_since    timestamptz,               -- the first failure after the last success
    failures         integer NOT NULL DEFAULT 0,-- since then
    throttled_until  timestamptz,               -- nothing is sent before: its server asked for a pause, or is away
    due_at           timestamptz,               -- when something is to be sent next; NULL: nothing is pending
    woken            bigint NOT NULL DEFAULT 0, -- grows whenever something becomes pending
    lease_token      uuid,                      -- of the dispatcher that sends to it
    lease_until      timestamptz,
    deleted_at       timestamptz,               -- its rows are then removed a few at a time
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_endpoints_by_owner ON webhook_endpoints (owner_id, id);
CREATE INDEX webhook_endpoints_due ON webhook_endpoints (due_at)
    WHERE due_at IS NOT NULL AND disabled_reason IS NULL AND deleted_at IS NULL;

-- The newest signs, and so does each other one until it expires. Wrapped by KADR_WEBHOOK_KEYS.
CREATE TABLE webhook_secrets (
    endpoint_id  text NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    kid          text NOT NULL,
    wrapped      bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz
);
CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (endpoint_id);

-- An event that is pending for an endpoint, or was sent to it. Ends with its event, after 30 days.
CREATE TABLE webhook_deliveries (
    position      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- the order in which events committed
    endpoint_id   text NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    event_id      text NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    subject_id    text NOT NULL,                -- events of one subject are sent in order: the asset
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts      integer NOT NULL DEFAULT 0,   -- since it was last asked for
    due_at        timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    delivered_at  timestamptz,
    UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, position);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, position) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_later ON webhook_deliveries (endpoint_id, due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_of_subject ON webhook_deliveries (endpoint_id, subject_id, position) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (endpoint_id, state, position);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_id);

CREATE TABLE webhook_attempts (
    delivery     bigint NOT NULL REFERENCES webhook_deliveries (position) ON DELETE CASCADE,
    at           timestamptz NOT NULL,
    duration_ms  integer NOT NULL,
    status       integer,                       -- of HTTP; NULL: there was no answer
    error        text,                          -- NULL: the event was taken
    answer       text NOT NULL                  -- the beginning of the response's body
);
CREATE INDEX webhook_attempts_of_delivery ON webhook_attempts (delivery, at);
