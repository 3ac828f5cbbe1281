-- name: is_gone
-- Deleted or taken down: nobody is shown it again. NULL where there never was such an asset.
SELECT deleted_at IS NOT NULL OR taken_down_at IS NOT NULL FROM assets WHERE id = $1;


-- name: gone_of
-- Which of these assets were deleted. What was taken down may come back.
SELECT id FROM assets WHERE id = ANY($1) AND deleted_at IS NOT NULL;

-- name: sources_gone
-- Hashes of sources that nobody will read: those that only deleted assets had, and those that were released (replaced,
-- mended, kept long enough) by an asset without a step under way. What no asset has had yet is being accepted.
SELECT sha256 FROM unnest($1::text[]) AS sha256
WHERE (
    EXISTS (SELECT FROM assets WHERE source_sha256 = sha256 AND deleted_at IS NOT NULL)
    OR EXISTS (SELECT FROM garbage WHERE released ->> 'source' = sha256)
) AND NOT EXISTS (
    SELECT FROM assets WHERE source_sha256 = sha256 AND source_key IS NOT NULL AND deleted_at IS NULL
) AND NOT EXISTS (
    SELECT FROM garbage JOIN assets ON assets.id = garbage.asset_id JOIN steps ON steps.asset_id = assets.id
    WHERE garbage.released ->> 'source' = sha256 AND assets.deleted_at IS NULL AND steps.state IN ('queued', 'leased')
);
