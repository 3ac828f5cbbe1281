-- name: is_gone
-- Deleted or taken down: nobody is shown it again. NULL where there never was such an asset.
SELECT deleted_at IS NOT NULL OR taken_down_at IS NOT NULL FROM assets WHERE id = $1;
