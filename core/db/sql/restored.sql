-- name: check
-- `restored`: an event or a cursor carries a transaction id that this cluster has not reached, so the rows come from
-- another cluster (pg_dump, logical replication). `moved`: the cluster is not the one that was migrated last.
SELECT
    GREATEST((SELECT max(transaction) FROM events), (SELECT max(transaction) FROM outbox_cursors))
        >= pg_snapshot_xmax(pg_current_snapshot()) AS restored,
    EXISTS (SELECT FROM database_facts WHERE name = 'system_identifier' AND value <> control.system_identifier::text)
        AS moved
FROM pg_control_system() AS control;

-- name: lock
-- Readers go on; writers of events and consumers wait until the repair is committed.
LOCK TABLE events, outbox_cursors IN SHARE ROW EXCLUSIVE MODE;

-- name: last_position
-- The newest position that certainly came with the restore. What this cluster has written since then lies above it.
SELECT max(position) FROM (
    SELECT position, transaction FROM events UNION ALL SELECT position, transaction FROM outbox_cursors
) AS known WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot());

-- name: renumber_events
-- The cursors cut the old order (transaction, position) into layers: layer n holds the events beyond exactly n of the
-- distinct cursors. The layer becomes the event's transaction id, so that the same events stay before and after each
-- consumer's cursor. What was written after the restore lies beyond all of them.
WITH cursor AS (SELECT DISTINCT transaction, position FROM outbox_cursors),
layered AS (
    SELECT e.position, (
        SELECT count(*) FROM cursor c
        WHERE e.position > $1 OR (e.transaction, e.position) > (c.transaction, c.position)
    )::text::xid8 AS layer
    FROM events e
)
UPDATE events SET transaction = layered.layer
FROM layered WHERE layered.position = events.position AND events.transaction <> layered.layer;

-- name: renumber_cursors
-- The n-th distinct cursor, counted from 1, has consumed layers 0 to n - 1: it stands before all positions of layer n.
WITH ranked AS (
    SELECT consumer, dense_rank() OVER (ORDER BY transaction, position)::text::xid8 AS layer FROM outbox_cursors
)
UPDATE outbox_cursors SET transaction = ranked.layer, position = 0
FROM ranked WHERE ranked.consumer = outbox_cursors.consumer;

-- name: remember_cluster
INSERT INTO database_facts (name, value)
SELECT 'system_identifier', system_identifier::text FROM pg_control_system()
ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;

-- name: postpone_garbage
-- Every wait of what is to be deleted begins anew.
WITH entries AS (UPDATE garbage SET at = now()) UPDATE orphans SET seen_at = now();
