-- Workers ask which of their local copies belong to deleted assets only.

CREATE INDEX assets_by_source ON assets (source_sha256) WHERE source_sha256 IS NOT NULL;
