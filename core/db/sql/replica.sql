-- name: primary
-- How far the log is written, in bytes, and whose log it is.
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS position,
    (SELECT system_identifier FROM pg_control_system()) AS cluster;

-- name: position
-- All that is committed by now lies before this place of the log.
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint;

-- name: standby
-- How far the log of its primary has been replayed; null on a server that replays none.
SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint AS position, pg_is_in_recovery() AS is_standby,
    (SELECT system_identifier FROM pg_control_system()) AS cluster;

-- name: replayed
-- Whether a standby has replayed the log up to this place.
SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') >= $1::bigint;
