-- Chapters that the owner has given: [{"start_s": 0, "title": "Introduction"}, ...] in their order; NULL: made from captions.
ALTER TABLE assets ADD COLUMN chapters jsonb;
