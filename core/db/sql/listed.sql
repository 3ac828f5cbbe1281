-- name: titles
-- What pages say of these assets, those that are listed.
SELECT * FROM listed_assets WHERE id = ANY($1) ORDER BY id;

-- name: changed
-- Assets whose page may have changed, taken off the list; in the transaction that brings their entries up to date.
DELETE FROM listing_changes WHERE id IN (SELECT id FROM listing_changes ORDER BY id LIMIT $1)
RETURNING asset_id;

-- name: expired
SELECT asset_id FROM sitemap_entries WHERE is_listed AND expires_at <= now() ORDER BY expires_at LIMIT $1;

-- name: entries
SELECT e.asset_id, e.part, e.url, e.version, e.bytes, e.is_listed, a.owner_id
FROM sitemap_entries e JOIN assets a ON a.id = e.asset_id WHERE e.asset_id = ANY($1);

-- name: states
-- These files, and the newest one, last.
SELECT number, entries, bytes FROM sitemap_parts
WHERE number = ANY($1) OR number = (SELECT max(number) FROM sitemap_parts) ORDER BY number;

-- name: keep_parts
-- $2 to $4: by how much each of these parts changes.
INSERT INTO sitemap_parts (number, entries, bytes, listed, changed_at)
SELECT number, entries, bytes, listed, now() FROM unnest($1::int[], $2::int[], $3::bigint[], $4::int[])
    AS t (number, entries, bytes, listed)
ON CONFLICT (number) DO UPDATE SET
    entries = sitemap_parts.entries + EXCLUDED.entries,
    bytes = sitemap_parts.bytes + EXCLUDED.bytes,
    listed = sitemap_parts.listed + EXCLUDED.listed,
    changed_at = now();

-- name: keep_entries
INSERT INTO sitemap_entries (asset_id, part, url, version, bytes, is_listed, expires_at, changed_at)
SELECT asset_id, part, url, version, bytes, is_listed, expires_at, now()
FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::bool[], $7::timestamptz[])
    AS t (asset_id, part, url, version, bytes, is_listed, expires_at)
ON CONFLICT (asset_id) DO UPDATE SET
    part = EXCLUDED.part, url = EXCLUDED.url, version = EXCLUDED.version, bytes = EXCLUDED.bytes, is_listed = EXCLUDED.is_listed,
    expires_at = EXCLUDED.expires_at, changed_at = now();

-- name: parts
-- The files of the sitemap that name anything.
SELECT number, changed_at FROM sitemap_parts WHERE listed > 0 ORDER BY number;

-- name: part
-- One file. `settled`: nothing has changed since that its entries do not say yet.
SELECT p.number, p.changed_at, p.listed,
    NOT EXISTS (SELECT FROM listing_changes)
        AND NOT EXISTS (SELECT FROM sitemap_entries e WHERE e.is_listed AND e.expires_at <= now()) AS settled
FROM sitemap_parts p WHERE p.number = $1 AND p.listed > 0;

-- name: page_of_part
-- The next entries of a file after an asset, in the order of their ids; of what is no longer listed the id alone.
SELECT e.asset_id AS entry_id, e.changed_at, a.*
FROM (
    SELECT asset_id, changed_at FROM sitemap_entries
    WHERE part = $1 AND is_listed AND asset_id > $2 ORDER BY asset_id LIMIT $3
) e
LEFT JOIN listed_assets a ON a.id = e.asset_id
ORDER BY e.asset_id;

-- name: newest
-- Listed titles, newest first, below a cursor; of an owner and with a tag, where those are given.
SELECT * FROM listed_assets
WHERE ($1::text IS NULL OR id < $1)
    AND ($2::text IS NULL OR owner_id = $2)
    AND ($3::text IS NULL OR tags @> ARRAY[$3])
ORDER BY id DESC LIMIT $4;
