-- How often a step was put off for want of disk space, memory or a service, which is no attempt at it.

ALTER TABLE steps ADD COLUMN postponements int NOT NULL DEFAULT 0;
