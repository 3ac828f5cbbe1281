-- The way in for browsers: studio sessions, the links that begin one, and tokens for one upload. Of each secret only the
-- SHA-256 is stored.

CREATE TABLE studio_sessions (
    sha256        bytea PRIMARY KEY,
    owner_id      text NOT NULL REFERENCES owners (id),
    key_prefix    text REFERENCES api_keys (prefix) ON DELETE CASCADE,  -- it ends with this key; NULL: made from a link
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL
);
CREATE INDEX studio_sessions_by_owner ON studio_sessions (owner_id);
CREATE INDEX studio_sessions_by_expiry ON studio_sessions (expires_at);

-- Using a link deletes its row.
CREATE TABLE sign_in_links (
    sha256      bytea PRIMARY KEY,
    owner_id    text NOT NULL REFERENCES owners (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sign_in_links_by_owner ON sign_in_links (owner_id);
CREATE INDEX sign_in_links_by_expiry ON sign_in_links (expires_at);

CREATE TABLE upload_tokens (
    sha256          bytea PRIMARY KEY,
    owner_id        text NOT NULL REFERENCES owners (id),
    key_prefix      text REFERENCES api_keys (prefix) ON DELETE CASCADE,  -- it ends with this key; NULL: made in the studio
    title           text,
    ref_type        text,
    ref_id          text,
    policy          text NOT NULL CHECK (policy IN ('public', 'signed')),
    language        text,
    origins         text[] NOT NULL,
    max_size_bytes  bigint CHECK (max_size_bytes > 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    upload_id       text REFERENCES uploads (id),  -- the one upload, once it has been created,
    request_hash    text                           -- and the hash of the request that did it
);
CREATE INDEX upload_tokens_by_expiry ON upload_tokens (expires_at);
