-- name: head
-- Every transaction below this one has ended; `epoch` names the cluster and the timeline of these transaction ids: a
-- standby that was promoted and a recovery to a point in time give the same ids to other transactions.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS transaction,
    system.system_identifier || '-' || checkpoint.timeline_id AS epoch,
    extract(epoch FROM now())::bigint AS time,
    (SELECT value FROM database_facts WHERE name = 'events_forgotten') AS forgotten
FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint;

-- name: bound
-- The last of so many events of an owner from behind ($2, $3); nothing where there are fewer.
SELECT transaction::text, position, created_at FROM events
WHERE owner_id = $1 AND (transaction, position) > ($2::text::xid8, $3)
ORDER BY events.transaction, position OFFSET $4 - 1 LIMIT 1;

-- name: after
-- An owner's events in commit order, from behind ($2, $3) up to and with ($4, $5).
SELECT position, transaction::text, id, owner_id, type, object_type, object_id, asset_id, payload, created_at FROM events
WHERE owner_id = $1 AND (transaction, position) > ($2::text::xid8, $3) AND (transaction, position) <= ($4::text::xid8, $5)
    AND ($6::text[] IS NULL OR type LIKE ANY ($6))
ORDER BY events.transaction, position LIMIT $7;

-- name: newest
-- The newest of an owner's events below the head, newest first.
SELECT position, transaction::text, id, owner_id, type, object_type, object_id, asset_id, payload, created_at FROM events
WHERE owner_id = $1 AND transaction < $2::text::xid8 AND ($3::text[] IS NULL OR type LIKE ANY ($3))
ORDER BY events.transaction DESC, position DESC LIMIT $4;

-- name: since
-- Where an owner's events after a time begin, in a database that was restored since a cursor was made.
SELECT transaction::text, position FROM events
WHERE owner_id = $1 AND created_at > to_timestamp($2) ORDER BY events.transaction, position LIMIT 1;

-- name: owners_with_events
-- Whose events lie in a span of transactions.
SELECT DISTINCT owner_id FROM events WHERE transaction >= $1::text::xid8 AND transaction < $2::text::xid8;

-- name: forget
-- Delete the oldest of the events that are older than so many days; how far that has got.
WITH oldest AS (SELECT position, created_at FROM events ORDER BY position LIMIT $2),
gone AS (
    DELETE FROM events USING oldest
    WHERE events.position = oldest.position AND oldest.created_at < now() - make_interval(days => $1)
    RETURNING events.transaction, events.position
)
SELECT transaction::text, position, count(*) OVER () AS deleted FROM gone
ORDER BY gone.transaction DESC, position DESC LIMIT 1;

-- name: remember_forgotten
INSERT INTO database_facts (name, value) VALUES ('events_forgotten', $1)
ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;
