-- What pages for the public say of an asset, and whether they may name it. Whatever exists stays unlisted: its owner made
-- it before there was anything that could list it, and PATCHes `listed` where it is to be found.
ALTER TABLE owners ADD COLUMN list_by_default boolean NOT NULL DEFAULT true;
ALTER TABLE assets
    ADD COLUMN description      text NOT NULL DEFAULT '',
    ADD COLUMN tags             text[] NOT NULL DEFAULT '{}',
    ADD COLUMN published_at     timestamptz,  -- first published in full, unless its owner gives another time
    ADD COLUMN expires_at       timestamptz,  -- neither listed nor played from then on; NULL: never
    ADD COLUMN listed           boolean NOT NULL DEFAULT false,
    ADD COLUMN page_url         text,  -- the owner's page that shows it; NULL: its watch page
    ADD COLUMN family_friendly  boolean NOT NULL DEFAULT true,
    ADD COLUMN author           jsonb;  -- {"name", "url"}
UPDATE assets SET published_at = COALESCE(ready_at, created_at) WHERE revision_id IS NOT NULL AND NOT provisional;
ALTER TABLE pictures ADD COLUMN has_poster boolean NOT NULL
    GENERATED ALWAYS AS (chosen IS NOT NULL OR jsonb_array_length(COALESCE(album -> 'candidates', '[]')) > 0) STORED;
