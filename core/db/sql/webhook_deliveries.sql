-- name: fan_out
-- A delivery of each of these events, given in commit order, to each endpoint of their owners that wants it. Endpoints
-- are locked, so that none is disabled or deleted meanwhile, in the order of their ids.
WITH endpoints AS (
    SELECT id, owner_id, patterns FROM webhook_endpoints
    WHERE owner_id = ANY ($3) AND disabled_reason IS NULL AND deleted_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
)
INSERT INTO webhook_deliveries (endpoint_id, event_id, subject_id)
SELECT e.id, v.id, COALESCE(v.asset_id, v.object_id)
FROM unnest($1::text[]) WITH ORDINALITY AS given (id, place) JOIN events v ON v.id = given.id
    JOIN endpoints e ON e.owner_id = v.owner_id
WHERE CASE WHEN v.type = $2 THEN e.id = v.object_id ELSE e.patterns IS NULL OR v.type LIKE ANY (e.patterns) END
ORDER BY given.place, e.id
ON CONFLICT DO NOTHING
RETURNING endpoint_id;

-- name: due
-- What may be sent to an endpoint now, in order, but what is known already: not behind an event of the same subject
-- that waits for one of its first attempts.
SELECT d.position AS delivery, d.subject_id, d.attempts,
    v.position, v.id, v.owner_id, v.asset_id, v.type, v.object_type, v.object_id, v.payload, v.created_at
FROM webhook_deliveries d JOIN events v ON v.id = d.event_id
WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.due_at <= $5 AND d.position <> ALL ($2::bigint[])
    AND NOT EXISTS (
        SELECT FROM webhook_deliveries before
        WHERE before.endpoint_id = d.endpoint_id AND before.subject_id = d.subject_id AND before.state = 'pending'
            AND before.position < d.position AND before.attempts < $3 AND before.due_at > $5)
ORDER BY d.position LIMIT $4;

-- name: record
-- How attempts ended: the state of each delivery, and in how many seconds it is tried again.
UPDATE webhook_deliveries d SET state = r.state, attempts = d.attempts + 1,
    due_at = CASE WHEN r.again_in_s IS NULL THEN d.due_at ELSE now() + make_interval(secs => r.again_in_s) END,
    delivered_at = CASE WHEN r.state = 'delivered' THEN now() ELSE d.delivered_at END
FROM unnest($1::bigint[], $2::text[], $3::float[]) AS r (position, state, again_in_s)
WHERE d.position = r.position;

-- name: record_attempts
INSERT INTO webhook_attempts (delivery, at, duration_ms, status, error, answer)
SELECT a.delivery, a.at, a.duration_ms, a.status, a.error, a.answer
FROM unnest($1::bigint[], $2::timestamptz[], $3::int[], $4::int[], $5::text[], $6::text[])
    AS a (delivery, at, duration_ms, status, error, answer)
WHERE EXISTS (SELECT FROM webhook_deliveries d WHERE d.position = a.delivery);

-- name: mark_dead
-- Some of what is pending for endpoints that were disabled: it is sent again on request only.
UPDATE webhook_deliveries SET state = 'dead' WHERE position IN (
    SELECT d.position FROM webhook_endpoints e JOIN webhook_deliveries d ON d.endpoint_id = e.id AND d.state = 'pending'
    WHERE e.disabled_reason IS NOT NULL LIMIT $1
)
RETURNING position;

-- name: mark_dead_of
-- The same of one endpoint.
UPDATE webhook_deliveries SET state = 'dead' WHERE position IN (
    SELECT position FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'pending' LIMIT $2
);

-- name: remove
-- Some of the deliveries of endpoints that were deleted.
DELETE FROM webhook_deliveries WHERE position IN (
    SELECT d.position FROM webhook_endpoints e JOIN webhook_deliveries d ON d.endpoint_id = e.id
    WHERE e.deleted_at IS NOT NULL LIMIT $1
)
RETURNING position;

-- name: page
-- An endpoint's deliveries, the newest first, each with its last attempt.
SELECT d.position AS delivery, d.state, d.attempts, d.due_at, d.created_at, d.delivered_at,
    v.id AS event_id, v.type, v.object_type, v.object_id, v.asset_id,
    a.at, a.duration_ms, a.status, a.error, a.answer
FROM webhook_deliveries d JOIN events v ON v.id = d.event_id
    LEFT JOIN LATERAL (SELECT * FROM webhook_attempts w WHERE w.delivery = d.position ORDER BY w.at DESC LIMIT 1) a ON true
WHERE d.endpoint_id = $1 AND ($2::text IS NULL OR d.state = $2) AND ($3::bigint IS NULL OR d.position < $3)
ORDER BY d.position DESC LIMIT $4;

-- name: of_event
SELECT d.position AS delivery, d.state, d.attempts, d.due_at, d.created_at, d.delivered_at,
    v.id AS event_id, v.type, v.object_type, v.object_id, v.asset_id,
    a.at, a.duration_ms, a.status, a.error, a.answer
FROM webhook_deliveries d JOIN events v ON v.id = d.event_id
    LEFT JOIN LATERAL (SELECT * FROM webhook_attempts w WHERE w.delivery = d.position ORDER BY w.at DESC LIMIT 1) a ON true
WHERE d.endpoint_id = $1 AND d.event_id = $2;

-- name: attempts
-- The newest of them, the oldest first.
SELECT * FROM (
    SELECT at, duration_ms, status, error, answer FROM webhook_attempts WHERE delivery = $1 ORDER BY at DESC LIMIT $2
) AS newest ORDER BY at;

-- name: event
SELECT position, id, owner_id, asset_id, type, object_type, object_id, payload, created_at FROM events WHERE id = $1;

-- name: again_one
INSERT INTO webhook_deliveries (endpoint_id, event_id, subject_id)
SELECT e.id, v.id, COALESCE(v.asset_id, v.object_id) FROM webhook_endpoints e JOIN events v ON v.owner_id = e.owner_id
WHERE e.id = $1 AND v.id = $2
ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = 'pending', attempts = 0, due_at = now()
RETURNING position;

-- name: again_span
-- Events of a span of time that the endpoint wants, the oldest first; where the last of them lies in time.
WITH wanted AS (
    SELECT v.id, v.created_at, COALESCE(v.asset_id, v.object_id) AS subject_id
    FROM webhook_endpoints e JOIN events v ON v.owner_id = e.owner_id
    WHERE e.id = $1 AND v.created_at >= $2 AND v.created_at < $3 AND v.type <> $4
        AND (e.patterns IS NULL OR v.type LIKE ANY (e.patterns))
    ORDER BY v.created_at, v.position LIMIT $5
),
again AS (
    INSERT INTO webhook_deliveries (endpoint_id, event_id, subject_id)
    SELECT $1, id, subject_id FROM wanted
    ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = 'pending', attempts = 0, due_at = now()
    RETURNING position
)
SELECT (SELECT count(*) FROM again) AS count, (SELECT max(created_at) FROM wanted) AS last_at;

-- name: again_dead
UPDATE webhook_deliveries SET state = 'pending', attempts = 0, due_at = now()
WHERE position IN (
    SELECT position FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'dead' ORDER BY position LIMIT $2
)
RETURNING position;
