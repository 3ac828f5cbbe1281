-- What the owner of a title can do better when filming: codes of core.media.advice. Their words are not stored.
ALTER TABLE assets ADD COLUMN advice text[] NOT NULL DEFAULT '{}';
