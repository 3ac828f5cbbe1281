-- How often a step was queued again on request: what one file may cost has an end.

ALTER TABLE steps ADD COLUMN retries integer NOT NULL DEFAULT 0;
