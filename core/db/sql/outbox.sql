-- name: add
INSERT INTO events (id, owner_id, type, object_type, object_id, payload) VALUES ($1, $2, $3, $4, $5, $6);

-- name: of_object
-- Events of one object after a position, none that a still open transaction could come before.
SELECT position, id, owner_id, asset_id, type, object_type, object_id, payload, created_at FROM events
WHERE object_id = $1 AND position > $2 AND transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY position LIMIT 100;

-- name: newest
SELECT COALESCE(max(position), 0) FROM events WHERE object_id = $1;

-- name: cursor
-- Where a consumer stands; locked, so that one reader at a time moves it.
INSERT INTO outbox_cursors (consumer, transaction, position) VALUES ($1, '0', 0)
ON CONFLICT (consumer) DO UPDATE SET consumer = EXCLUDED.consumer
RETURNING transaction::text, position;

-- name: batch
-- The next events in commit-safe order: by transaction, then position. The table's name matters in ORDER BY: without
-- it `transaction` would be the column of the result, which is text, and 1000 would come before 999.
SELECT position, transaction::text, id, owner_id, asset_id, type, object_type, object_id, payload, created_at
FROM events
WHERE (transaction, position) > ($1::text::xid8, $2) AND transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY events.transaction, position LIMIT 500;

-- name: advance
UPDATE outbox_cursors SET transaction = $2::text::xid8, position = $3 WHERE consumer = $1;
