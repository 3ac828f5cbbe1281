-- name: insert
-- A step is inserted in the transaction of the fact that needs it; the same input twice is one step. One that is there
-- already is looked for first: a conflict with it would wait for whoever is changing it just now.
INSERT INTO steps (id, asset_id, owner_id, kind, input_hash, input, due_at, trace)
SELECT $1::text, assets.id, assets.owner_id, $3::text, $4::text, $5::jsonb, now() + $6 * interval '1 second',
    COALESCE($7::text, assets.trace)
FROM assets WHERE assets.id = $2 AND NOT EXISTS (SELECT FROM steps WHERE asset_id = $2 AND kind = $3 AND input_hash = $4)
ON CONFLICT (asset_id, kind, input_hash) DO NOTHING
RETURNING id;

-- name: claim
-- A step of these kinds ($1): one whose lease ran out (that is an interruption, not an attempt), unless it was
-- interrupted $4 times: then it is the reconciler's to give up. Otherwise the oldest due step of the owner whose turn it
-- is in this class of slots ($5): of those with something due the one with the least pass, which then moves on by what
-- the step is expected to cost over the owner's weight.
-- An owner that had nothing due since its last claim was idle and saves up nothing: it begins no earlier than the step
-- that was claimed last in the class began. Owners that hold $6 steps of these kinds on this worker ($3) are passed over.
WITH RECURSIVE waiting (kind, owner_id) AS (
    SELECT kind, (SELECT min(owner_id) FROM steps WHERE state = 'queued' AND kind = wanted.kind)
    FROM unnest($1::text[]) AS wanted (kind)
  UNION ALL
    SELECT kind, (
        SELECT min(steps.owner_id) FROM steps
        WHERE steps.state = 'queued' AND steps.kind = waiting.kind AND steps.owner_id > waiting.owner_id
    )
    FROM waiting WHERE owner_id IS NOT NULL
),
due AS (
    SELECT waiting.kind, waiting.owner_id, oldest.due_at, min(oldest.due_at) OVER (PARTITION BY owner_id) AS since
    FROM waiting CROSS JOIN LATERAL (
        SELECT due_at FROM steps
        WHERE state = 'queued' AND kind = waiting.kind AND owner_id = waiting.owner_id AND due_at <= now()
        ORDER BY due_at LIMIT 1
    ) AS oldest
),
full_owners AS (
    SELECT owner_id FROM steps WHERE state = 'leased' AND leased_by = $3 AND kind = ANY($1::text[])
    GROUP BY owner_id HAVING count(*) >= $6
),
class_time AS (
    SELECT COALESCE((SELECT begun_at FROM turns WHERE slots = $5 ORDER BY claimed_at DESC LIMIT 1), 0) AS pass
),
in_turn AS (
    SELECT due.kind, due.owner_id, due.due_at,
        CASE WHEN due.since <= turns.claimed_at THEN turns.pass ELSE GREATEST(turns.pass, class_time.pass) END AS pass
    FROM due CROSS JOIN class_time LEFT JOIN turns ON turns.owner_id = due.owner_id AND turns.slots = $5
    WHERE due.owner_id NOT IN (SELECT owner_id FROM full_owners)
    ORDER BY 4, due.due_at
),
lapsed AS (
    SELECT id, NULL::double precision AS pass FROM steps
    WHERE state = 'leased' AND kind = ANY($1::text[]) AND lease_until < now() AND interruptions < $4
    ORDER BY lease_until
    LIMIT 1
    FOR UPDATE SKIP LOCKED
),
next_due AS (
    SELECT step.id, in_turn.pass FROM in_turn CROSS JOIN LATERAL (
        SELECT id FROM steps
        WHERE state = 'queued' AND kind = in_turn.kind AND owner_id = in_turn.owner_id AND due_at <= now()
        ORDER BY due_at, id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS step
    LIMIT 1
),
chosen AS (
    SELECT id, pass FROM lapsed UNION ALL SELECT id, pass FROM next_due LIMIT 1
),
claimed AS (
    UPDATE steps SET
        state = 'leased',
        lease_token = gen_random_uuid(),
        lease_until = now() + $2 * interval '1 second',
        leased_by = $3,
        interruptions = interruptions + (state = 'leased')::int,
        started_at = COALESCE(started_at, now())
    FROM chosen WHERE steps.id = chosen.id
    RETURNING steps.id, asset_id, owner_id, kind, input, lease_token, attempts, interruptions, hard_deaths,
        postponements, trace, chosen.pass
),
turn AS (
    INSERT INTO turns AS known (owner_id, slots, pass, begun_at, expected_s, claimed_at)
    SELECT owner_id, $5, begun.pass + $7::double precision / owners.weight, begun.pass, $7::double precision, now()
    FROM claimed JOIN owners ON owners.id = claimed.owner_id CROSS JOIN class_time
    CROSS JOIN LATERAL (SELECT COALESCE(claimed.pass, class_time.pass) AS pass) AS begun
    ON CONFLICT (owner_id, slots) DO UPDATE SET
        -- Somebody may have claimed for the same owner in this moment: both count.
        begun_at = GREATEST(known.pass, EXCLUDED.begun_at),
        pass = GREATEST(known.pass, EXCLUDED.begun_at)
            + known.expected_s / (SELECT weight FROM owners WHERE id = EXCLUDED.owner_id),
        claimed_at = EXCLUDED.claimed_at
    RETURNING expected_s
)
SELECT claimed.*, claimed.pass IS NULL AS reclaimed, turn.expected_s, EXISTS (
    SELECT FROM steps AS other
    WHERE other.state = 'leased' AND other.owner_id = claimed.owner_id AND other.asset_id <> claimed.asset_id
) AS beside_others
FROM claimed, turn;

-- name: settle_turn
-- A step of this owner and class has ended: what it was expected to cost ($3) is replaced by what it did ($4), and the
-- CPU time of its programs ($6) is kept. The step's row is locked before that of the turn, as a claim does it.
WITH spent AS (
    UPDATE steps SET cpu_s = COALESCE(cpu_s, 0) + $6 WHERE id = $5 RETURNING id
)
UPDATE turns SET
    pass = pass + ($4::double precision - $3::double precision) / (SELECT weight FROM owners WHERE id = $1),
    expected_s = 0.7 * expected_s + 0.3 * $4::double precision
FROM (SELECT count(*) FROM spent) AS counted
WHERE owner_id = $1 AND slots = $2;

-- name: heartbeat
-- Renew the lease and record progress. No row: the lease is lost.
UPDATE steps SET
    lease_until = now() + $3 * interval '1 second',
    progress = GREATEST(progress, $4)
WHERE id = $1 AND lease_token = $2 AND state = 'leased'
RETURNING id;

-- name: finish
-- Fenced end of a step, in the transaction of its effect. No row: the lease is lost and the effect rolls back.
UPDATE steps SET
    state = $3, lease_token = NULL, lease_until = NULL, progress = CASE WHEN $3 = 'done' THEN 1 ELSE progress END,
    output = $4, error = $5, finished_at = now(),
    attempts = attempts + $6, hard_deaths = hard_deaths + $7
WHERE id = $1 AND lease_token = $2 AND state = 'leased'
RETURNING id;

-- name: release
-- Put a leased step back: after a failure (with a delay), or because this worker is leaving: then it keeps its place in
-- the queue.
UPDATE steps SET
    state = 'queued', lease_token = NULL, lease_until = NULL, error = $3,
    attempts = attempts + $4, interruptions = interruptions + $5, hard_deaths = hard_deaths + $6,
    due_at = CASE WHEN $7 > 0 THEN now() + $7 * interval '1 second' ELSE due_at END,
    postponements = postponements + $8
WHERE id = $1 AND lease_token = $2 AND state = 'leased'
RETURNING id;

-- name: dead_letter_exhausted
-- Give up steps that were interrupted $1 times, which is no bad luck any more, and whose lease has run out.
UPDATE steps SET state = 'dead', lease_token = NULL, lease_until = NULL, error = $2, finished_at = now()
WHERE id IN (
    SELECT id FROM steps WHERE state = 'leased' AND lease_until < now() AND interruptions >= $1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, asset_id, kind, input;

-- name: cancel
-- The asset is deleted: take its steps from whoever works on them, and from the queue.
UPDATE steps SET state = 'dead', lease_token = NULL, lease_until = NULL, finished_at = now(),
    error = '{"code": "deleted", "message": "the asset was deleted"}'
WHERE asset_id = $1 AND state IN ('queued', 'leased')
RETURNING id;

-- name: retry
-- Once more for what failed or was given up, with all counters at zero: of the newest run, and of steps without a run. An
-- older run is of another source or other settings: its failure would be the asset's. A republication carries the tracks
-- of today, whichever run it follows. $2: kinds that begin a run.
WITH newest AS (
    SELECT id FROM steps
    WHERE asset_id = $1 AND kind = ANY($2::text[]) AND NOT input ? 'run'
    ORDER BY created_at DESC, id DESC LIMIT 1
)
UPDATE steps SET state = 'queued', due_at = now(), attempts = 0, interruptions = 0, hard_deaths = 0,
    postponements = 0, progress = 0,
    error = NULL, finished_at = NULL, retries = retries + 1
WHERE asset_id = $1 AND state IN ('failed', 'dead') AND (
    COALESCE(input ->> 'run', id) = (SELECT id FROM newest)
    OR (NOT input ? 'run' AND kind <> ALL($2::text[]))
    OR kind = 'republish'
)
RETURNING id, kind, retries;

-- name: busy
-- Whether a step of these kinds is queued or being worked on.
SELECT EXISTS (
    SELECT 1 FROM steps WHERE asset_id = $1 AND state IN ('queued', 'leased') AND kind = ANY($2::text[])
);

-- name: claimable
-- Steps that could be claimed now, oldest first: what the reconciler hints about.
SELECT id, kind FROM steps
WHERE (state = 'queued' AND due_at <= now()) OR (state = 'leased' AND lease_until < now() AND interruptions < $2)
ORDER BY due_at, id
LIMIT $1;

-- name: stuck
-- Assets on their way with nothing that will move them: the alert of the reliability contract.
SELECT a.id FROM assets a
WHERE a.status IN ('processing', 'playable') AND a.deleted_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM steps s
    WHERE s.asset_id = a.id
      AND (s.state = 'queued' OR (s.state = 'leased' AND s.lease_until > now() - interval '60 seconds'))
  )
  AND a.uploaded_at < now() - interval '60 seconds';

-- name: backlog
-- Depth and age of what waits, and what is being worked on, per kind: for the metrics.
SELECT kind,
    count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state = 'leased') AS leased,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    COALESCE(extract(epoch FROM now() - min(due_at) FILTER (WHERE state = 'queued' AND due_at <= now())), 0)::float8
        AS oldest_s
