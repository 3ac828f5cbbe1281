-- name: insert
INSERT INTO playback_ids (id, asset_id, policy) VALUES ($1, $2, $3);

-- name: set_policy
-- Of all playback ids of an asset.
UPDATE playback_ids SET policy = $2 WHERE asset_id = $1;

-- name: of_owner
-- What the URLs of a playback id depend on.
SELECT a.options, (SELECT to_jsonb(i) FROM pictures i WHERE i.asset_id = a.id) AS pictures
FROM playback_ids p JOIN assets a ON a.id = p.asset_id
WHERE p.id = $1 AND a.owner_id = $2;

-- name: remove
DELETE FROM playback_ids p USING assets a
WHERE p.id = $1 AND p.asset_id = $2 AND a.id = p.asset_id AND a.owner_id = $3
RETURNING p.id;

-- name: chapters
-- Those that the owner has given.
SELECT chapters FROM assets WHERE id = $1;

-- name: published
-- What the origin needs to start a session: the policy, the domains and the published revision, if there is one.
SELECT p.policy, a.id AS asset_id, a.owner_id, a.revision_id, a.title, a.status, a.allowed_domains,
    left(md5(a.chapters::text), 12) AS chapters_version,
    a.deleted_at IS NOT NULL AS deleted, a.taken_down_at IS NOT NULL AS taken_down,
    a.language, a.description, a.tags, a.published_at, a.expires_at, a.listed, a.page_url, a.family_friendly, a.author,
    a.revision_id IS NOT NULL AND NOT a.provisional AS complete, a.trace,
    (SELECT min(q.id) FROM playback_ids q WHERE q.asset_id = a.id AND q.policy = 'public') AS public_id,
    EXISTS (SELECT FROM pictures i WHERE i.asset_id = a.id AND i.has_poster) AS has_poster
FROM playback_ids p JOIN assets a ON a.id = p.asset_id
WHERE p.id = $1;
