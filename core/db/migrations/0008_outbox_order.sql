-- The outbox after a restore, and an index in the order in which consumers read it.

CREATE INDEX events_in_order ON events (transaction, position);

-- Single facts about this database: "system_identifier" of the cluster it last ran in, and "views", the digest of those
-- that exist (core.sql.views).
CREATE TABLE database_facts (
    name   text PRIMARY KEY,
    value  text NOT NULL
);
