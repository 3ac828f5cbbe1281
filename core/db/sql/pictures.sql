-- name: of_asset
SELECT asset_id, made_of, album, chosen, wanted, error, version FROM pictures WHERE asset_id = $1;

-- name: keep_album
-- What was found. A choice of a person stays.
INSERT INTO pictures (asset_id, made_of, album) VALUES ($1, $2, $3)
ON CONFLICT (asset_id) DO UPDATE SET made_of = $2, album = $3, version = pictures.version + 1, updated_at = now()
RETURNING chosen IS NULL AS shown, (SELECT owner_id FROM assets WHERE id = $1) AS owner_id;

-- name: choose
-- At once; a choice that was still being made is not wanted any more. NULL leaves it to us again.
INSERT INTO pictures (asset_id, chosen) VALUES ($1, $2)
ON CONFLICT (asset_id) DO UPDATE SET
    chosen = $2, wanted = NULL, error = NULL, version = pictures.version + 1, updated_at = now()
RETURNING made_of, album, chosen, wanted, error, version, (SELECT owner_id FROM assets WHERE id = $1) AS owner_id;

-- name: want
-- A choice that has to be made first. What is shown stays until then.
INSERT INTO pictures (asset_id, wanted) VALUES ($1, $2)
ON CONFLICT (asset_id) DO UPDATE SET
    wanted = $2, error = NULL, version = pictures.version + 1, updated_at = now();

-- name: made
-- No row where another choice was made meanwhile.
UPDATE pictures SET chosen = $3, wanted = NULL, error = NULL, version = version + 1, updated_at = now()
WHERE asset_id = $1 AND wanted = $2
RETURNING (SELECT owner_id FROM assets WHERE id = $1) AS owner_id;

-- name: not_made
-- No row where another choice was made meanwhile.
UPDATE pictures SET wanted = NULL, error = $3, version = version + 1, updated_at = now()
WHERE asset_id = $1 AND wanted = $2
RETURNING (SELECT owner_id FROM assets WHERE id = $1) AS owner_id;
