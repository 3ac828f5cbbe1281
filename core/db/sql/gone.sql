-- name: is_gone
-- Deleted or taken down: nobody is shown it again. NULL where there never was such an asset.
SELECT deleted_at IS NOT NULL OR taken_down_at IS NOT NULL FROM assets WHERE id = $1;


-- name: gone_of
-- Which of these assets were deleted. What was taken down may come back.
SELECT id FROM assets WHERE id = ANY($1) AND deleted_at IS NOT NULL;

-- name: sources_gone
-- Hashes of sources that only deleted assets had. What no asset has is being accepted.
SELECT sha256 FROM unnest($1::text[]) AS sha256
WHERE EXISTS (SELECT FROM assets WHERE source_sha256 = sha256 AND deleted_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM assets WHERE source_sha256 = sha256 AND deleted_at IS NULL);
