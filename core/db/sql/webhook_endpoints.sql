-- name: insert
-- Nothing where the owner has as many as he may have. The owner's row is locked, so that two cannot be the last one.
WITH owner AS (SELECT id FROM owners WHERE id = $2 FOR UPDATE)
INSERT INTO webhook_endpoints (id, owner_id, url, types, patterns, description)
SELECT $1, owner.id, $3, $4, $5, $6 FROM owner
WHERE (SELECT count(*) FROM webhook_endpoints e WHERE e.owner_id = owner.id) < $7
RETURNING id;

-- name: of_owner
SELECT e.*,
    (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending') AS pending,
    (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'dead') AS dead,
    (SELECT COALESCE(jsonb_agg(jsonb_build_object('created_at', s.created_at, 'expires_at', s.expires_at)
                               ORDER BY s.created_at DESC), '[]')
     FROM webhook_secrets s WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())) AS secrets
FROM webhook_endpoints e WHERE e.owner_id = $1 AND ($2::text IS NULL OR e.id = $2) ORDER BY e.id;

-- name: change
UPDATE webhook_endpoints SET url = COALESCE($3, url), types = COALESCE($4, types),
    patterns = CASE WHEN $4::text[] IS NULL THEN patterns ELSE $5 END, description = COALESCE($6, description)
WHERE id = $1 AND owner_id = $2 RETURNING id;

-- name: enable
UPDATE webhook_endpoints SET disabled_reason = NULL, failing_since = NULL, failures = 0, throttled_until = NULL,
    due_at = now()
WHERE id = $1 AND owner_id = $2 RETURNING id;

-- name: disable
-- Where it is not disabled yet.
UPDATE webhook_endpoints SET disabled_reason = $2 WHERE id = $1 AND disabled_reason IS NULL RETURNING owner_id;

-- name: delete
DELETE FROM webhook_endpoints WHERE id = $1 AND owner_id = $2 RETURNING id;

-- name: add_secret
INSERT INTO webhook_secrets (endpoint_id, kid, wrapped) VALUES ($1, $2, $3);

-- name: lock
SELECT id FROM webhook_endpoints WHERE id = $1 AND owner_id = $2 FOR UPDATE;

-- name: rotating
SELECT EXISTS (SELECT FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at > now());

-- name: expire_secrets
-- The one that was the newest goes on for so long; those that expire already stay as they are, or end with `force`.
WITH ended AS (DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at IS NOT NULL)
UPDATE webhook_secrets SET expires_at = now() + make_interval(secs => $2) WHERE endpoint_id = $1 AND expires_at IS NULL;

-- name: secrets
SELECT kid, wrapped FROM webhook_secrets
WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY created_at DESC;

-- name: wake
-- Something is owed to these.
UPDATE webhook_endpoints SET due_at = LEAST(COALESCE(due_at, 'infinity'), now()) WHERE id = ANY ($1);

-- name: claim
-- Endpoints to which something is due and nobody sends, those that have waited longest first.
UPDATE webhook_endpoints SET lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => $1)
WHERE id IN (
    SELECT id FROM webhook_endpoints
    WHERE disabled_reason IS NULL AND due_at <= now() AND (throttled_until IS NULL OR throttled_until <= now())
        AND (lease_until IS NULL OR lease_until <= now())
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING id, owner_id, url, lease_token, failing_since IS NOT NULL AS failing;

-- name: renew
UPDATE webhook_endpoints SET lease_until = now() + make_interval(secs => $2)
WHERE lease_token = ANY ($1) AND disabled_reason IS NULL RETURNING lease_token;

-- name: hold
-- Locked until the transaction ends; nothing where another dispatcher has taken over.
SELECT id, owner_id, failing_since, failures, now() - failing_since AS failing_for FROM webhook_endpoints
WHERE id = $1 AND lease_token = $2 AND disabled_reason IS NULL FOR UPDATE;

-- name: succeeded
UPDATE webhook_endpoints SET failing_since = NULL, failures = 0 WHERE id = $1 AND failing_since IS NOT NULL;

-- name: failed
UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, $2), failures = failures + $3,
    throttled_until = GREATEST(throttled_until, $4)
WHERE id = $1;

-- name: keep
UPDATE webhook_endpoints SET lease_token = $2::uuid, lease_until = now() + make_interval(secs => $3) WHERE id = $1;

-- name: release
-- In the transaction of `hold`, whose lock makes whoever owes it something more wait, so that nothing is overlooked.
UPDATE webhook_endpoints e SET lease_token = NULL, lease_until = NULL, due_at = (
    SELECT min(CASE WHEN d.due_at > now() THEN d.due_at ELSE now() END) FROM webhook_deliveries d
    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND (d.due_at > now() OR NOT EXISTS (
        SELECT FROM webhook_deliveries before
        WHERE before.endpoint_id = d.endpoint_id AND before.subject_id = d.subject_id AND before.state = 'pending'
            AND before.position < d.position AND before.attempts < $2 AND before.due_at > now()))
)
WHERE e.id = $1 RETURNING due_at <= now() AS due;
