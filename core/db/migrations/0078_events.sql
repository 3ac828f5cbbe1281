-- Every event of an asset, its uploads and its tracks names the asset; and the events of an owner are read in order.
-- Generated: rows of older releases have it as well, also those that are written while this release is being rolled out.
ALTER TABLE events ADD COLUMN asset_id text
    GENERATED ALWAYS AS (CASE WHEN object_type = 'asset' THEN object_id ELSE payload ->> 'asset_id' END) STORED;
CREATE INDEX events_of_owner ON events (owner_id, transaction, position);
