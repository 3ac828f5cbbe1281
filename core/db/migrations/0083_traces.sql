-- The trace id (W3C, 32 hexadecimal digits) of the request that began the asset's upload or pull, and of what queued a step.
ALTER TABLE assets ADD COLUMN trace text;
ALTER TABLE steps ADD COLUMN trace text;
