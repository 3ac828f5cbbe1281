-- name: fan_out
-- What is owed for these events, given in commit order: a delivery to each endpoint of their owners that wants them.
INSERT INTO webhook_deliveries (endpoint_id, event_id, subject_id)
SELECT e.id, v.id, COALESCE(v.asset_id, v.object_id)
FROM unnest($1::text[]) WITH ORDINALITY AS given (id, place) JOIN events v ON v.id = given.id
    JOIN webhook_endpoints e ON e.owner_id = v.owner_id AND e.disabled_reason IS NULL AND e.created_at <= v.created_at
WHERE CASE WHEN v.type = $2 THEN e.id = v.object_id ELSE e.patterns IS NULL OR v.type LIKE ANY (e.patterns) END
ORDER BY given.place, e.id
ON CONFLICT DO NOTHING
RETURNING endpoint_id;

-- name: due
-- What may be sent to an endpoint now, in order, but what is known already: not behind an event of the same subject
-- that waits for one of its first attempts.
SELECT d.position AS delivery, d.subject_id, d.attempts, d.due_at,
    v.position, v.id, v.owner_id, v.asset_id, v.type, v.object_type, v.object_id, v.payload, v.created_at
FROM webhook_deliveries d JOIN events v ON v.id = d.event_id
WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.due_at <= now() AND d.position <> ALL ($2::bigint[])
    AND NOT EXISTS (
        SELECT FROM webhook_deliveries before
        WHERE before.endpoint_id = d.endpoint_id AND before.subject_id = d.subject_id AND before.state = 'pending'
            AND before.position < d.position AND before.attempts < $3 AND before.due_at > now())
ORDER BY d.position LIMIT $4;

-- name: record
-- How attempts ended: the state of each delivery, and when it is tried next.
UPDATE webhook_deliveries d SET state = r.state, attempts = d.attempts + 1, due_at = COALESCE(r.due_at, d.due_at),
    delivered_at = CASE WHEN r.state = 'delivered' THEN now() ELSE d.delivered_at END
FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) AS r (position, state, due_at)
WHERE d.position = r.position;

-- name: record_attempts
INSERT INTO webhook_attempts (delivery, at, duration_ms, status, error, answer, request)
SELECT a.delivery, a.at, a.duration_ms, a.status, a.error, a.answer, a.request::jsonb
FROM unnest($1::bigint[], $2::timestamptz[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[])
    AS a (delivery, at, duration_ms, status, error, answer, request)
WHERE EXISTS (SELECT FROM webhook_deliveries d WHERE d.position = a.delivery);

-- name: bury
-- An endpoint was disabled: what is owed to it can only be sent again by hand.
UPDATE webhook_deliveries SET state = 'dead' WHERE endpoint_id = $1 AND state = 'pending';

-- name: page
-- An endpoint's deliveries, the newest first, each with its last attempt.
SELECT d.position AS delivery, d.state, d.attempts, d.due_at, d.created_at, d.delivered_at,
    v.id AS event_id, v.asset_id, v.type, v.object_type, v.object_id,
    a.at, a.duration_ms, a.status, a.error, a.answer
FROM webhook_deliveries d JOIN events v ON v.id = d.event_id
    LEFT JOIN LATERAL (SELECT * FROM webhook_attempts w WHERE w.delivery = d.position ORDER BY w.at DESC LIMIT 1) a ON true
WHERE d.endpoint_id = $1 AND ($2::text IS NULL OR d.state = $2) AND ($3::bigint IS NULL OR d.position < $3)
    AND ($4::text IS NULL OR d.event_id = $4)
ORDER BY d.position DESC LIMIT $5;

-- name: attempts
SELECT at, duration_ms, status, error, answer, request FROM webhook_attempts WHERE delivery = $1 ORDER BY at;

-- name: event
SELECT position, id, owner_id, asset_id, type, object_type, object_id, payload, created_at FROM events WHERE id = $1;

-- name: again_one
INSERT INTO webhook_deliveries (endpoint_id, event_id, subject_id)
SELECT e.id, v.id, COALESCE(v.asset_id, v.object_id) FROM webhook_endpoints e JOIN events v ON v.owner_id = e.owner_id
WHERE e.id = $1 AND v.id = $2
ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = 'pending', attempts = 0, due_at = now()
RETURNING position;

-- name: again_span
-- Every event of a span of time that the endpoint wants, in commit order.
INSERT INTO webhook_deliveries (endpoint_id, event_id, subject_id)
SELECT e.id, v.id, COALESCE(v.asset_id, v.object_id) FROM webhook_endpoints e JOIN events v ON v.owner_id = e.owner_id
WHERE e.id = $1 AND v.created_at >= $2 AND v.created_at < $3 AND v.type <> $4
    AND (e.patterns IS NULL OR v.type LIKE ANY (e.patterns))
ORDER BY v.transaction, v.position LIMIT $5
ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = 'pending', attempts = 0, due_at = now()
RETURNING position;

-- name: again_dead
UPDATE webhook_deliveries SET state = 'pending', attempts = 0, due_at = now()
WHERE position IN (
    SELECT position FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'dead' ORDER BY position LIMIT $2
)
RETURNING position;

-- name: backlog
SELECT count(*) AS pending, COALESCE(extract(epoch FROM now() - min(due_at)), 0) AS oldest_s
FROM webhook_deliveries d WHERE state = 'pending' AND due_at <= now();
