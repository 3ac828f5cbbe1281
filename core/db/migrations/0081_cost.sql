-- What work costs: the CPU time of every step, and who may see what the installation costs.

-- Seconds of CPU that the step's programs took, of all attempts together; NULL: of a release that did not count them.
ALTER TABLE steps ADD COLUMN cpu_s double precision;

-- An owner that runs the installation. The first one does.
ALTER TABLE owners ADD COLUMN is_admin boolean NOT NULL DEFAULT false;
UPDATE owners SET is_admin = true WHERE id = (SELECT id FROM owners ORDER BY created_at, id LIMIT 1);
