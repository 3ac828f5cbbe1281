-- A PUT that began before its URL expired may end long after it: what an upload left is looked for again, for a week.

DROP INDEX uploads_to_sweep;
CREATE INDEX uploads_to_sweep ON uploads (expires_at)
    WHERE swept_at IS NULL OR swept_at - expires_at < interval '168 hours';

-- Nothing arrives for these any more; without this, all uploads there ever were would be swept once more.
UPDATE uploads SET swept_at = now() WHERE swept_at IS NOT NULL AND expires_at < now() - interval '30 days';
