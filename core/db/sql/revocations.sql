-- name: insert
-- The later end counts.
INSERT INTO revocations (subject, until) VALUES ($1, $2)
ON CONFLICT (subject) DO UPDATE SET until = GREATEST(revocations.until, EXCLUDED.until);

-- name: remove
DELETE FROM revocations WHERE subject = $1;

-- name: current
SELECT subject, until FROM revocations WHERE until > now();

-- name: forget
-- For the reconciler: those that mean nothing any more.
DELETE FROM revocations WHERE until <= now();
