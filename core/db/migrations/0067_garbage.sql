-- Garbage: whatever a row has stopped referring to is written down, with the time, by the transaction that changed the row.
-- Its objects stay for as long as a session on them may run; then they are deleted, and the entry last.

CREATE TABLE garbage (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_id     text NOT NULL,                                 -- no foreign key: a trigger must not wait for the asset
    released     jsonb NOT NULL,                                -- what the row said before
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    visit_after  timestamptz NOT NULL DEFAULT '-infinity'       -- another process looks at the asset until then
);
CREATE INDEX garbage_by_age ON garbage (at);
CREATE INDEX garbage_by_asset ON garbage (asset_id);

CREATE FUNCTION release_of_asset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO garbage (asset_id, released) VALUES (OLD.id, jsonb_build_object(
        'revision', OLD.revision_id, 'source', OLD.source_sha256, 'options', OLD.options));
    RETURN NULL;
END $$;

-- Also where a run ends: what its steps stored and nobody refers to is found then.
CREATE TRIGGER release AFTER UPDATE ON assets FOR EACH ROW WHEN (
    (NEW.revision_id IS DISTINCT FROM OLD.revision_id AND (OLD.revision_id IS NOT NULL OR NOT NEW.provisional))
    OR (NEW.source_sha256 IS DISTINCT FROM OLD.source_sha256 AND OLD.source_sha256 IS NOT NULL)
    OR (NEW.error IS DISTINCT FROM OLD.error AND NEW.error IS NOT NULL)
    OR (NEW.options, NEW.deleted_at) IS DISTINCT FROM (OLD.options, OLD.deleted_at)
) EXECUTE FUNCTION release_of_asset();

CREATE FUNCTION release_of_track() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO garbage (asset_id, released) VALUES (OLD.asset_id, jsonb_build_object(
        'made', OLD.made, 'wanted', OLD.wanted));
    RETURN NULL;
END $$;

CREATE TRIGGER release AFTER UPDATE ON tracks FOR EACH ROW WHEN (
    (OLD.made, OLD.wanted) IS DISTINCT FROM (NEW.made, NEW.wanted)
) EXECUTE FUNCTION release_of_track();
CREATE TRIGGER release_deleted AFTER DELETE ON tracks FOR EACH ROW EXECUTE FUNCTION release_of_track();

CREATE FUNCTION release_of_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO garbage (asset_id, released) VALUES (OLD.asset_id, jsonb_build_object(
        'album', OLD.album, 'chosen', OLD.chosen, 'wanted', OLD.wanted));
    RETURN NULL;
END $$;

CREATE TRIGGER release AFTER UPDATE ON pictures FOR EACH ROW WHEN (
    (OLD.album, OLD.chosen, OLD.wanted) IS DISTINCT FROM (NEW.album, NEW.chosen, NEW.wanted)
) EXECUTE FUNCTION release_of_pictures();

-- Titles of before this release are looked through once.
INSERT INTO garbage (asset_id, released) SELECT id, '{}' FROM assets WHERE source_key IS NOT NULL;

-- Whose retention may be over.
CREATE INDEX assets_with_source ON assets (COALESCE(ready_at, uploaded_at)) WHERE source_key IS NOT NULL;
-- Dubs that wait for the source of another asset.
CREATE INDEX tracks_waiting_for_source ON tracks ((wanted ->> 'clip_of')) WHERE status = 'queued';

-- Folders in a bucket that belong to nothing here, since they were first seen.
CREATE TABLE orphans (
    bucket   text NOT NULL,
    folder   text NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, folder)
);
-- How far each bucket has been looked through.
CREATE TABLE patrols (
    bucket  text PRIMARY KEY,
    after   text NOT NULL DEFAULT '',
    due_at  timestamptz NOT NULL DEFAULT now()
);
