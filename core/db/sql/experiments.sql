-- name: of_asset
SELECT s.*, e.id, e.state, e.candidates AS arms, e.shares, e.batch, e.salt, e.winner, e.created_at, e.over_at,
    (SELECT jsonb_object_agg(c.candidate, jsonb_build_array(c.impressions, c.clicks, c.rewards))
     FROM poster_arms c WHERE c.experiment_id = e.id) AS counted
FROM poster_standing s LEFT JOIN poster_experiments e ON e.asset_id = s.asset_id AND e.state <> 'ended'
WHERE s.asset_id = $1;

-- name: page
-- Those of an owner that run or have stopped, the newest first; $2 is the last one of the page before.
SELECT s.*, e.id, e.state, e.candidates AS arms, e.shares, e.batch, e.salt, e.winner, e.created_at, e.over_at,
    (SELECT jsonb_object_agg(c.candidate, jsonb_build_array(c.impressions, c.clicks, c.rewards))
     FROM poster_arms c WHERE c.experiment_id = e.id) AS counted
FROM poster_standing s JOIN poster_experiments e ON e.asset_id = s.asset_id AND e.state <> 'ended'
WHERE s.owner_id = $1 AND ($2::text IS NULL OR e.id < $2)
ORDER BY e.id DESC LIMIT $3;

-- name: of_owner
SELECT is_on FROM poster_switches WHERE subject = $1;

-- name: switch
INSERT INTO poster_switches (subject, is_on) VALUES ($1, $2)
ON CONFLICT (subject) DO UPDATE SET is_on = $2, updated_at = now();

-- name: unswitch
DELETE FROM poster_switches WHERE subject = $1;

-- name: end_unwanted
-- After a switch: of one asset, or of all of an owner. A result stays shown; its experiment is over, too.
UPDATE poster_experiments e SET state = 'ended', over_at = COALESCE(e.over_at, now())
FROM poster_standing s
WHERE e.asset_id = s.asset_id AND e.state <> 'ended' AND NOT s.is_on AND $1 IN (s.asset_id, s.owner_id);

-- name: end_outdated
-- Other candidates were found since: what was learned of the old ones says nothing of them.
UPDATE poster_experiments e SET state = 'ended', over_at = COALESCE(e.over_at, now())
FROM poster_standing s
WHERE e.asset_id = $1 AND s.asset_id = $1 AND e.state <> 'ended'
    AND NOT (e.candidates @> s.candidates AND e.candidates <@ s.candidates);

-- name: begin
-- All alike at first. Nothing where it is not wanted, a person chose, there is no choice, or one is there already.
INSERT INTO poster_experiments (id, asset_id, candidates, shares, salt)
SELECT $2, s.asset_id, s.candidates,
    array_fill(1.0::float8 / cardinality(s.candidates), ARRAY[cardinality(s.candidates)]), $3
FROM poster_standing s
WHERE s.asset_id = $1 AND s.is_on AND NOT s.held AND cardinality(s.candidates) > 1
ON CONFLICT (asset_id) WHERE state <> 'ended' DO NOTHING
RETURNING candidates;

-- name: add_arms
INSERT INTO poster_arms (experiment_id, candidate) SELECT $1, unnest($2::text[]);

-- name: locked
-- In one order, so that two origins that count at once wait for each other and never for ever.
SELECT id FROM poster_experiments WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE;

-- name: log
-- What was counted before is passed over. Needs `locked`.
INSERT INTO poster_events (experiment_id, impression, event, candidate, batch, propensity)
SELECT g.experiment_id, g.impression, g.event, g.candidate, g.batch, g.propensity
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::float8[])
    AS g (experiment_id, impression, event, candidate, batch, propensity)
JOIN poster_arms a ON a.experiment_id = g.experiment_id AND a.candidate = g.candidate
ON CONFLICT DO NOTHING
RETURNING experiment_id, impression, event;

-- name: add_up
-- Of what `log` has written just now. A reward is counted with the second of its two halves.
WITH new AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS n (experiment_id, impression, event)
), sums AS (
    SELECT e.experiment_id, e.candidate,
        count(*) FILTER (WHERE n.event = 'shown') AS impressions,
        count(*) FILTER (WHERE n.event = 'clicked') AS clicks,
        count(DISTINCT e.impression) FILTER (WHERE n.event IN ('clicked', 'watched') AND EXISTS (
            SELECT FROM poster_events other
            WHERE (other.experiment_id, other.impression) = (e.experiment_id, e.impression)
                AND other.event = CASE n.event WHEN 'clicked' THEN 'watched' ELSE 'clicked' END)) AS rewards
    FROM new n JOIN poster_events e USING (experiment_id, impression, event)
    GROUP BY e.experiment_id, e.candidate
), counted AS (
    UPDATE poster_arms a SET impressions = a.impressions + s.impressions, clicks = a.clicks + s.clicks,
        rewards = a.rewards + s.rewards
    FROM sums s WHERE (a.experiment_id, a.candidate) = (s.experiment_id, s.candidate)
)
UPDATE poster_experiments SET fed = true WHERE id IN (SELECT experiment_id FROM sums) AND NOT fed;

-- name: due
-- One whose batch is over and that has learned something, for this transaction; others take another one.
SELECT s.*, e.id, e.state, e.candidates AS arms, e.shares, e.batch, e.salt, e.winner, e.created_at, e.over_at,
    (SELECT jsonb_object_agg(c.candidate, jsonb_build_array(c.impressions, c.clicks, c.rewards))
     FROM poster_arms c WHERE c.experiment_id = e.id) AS counted
FROM poster_experiments e JOIN poster_standing s ON s.asset_id = e.asset_id
WHERE e.state = 'running' AND e.fed AND e.batch_at <= now() - make_interval(secs => $1)
    AND s.is_on AND NOT s.held AND e.candidates @> s.candidates AND e.candidates <@ s.candidates
ORDER BY e.batch_at LIMIT 1
FOR UPDATE OF e SKIP LOCKED;

-- name: next_batch
UPDATE poster_experiments SET shares = $2, batch = batch + 1, batch_at = now(), fed = false WHERE id = $1;

-- name: stop
UPDATE poster_experiments SET state = 'stopped', winner = $2, over_at = now() WHERE id = $1;

-- name: show_first
-- Ours from now on: the first of the album is what is shown where no person chose.
UPDATE pictures SET version = version + 1, updated_at = now(), album = jsonb_set(album, '{candidates}', (
    SELECT jsonb_agg(c ORDER BY c ->> 'id' = $2 DESC, n)
    FROM jsonb_array_elements(album -> 'candidates') WITH ORDINALITY AS listed (c, n)))
WHERE asset_id = $1 AND chosen IS NULL AND wanted IS NULL AND album @> jsonb_build_object('candidates',
    jsonb_build_array(jsonb_build_object('id', $2::text)))
RETURNING *;

-- name: sweep
DELETE FROM poster_events WHERE at < now() - interval '30 days';
