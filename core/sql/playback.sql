-- name: insert
INSERT INTO playback_ids (id, asset_id, policy) VALUES ($1, $2, $3);

-- name: of_asset
SELECT id, policy FROM playback_ids WHERE asset_id = $1 ORDER BY id;

-- name: of_owner
SELECT p.id, p.policy, p.asset_id FROM playback_ids p JOIN assets a ON a.id = p.asset_id
WHERE p.id = $1 AND a.owner_id = $2;

-- name: published
-- What the origin needs to start a session: the policy and the published revision, if there is one.
SELECT p.policy, a.id AS asset_id, a.revision_id, a.title, a.status
FROM playback_ids p JOIN assets a ON a.id = p.asset_id
WHERE p.id = $1;