FROM steps WHERE state IN ('queued', 'leased', 'dead') GROUP BY kind;

-- name: lock_asset
-- Until the transaction ends nobody queues a step of the asset (a foreign key), or changes the asset or its tracks. Parts
-- of one encode that end at the same moment take turns here, so that one of them is the last.
SELECT id FROM assets WHERE id = $1 FOR UPDATE;

-- name: done_of_run
-- Which steps of this run of an asset are done, and with what.
SELECT kind, input, output FROM steps
WHERE asset_id = $1 AND state = 'done' AND input ->> 'run' = $2 AND kind = ANY($3::text[])
ORDER BY created_at, id;

-- name: stop_run
-- One step of the run cannot be done, so the others are of no use, but for these kinds ($3); a retry queues them again.
-- One that is just being claimed or cancelled is not waited for: whoever does that may wait for the step that ends here.
UPDATE steps SET state = 'failed', finished_at = now(), error = '{"code": "stopped", "message": "another step failed"}'
WHERE id IN (
    SELECT id FROM steps
    WHERE asset_id = $1 AND state = 'queued' AND COALESCE(input ->> 'run', id) = $2 AND kind <> ALL($3::text[])
    FOR UPDATE SKIP LOCKED
);

-- name: newest_input
SELECT input FROM steps WHERE asset_id = $1 AND kind = $2 AND state = 'done' ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: newest_output
SELECT output FROM steps WHERE asset_id = $1 AND kind = ANY($2::text[]) AND state = 'done' ORDER BY created_at DESC, id DESC LIMIT 1;
