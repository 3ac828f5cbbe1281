-- Domains of the pages that may play an asset; none: any page.
ALTER TABLE assets ADD COLUMN allowed_domains text[] NOT NULL DEFAULT '{}';
