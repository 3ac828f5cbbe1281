-- Workers ask which of their local copies are of sources that were released.
CREATE INDEX garbage_by_source ON garbage ((released ->> 'source'));
