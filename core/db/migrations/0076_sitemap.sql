-- Which file of the sitemap names which asset. An asset stays in its file, so that a change of one touches one file.

CREATE TABLE sitemap_parts (
    number      integer PRIMARY KEY,
    entries     integer NOT NULL DEFAULT 0,  -- assets with an entry in it, listed or not any more
    bytes       bigint NOT NULL DEFAULT 0,   -- of those that are listed
    listed      integer NOT NULL DEFAULT 0,
    changed_at  timestamptz NOT NULL
);

CREATE TABLE sitemap_entries (
    asset_id    text PRIMARY KEY REFERENCES assets (id),
    part        integer NOT NULL REFERENCES sitemap_parts (number),
    url         text NOT NULL,  -- of its page, as engines know it
    version     text NOT NULL,  -- digest of what its page says
    bytes       integer NOT NULL,
    is_listed   boolean NOT NULL,
    expires_at  timestamptz,
    changed_at  timestamptz NOT NULL
);
CREATE INDEX sitemap_entries_by_part ON sitemap_entries (part, asset_id) WHERE is_listed;
CREATE INDEX sitemap_entries_by_expiry ON sitemap_entries (expires_at) WHERE is_listed AND expires_at IS NOT NULL;

-- Assets whose page may have changed since the entries were brought up to date.
CREATE TABLE listing_changes (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_id  text NOT NULL  -- no foreign key: a trigger must not wait for the asset
);

CREATE FUNCTION listing_of_asset_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO listing_changes (asset_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER listing_made AFTER INSERT ON assets FOR EACH ROW WHEN (NEW.listed AND NEW.revision_id IS NOT NULL)
    EXECUTE FUNCTION listing_of_asset_changed();
CREATE TRIGGER listing_changed AFTER UPDATE ON assets FOR EACH ROW WHEN (
    (OLD.listed OR NEW.listed) AND (NOT NEW.provisional OR NOT OLD.provisional) AND (
        (OLD.title, OLD.description, OLD.tags, OLD.language, OLD.published_at, OLD.page_url, OLD.family_friendly,
         OLD.author, OLD.listed, OLD.policy, OLD.revision_id, OLD.provisional, OLD.deleted_at, OLD.taken_down_at,
         OLD.expires_at, OLD.chapters)
        IS DISTINCT FROM
        (NEW.title, NEW.description, NEW.tags, NEW.language, NEW.published_at, NEW.page_url, NEW.family_friendly,
         NEW.author, NEW.listed, NEW.policy, NEW.revision_id, NEW.provisional, NEW.deleted_at, NEW.taken_down_at,
         NEW.expires_at, NEW.chapters))
) EXECUTE FUNCTION listing_of_asset_changed();

CREATE FUNCTION listing_of_part_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO listing_changes (asset_id) VALUES (COALESCE(NEW.asset_id, OLD.asset_id));
    RETURN NULL;
END $$;

CREATE TRIGGER listing_made AFTER INSERT ON pictures FOR EACH ROW WHEN (NEW.has_poster)
    EXECUTE FUNCTION listing_of_part_changed();
CREATE TRIGGER listing_changed AFTER UPDATE ON pictures FOR EACH ROW WHEN (OLD.has_poster <> NEW.has_poster)
    EXECUTE FUNCTION listing_of_part_changed();
CREATE TRIGGER listing_made AFTER INSERT ON playback_ids FOR EACH ROW WHEN (NEW.policy = 'public')
    EXECUTE FUNCTION listing_of_part_changed();
CREATE TRIGGER listing_changed AFTER UPDATE ON playback_ids FOR EACH ROW WHEN (OLD.policy <> NEW.policy)
    EXECUTE FUNCTION listing_of_part_changed();
CREATE TRIGGER listing_ended AFTER DELETE ON playback_ids FOR EACH ROW WHEN (OLD.policy = 'public')
    EXECUTE FUNCTION listing_of_part_changed();

-- Pages of /videos by subject.
CREATE INDEX assets_by_tag ON assets USING gin (tags) WHERE listed;
