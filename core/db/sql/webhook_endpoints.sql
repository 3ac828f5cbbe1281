-- name: insert
-- Nothing where the owner has as many as allowed. The owner's row is locked, so that two cannot be the last one.
WITH owner AS (SELECT id FROM owners WHERE id = $2 FOR UPDATE)
INSERT INTO webhook_endpoints (id, owner_id, url, types, patterns, description)
SELECT $1, owner.id, $3, $4, $5, $6 FROM owner
WHERE (SELECT count(*) FROM webhook_endpoints e WHERE e.owner_id = owner.id AND e.deleted_at IS NULL) < $7
RETURNING id;

-- name: of_owner
-- Counts stop at $3: an endpoint may have millions of them.
SELECT e.*,
    (SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending' LIMIT $3) p)
        AS pending,
    (SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'dead' LIMIT $3) p)
        AS dead,
    (SELECT COALESCE(jsonb_agg(jsonb_build_object('created_at', s.created_at, 'expires_at', s.expires_at)
                               ORDER BY s.created_at DESC), '[]')
     FROM webhook_secrets s WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())) AS secrets
FROM webhook_endpoints e
WHERE e.owner_id = $1 AND ($2::text IS NULL OR e.id = $2) AND e.deleted_at IS NULL ORDER BY e.id;

-- name: change
-- Another URL is another server: it has not failed and has not asked for a pause. Whoever sends to the old one stops.
UPDATE webhook_endpoints SET url = COALESCE($3, url), types = COALESCE($4, types),
    patterns = CASE WHEN $4::text[] IS NULL THEN patterns ELSE $5 END, description = COALESCE($6, description),
    failing_since = CASE WHEN $3 <> url THEN NULL ELSE failing_since END,
    failures = CASE WHEN $3 <> url THEN 0 ELSE failures END,
    throttled_until = CASE WHEN $3 <> url THEN NULL ELSE throttled_until END,
    lease_token = CASE WHEN $3 <> url THEN NULL ELSE lease_token END,
    lease_until = CASE WHEN $3 <> url THEN NULL ELSE lease_until END
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL RETURNING id;

-- name: enable
UPDATE webhook_endpoints SET disabled_reason = NULL, failing_since = NULL, failures = 0, throttled_until = NULL,
    due_at = now(), woken = woken + 1
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL RETURNING id;

-- name: disable
-- Where it is not disabled yet.
UPDATE webhook_endpoints SET disabled_reason = $2, lease_token = NULL, lease_until = NULL
WHERE id = $1 AND disabled_reason IS NULL AND deleted_at IS NULL RETURNING owner_id;

-- name: delete
UPDATE webhook_endpoints SET deleted_at = now(), lease_token = NULL, lease_until = NULL
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL RETURNING id;

-- name: remove_deleted
-- Those whose deliveries are all gone.
DELETE FROM webhook_endpoints e WHERE e.deleted_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id);

-- name: add_secret
INSERT INTO webhook_secrets (endpoint_id, kid, wrapped) VALUES ($1, $2, $3);

-- name: lock
SELECT disabled_reason FROM webhook_endpoints
WHERE id = $1 AND owner_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: rotating
SELECT EXISTS (SELECT FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at > now());

-- name: expire_secrets
-- The newest one goes on for so long, and ends those that were to expire. Whoever sends reads the secrets anew.
WITH ended AS (DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at IS NOT NULL),
released AS (UPDATE webhook_endpoints SET lease_token = NULL, lease_until = NULL WHERE id = $1)
UPDATE webhook_secrets SET expires_at = now() + make_interval(secs => $2) WHERE endpoint_id = $1 AND expires_at IS NULL;

-- name: secrets
SELECT kid, wrapped FROM webhook_secrets
WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY created_at DESC;

-- name: wake
-- Something is pending for these.
UPDATE webhook_endpoints SET due_at = LEAST(COALESCE(due_at, 'infinity'), now()), woken = woken + 1 WHERE id = ANY ($1);

-- name: claim
-- Endpoints to which something is due and nobody sends, those that have waited longest first; either those that fail or
-- the others.
UPDATE webhook_endpoints SET lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => $1)
WHERE id IN (
    SELECT id FROM webhook_endpoints
    WHERE disabled_reason IS NULL AND deleted_at IS NULL AND due_at <= now()
        AND (throttled_until IS NULL OR throttled_until <= now()) AND (lease_until IS NULL OR lease_until <= now())
        AND (failing_since IS NOT NULL) = $3
    ORDER BY due_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, owner_id, url, lease_token, failing_since IS NOT NULL AS failing;

-- name: renew
-- Locked in the order of their ids, as everybody locks several.
WITH held AS (
    SELECT id FROM webhook_endpoints WHERE lease_token = ANY ($1) AND disabled_reason IS NULL AND deleted_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE webhook_endpoints e SET lease_until = now() + make_interval(secs => $2)
FROM held WHERE held.id = e.id RETURNING e.lease_token;

-- name: hold
-- Locked until the transaction ends; nothing where the lease has ended.
SELECT owner_id, failures, now() - failing_since AS failing_for FROM webhook_endpoints
WHERE id = $1 AND lease_token = $2 AND disabled_reason IS NULL AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: succeeded
UPDATE webhook_endpoints SET failing_since = NULL, failures = 0 WHERE id = $1 AND failing_since IS NOT NULL;

-- name: failed
UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, now()), failures = failures + $2 WHERE id = $1;

-- name: throttle
UPDATE webhook_endpoints SET throttled_until = GREATEST(throttled_until, now() + make_interval(secs => $2)) WHERE id = $1;

-- name: look
-- What `release` compares: whether something has become pending since, and what was due by then.
SELECT woken, now() AS at FROM webhook_endpoints WHERE id = $1;

-- name: release
-- Where nothing was due at `look`, and nothing has become pending since.
UPDATE webhook_endpoints e SET lease_token = NULL, lease_until = NULL, due_at = (
    SELECT min(d.due_at) FROM webhook_deliveries d
    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.due_at > $4
)
WHERE e.id = $1 AND e.lease_token = $2 AND e.woken = $3 RETURNING e.id;

-- name: is_held
SELECT EXISTS (SELECT FROM webhook_endpoints WHERE id = $1 AND lease_token = $2);

-- name: give_up
-- End a lease although something may be due.
UPDATE webhook_endpoints SET lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2;

-- name: backlog
-- Endpoints that could be sent something, and that no dispatcher sends to.
SELECT count(*) AS waiting, COALESCE(extract(epoch FROM now() - min(due_at)), 0) AS oldest_s FROM webhook_endpoints
WHERE disabled_reason IS NULL AND deleted_at IS NULL AND due_at <= now()
    AND (throttled_until IS NULL OR throttled_until <= now()) AND (lease_until IS NULL OR lease_until <= now());
