-- name: add
INSERT INTO events (id, owner_id, type, object_type, object_id, payload) VALUES ($1, $2, $3, $4, $5, $6);

-- name: of_object
-- Events of one object after a position, none that a still open transaction could come before.
SELECT position, id, owner_id, asset_id, type, object_type, object_id, payload, created_at FROM events
WHERE object_id = $1 AND position > $2 AND transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY position LIMIT 100;

-- name: newest
SELECT COALESCE(max(position), 0) FROM events WHERE object_id = $1;

-- name: take
-- One reader at a time moves a consumer's cursor. Not by a lock of its row, which would give the transaction an id.
SELECT pg_try_advisory_xact_lock(hashtext('kadr outbox ' || $1));

-- name: cursor
-- Where a consumer stands. No row: before everything.
SELECT transaction::text, position FROM outbox_cursors WHERE consumer = $1;

-- name: batch
-- The next events in commit-safe order: by transaction, then position. The table's name matters in ORDER BY: without
-- it `transaction` would be the column of the result, which is text, and 1000 would come before 999.
SELECT position, transaction::text, id, owner_id, asset_id, type, object_type, object_id, payload, created_at
FROM events
WHERE (transaction, position) > ($1::text::xid8, $2) AND transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY events.transaction, position LIMIT 500;

-- name: behind
-- Age in seconds of the oldest event that a consumer has not been past; 0 where there is none.
SELECT COALESCE(extract(epoch FROM now() - (
    SELECT created_at FROM events
    WHERE (transaction, position) > (
        COALESCE((SELECT transaction FROM outbox_cursors WHERE consumer = $1), '0'),
        COALESCE((SELECT position FROM outbox_cursors WHERE consumer = $1), 0)
    )
    ORDER BY events.transaction, position LIMIT 1
)), 0)::float8;

-- name: advance
INSERT INTO outbox_cursors (consumer, transaction, position)
SELECT $1, transaction, position FROM events WHERE position = $2
ON CONFLICT (consumer) DO UPDATE SET transaction = EXCLUDED.transaction, position = EXCLUDED.position;
