-- What CDNs have delivered, by their logs (kadr usage import).

CREATE TABLE delivered (
    day        date   NOT NULL,             -- UTC
    pathway    text   NOT NULL,             -- which CDN
    asset_id   text   NOT NULL DEFAULT '',  -- '': the URL names none that is known
    owner_id   text   NOT NULL DEFAULT '',
    requests   bigint NOT NULL,
    errors     bigint NOT NULL,             -- of these requests, answered 400 and above
    bytes      bigint NOT NULL,             -- sent to viewers, errors and headers as the CDN counts them
    PRIMARY KEY (day, pathway, asset_id)
);
CREATE INDEX delivered_by_owner ON delivered (owner_id, day);

-- Which files were counted, by their contents: no file counts twice, and of one that has grown only what is new.
CREATE TABLE delivery_logs (
    digest       bytea PRIMARY KEY,         -- SHA-256 of its whole lines, unpacked
    size_bytes   bigint NOT NULL,           -- of these lines
    head         bytea NOT NULL,            -- SHA-256 of the first line that is no comment
    tail         bytea NOT NULL,            -- and of the last one
    name         text  NOT NULL,
    format       text  NOT NULL,
    pathway      text  NOT NULL,
    requests     bigint NOT NULL,           -- that were counted from it
    malformed    bigint NOT NULL,
    imported_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX delivery_logs_by_head ON delivery_logs (head);
CREATE INDEX delivery_logs_by_tail ON delivery_logs (tail);
