-- Which poster is clicked: experiments on the candidates of a title. Off by default: nothing here has a row until then.

-- Who wants them: an asset ("as_...") for itself, or an owner for all its assets that do not say.
CREATE TABLE poster_switches (
    subject     text PRIMARY KEY,
    is_on       boolean NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE poster_experiments (
    id          text PRIMARY KEY,
    asset_id    text NOT NULL REFERENCES assets (id),
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'ended')),
    candidates  text[] NOT NULL,                     -- in the order of `shares`
    shares      float8[] NOT NULL,                   -- of viewers, for the life of a batch: the exact propensities
    batch       integer NOT NULL DEFAULT 1,
    batch_at    timestamptz NOT NULL DEFAULT now(),  -- when it began
    fed         boolean NOT NULL DEFAULT false,      -- something was counted since
    salt        bytea NOT NULL,                      -- with it viewers are drawn: nobody can tell in advance
    winner      text,                                -- the result, which is no person's choice
    created_at  timestamptz NOT NULL DEFAULT now(),
    over_at     timestamptz,
    CHECK (CASE state WHEN 'running' THEN winner IS NULL WHEN 'stopped' THEN winner IS NOT NULL ELSE true END),
    CHECK (cardinality(candidates) = cardinality(shares))
);
-- Ended ones (switched off, other candidates) are history; there is one that counts.
CREATE UNIQUE INDEX poster_experiments_of_asset ON poster_experiments (asset_id) WHERE state <> 'ended';
CREATE INDEX poster_experiments_due ON poster_experiments (batch_at) WHERE state = 'running' AND fed;

CREATE TABLE poster_arms (
    experiment_id  text NOT NULL REFERENCES poster_experiments (id),
    candidate      text NOT NULL,
    impressions    bigint NOT NULL DEFAULT 0,
    clicks         bigint NOT NULL DEFAULT 0,
    rewards        bigint NOT NULL DEFAULT 0,        -- clicked and watched
    PRIMARY KEY (experiment_id, candidate)
);

-- The log: what was shown with which propensity, and what came of it; each once. No viewer is named. Kept for 30 days.
CREATE TABLE poster_events (
    experiment_id  text NOT NULL REFERENCES poster_experiments (id),
    impression     text NOT NULL,
    event          text NOT NULL,                    -- shown, clicked, watched
    candidate      text NOT NULL,
    batch          integer NOT NULL,
    propensity     float8 NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (experiment_id, impression, event)
);
CREATE INDEX poster_events_by_age ON poster_events USING brin (at);

-- What matters of an asset for its experiment. `held`: a person chose, or is choosing; that always wins.
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
