-- name: holds
-- Whether this worker still holds the step; the row stays locked until the transaction ends.
SELECT id FROM steps WHERE id = $1 AND lease_token = $2 AND state = 'leased' FOR SHARE;

-- name: insert_revision
-- The update, of nothing, keeps the row: picture and sound that begin at the same moment agree who was second.
INSERT INTO growing_revisions (asset_id, id, facts) VALUES ($1, $2, $3)
ON CONFLICT (asset_id, id) DO UPDATE SET facts = EXCLUDED.facts;

-- name: insert_rendition
INSERT INTO growing_renditions (asset_id, revision_id, id, rendition) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: insert_segments
-- A chunk made a second time, after a kill, adds nothing to what viewers have been told.
INSERT INTO growing_segments (asset_id, revision_id, rendition_id, number, sha256, size_bytes, duration)
SELECT $1, $2, $3, * FROM unnest($4::int[], $5::text[], $6::bigint[], $7::bigint[]) ON CONFLICT DO NOTHING;

-- name: end_rendition
UPDATE growing_renditions SET ended = true WHERE asset_id = $1 AND revision_id = $2 AND id = $3;

-- name: begun
-- The renditions that have a segment.
SELECT array_agg(DISTINCT rendition_id) FROM growing_segments WHERE asset_id = $1 AND revision_id = $2 AND number = 0;

-- name: read
-- Everything of a growing revision in one row per segment, in order.
SELECT v.facts, r.id AS rendition_id, r.rendition, r.ended, s.number, s.sha256, s.size_bytes, s.duration
FROM growing_revisions v
JOIN growing_renditions r ON r.asset_id = v.asset_id AND r.revision_id = v.id
JOIN growing_segments s ON s.asset_id = v.asset_id AND s.revision_id = v.id AND s.rendition_id = r.id
WHERE v.asset_id = $1 AND v.id = $2
ORDER BY r.id, s.number;
