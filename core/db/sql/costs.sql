-- name: catalogue
-- Titles, and those that became ready, for the first time or again, within a month.
SELECT count(*) AS titles, count(*) FILTER (WHERE ready_at > now() - interval '30 days') AS new_titles
FROM assets WHERE status = 'ready' AND deleted_at IS NULL;

-- name: delivered
-- What CDNs have delivered within 30 whole days, and over how many of them logs were imported.
SELECT COALESCE(sum(bytes), 0)::bigint AS bytes, COALESCE(max(day) - min(day) + 1, 0) AS days
FROM delivered, (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS utc
WHERE day >= today - 30 AND day < today;

-- name: work
-- What the $1 newest titles took to make and are stored as, by what they are encoded with and from. $2, $3, $4: kinds of
-- step that encode, make pictures and make captions. A title that was made several times counts once, with the mean.
-- CPU seconds are of titles all of whose steps were measured, whose minutes are `measured_min`.
WITH newest AS (
    SELECT id, options, source, source_bytes, revision_id FROM assets
    WHERE status = 'ready' AND deleted_at IS NULL AND revision_id IS NOT NULL
    ORDER BY id DESC LIMIT $1
),
spent AS (
    SELECT newest.id,
        sum(steps.cpu_s) FILTER (WHERE kind = ANY($2::text[])) AS encode_s,
        sum(steps.cpu_s) FILTER (WHERE kind = ANY($3::text[])) AS pictures_s,
        sum(steps.cpu_s) FILTER (WHERE kind = ANY($4::text[])) AS captions_s,
        greatest(1, count(*) FILTER (WHERE kind = 'publish' AND state = 'done')) AS runs,
        bool_and(steps.cpu_s IS NOT NULL) AS is_measured
    FROM newest JOIN steps ON steps.asset_id = newest.id AND steps.state = 'done'
        AND kind = ANY($2::text[] || $3::text[] || $4::text[])
    GROUP BY newest.id
),
title AS (
    SELECT newest.*, spent.*, summary,
        (summary ->> 'duration_s')::float8 / 60 AS minutes,
        (SELECT sum((one ->> 'bytes')::float8) FROM jsonb_array_elements(summary -> 'renditions') AS one)
            + COALESCE((SELECT sum((one ->> 'bytes')::float8) FROM jsonb_array_elements(summary -> 'downloads') AS one), 0)
            AS ladder_bytes,
        jsonb_array_length(summary -> 'renditions') AS renditions,
        (SELECT sum((one #>> '{}')::float8)
         FROM pictures, jsonb_path_query(to_jsonb(ARRAY[album, chosen]), 'strict $.**.size_bytes') AS one
         WHERE pictures.asset_id = newest.id) AS pictures_bytes
    FROM newest JOIN spent USING (id)
    JOIN revisions ON revisions.asset_id = newest.id AND revisions.id = newest.revision_id
)
SELECT
    COALESCE(options ->> 'profile', 'standard') AS profile,
    COALESCE(options ->> 'effort', 'balanced') AS effort,
    COALESCE(options ->> 'codec', 'h264') AS codec,
    least((source -> 'video' ->> 'shown_width')::int, (source -> 'video' ->> 'shown_height')::int) AS short_side,
    source -> 'video' ->> 'frame_rate' AS frame_rate,
    count(*) AS titles,
    sum(minutes) AS minutes,
    COALESCE(sum(minutes) FILTER (WHERE is_measured), 0) AS measured_min,
    COALESCE(sum(encode_s / runs) FILTER (WHERE is_measured), 0) AS encode_cpu_s,
    COALESCE(sum(pictures_s / runs) FILTER (WHERE is_measured), 0) AS pictures_cpu_s,
    COALESCE(sum(captions_s / runs) FILTER (WHERE is_measured), 0) AS captions_cpu_s,
    sum(ladder_bytes) AS ladder_bytes,
    COALESCE(sum(pictures_bytes), 0) AS pictures_bytes,
    COALESCE(sum(source_bytes), 0)::float8 AS source_bytes,
    sum(renditions * minutes) AS rendition_min
FROM title WHERE minutes > 0
GROUP BY 1, 2, 3, 4, 5
ORDER BY minutes DESC;
