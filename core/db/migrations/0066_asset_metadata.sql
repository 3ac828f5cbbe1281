-- The owner's own data of an asset: names and strings that Kadr only keeps.
ALTER TABLE assets ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';
