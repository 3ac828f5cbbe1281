-- name: counted
-- Files that were counted and have a line of this one at an end: it may go on where they ended, or be a copy of before.
-- The longest that fit into it come first.
SELECT digest, size_bytes, head = $1 AS same_head, tail = $2 AS same_tail
FROM delivery_logs
WHERE head = $1 OR tail = $2
ORDER BY size_bytes <= $3 DESC, size_bytes DESC
LIMIT 100;

-- name: note
INSERT INTO delivery_logs (digest, size_bytes, head, tail, name, format, pathway, requests, malformed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: is_counted
SELECT EXISTS (SELECT FROM delivery_logs WHERE digest = $1);

-- name: add
-- An asset that nobody has is none: anybody may ask a CDN for any URL.
INSERT INTO delivered AS kept (day, pathway, asset_id, owner_id, requests, errors, bytes)
SELECT l.day, $1, coalesce(a.id, ''), coalesce(a.owner_id, ''), sum(l.requests), sum(l.errors), sum(l.bytes)
FROM unnest($2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) AS l (day, asset_id, requests, errors, bytes)
LEFT JOIN assets a ON a.id = l.asset_id
GROUP BY 1, 3, 4
ON CONFLICT (day, pathway, asset_id) DO UPDATE
SET requests = kept.requests + EXCLUDED.requests, errors = kept.errors + EXCLUDED.errors,
    bytes = kept.bytes + EXCLUDED.bytes;

-- name: by_day
SELECT day::text AS name, sum(requests)::bigint AS requests, sum(errors)::bigint AS errors, sum(bytes)::bigint AS bytes
FROM delivered
WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR owner_id = $3)
GROUP BY day
ORDER BY day;

-- name: by_asset
SELECT asset_id AS name, sum(requests)::bigint AS requests, sum(errors)::bigint AS errors, sum(bytes)::bigint AS bytes
FROM delivered
WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR owner_id = $3)
GROUP BY asset_id
ORDER BY 4 DESC, 1;

-- name: by_owner
SELECT owner_id AS name, sum(requests)::bigint AS requests, sum(errors)::bigint AS errors, sum(bytes)::bigint AS bytes
FROM delivered
WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR owner_id = $3)
GROUP BY owner_id
ORDER BY 4 DESC, 1;

-- name: by_pathway
SELECT pathway AS name, sum(requests)::bigint AS requests, sum(errors)::bigint AS errors, sum(bytes)::bigint AS bytes
FROM delivered
WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR owner_id = $3)
GROUP BY pathway
ORDER BY 4 DESC, 1;
