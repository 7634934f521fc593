-- What a DBA can check of the chains without Python. It changes nothing: each SELECT names one problem and returns no
-- rows where there is none; the last one counts what was looked at. Where there was a problem it ends with error 51008,
-- so that a job of SQL Server Agent fails, and sqlcmd -b ends with 1.
-- Run it in the desk's database in SSMS or with sqlcmd (sqlcmd -b -i verify_links.sql), as a member of aml_auditor or
-- with SELECT on the three tables. It reads as of one moment and holds up nobody; database.sql must have been run.
-- It runs on Babelfish for PostgreSQL too, except for the two checks marked SQL Server and Azure SQL only.
--
-- It does not replace `python -m app verify`, which also replays every event and compares each column of the case row
-- with what the events add up to.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
GO

DECLARE @problems BIGINT = 0;
BEGIN TRANSACTION;

-- Events whose prev_hash is neither 64 zeros nor the hash of an event of the same case: their predecessor was deleted,
-- or one of the two was changed.
SELECT N'predecessor missing' AS problem, event.case_id, event.event_id, event.prev_hash
FROM dbo.case_events AS event
WHERE event.prev_hash <> REPLICATE('0', 64)
  AND NOT EXISTS (
      SELECT 1
      FROM dbo.case_events AS earlier
      WHERE earlier.case_id = event.case_id AND earlier.event_hash = event.prev_hash
  )
ORDER BY event.case_id, event.event_id;
SET @problems += @@ROWCOUNT;

-- Forks: two events with the same predecessor, or two first events. The constraint case_events_do_not_fork refuses
-- them, so that one here means that it was taken off.
SELECT N'fork' AS problem, case_id, prev_hash, COUNT(*) AS events, MIN(event_id) AS first_id, MAX(event_id) AS last_id
FROM dbo.case_events
GROUP BY case_id, prev_hash
HAVING COUNT(*) > 1
ORDER BY case_id, prev_hash;
SET @problems += @@ROWCOUNT;

-- Events that do not follow the one stored before them in their case.
SELECT N'out of order' AS problem, case_id, event_id, prev_hash, stored_before
FROM (
    SELECT case_id, event_id, prev_hash,
        COALESCE(LAG(event_hash) OVER (PARTITION BY case_id ORDER BY event_id), REPLICATE('0', 64)) AS stored_before
    FROM dbo.case_events
) AS linked
WHERE prev_hash <> stored_before
ORDER BY case_id, event_id;
SET @problems += @@ROWCOUNT;

-- Events that claim to be earlier than the one that they follow.
SELECT N'backdated' AS problem, event.case_id, event.event_id, event.ts,
    earlier.event_id AS follows, earlier.ts AS follows_ts
FROM dbo.case_events AS event
JOIN dbo.case_events AS earlier ON earlier.case_id = event.case_id AND earlier.event_hash = event.prev_hash
WHERE event.ts < earlier.ts
ORDER BY event.case_id, event.event_id;
SET @problems += @@ROWCOUNT;

-- Cases whose head_hash is not the hash of their newest event: newer events were cut off, or the row was changed.
SELECT N'head differs' AS problem, cases.case_id, cases.head_hash, newest.event_id, newest.event_hash
FROM dbo.cases AS cases
JOIN (
    SELECT case_id, event_id, event_hash, ROW_NUMBER() OVER (PARTITION BY case_id ORDER BY event_id DESC) AS place
    FROM dbo.case_events
) AS newest ON newest.case_id = cases.case_id AND newest.place = 1
WHERE newest.event_hash <> cases.head_hash
ORDER BY cases.case_id;
SET @problems += @@ROWCOUNT;

-- Cases that count more or fewer events than there are.
SELECT N'count differs' AS problem, cases.case_id, cases.event_count, COALESCE(stored.events, 0) AS events
FROM dbo.cases AS cases
LEFT JOIN (SELECT case_id, COUNT(*) AS events FROM dbo.case_events GROUP BY case_id) AS stored
    ON stored.case_id = cases.case_id
WHERE cases.event_count <> COALESCE(stored.events, 0)
ORDER BY cases.case_id;
SET @problems += @@ROWCOUNT;

-- Cases without an event, and events whose case is gone; the foreign key refuses the latter as long as it is there.
SELECT N'case without events' AS problem, cases.case_id
FROM dbo.cases AS cases
WHERE NOT EXISTS (SELECT 1 FROM dbo.case_events AS event WHERE event.case_id = cases.case_id)
ORDER BY cases.case_id;
SET @problems += @@ROWCOUNT;

SELECT N'event without case' AS problem, event.case_id, event.event_id
FROM dbo.case_events AS event
WHERE NOT EXISTS (SELECT 1 FROM dbo.cases AS cases WHERE cases.case_id = event.case_id)
ORDER BY event.case_id, event.event_id;
SET @problems += @@ROWCOUNT;

-- SQL Server and Azure SQL only: cases whose bucket is not the one that decides the QA sample. Babelfish computes
-- another CHECKSUM.
IF CAST(SERVERPROPERTY('BabelfishVersion') AS NVARCHAR(128)) IS NULL
BEGIN
SELECT N'bucket differs' AS problem, case_id, qa_bucket, ABS(CHECKSUM(case_id) % 10) AS computed
FROM dbo.cases
WHERE qa_bucket <> ABS(CHECKSUM(case_id) % 10)
ORDER BY case_id;
SET @problems += @@ROWCOUNT;
END;

-- SQL Server and Azure SQL only, for the collation that makes UTF-8 of a text: events whose fields do not give their
-- hash. SHA-256 over prev_hash, case_id, ts, user, action, notes and meta, joined by U+001F, in lower-case hex.
IF CAST(SERVERPROPERTY('BabelfishVersion') AS NVARCHAR(128)) IS NULL
BEGIN
EXEC (N'
SELECT N''edited'' AS problem, case_id, event_id, event_hash, computed
FROM (
    SELECT case_id, event_id, event_hash,
        LOWER(CONVERT(CHAR(64), HASHBYTES(''SHA2_256'', CONVERT(VARCHAR(MAX),
            prev_hash + NCHAR(31) + case_id
            + NCHAR(31) + STUFF(CONVERT(NVARCHAR(19), ts, 120), 11, 1, N''T'') + N''.''
            + RIGHT(N''00000'' + CONVERT(NVARCHAR(6), DATEPART(MICROSECOND, ts)), 6) + N''Z''
            + NCHAR(31) + [user] + NCHAR(31) + action
            + NCHAR(31) + notes COLLATE Latin1_General_100_CI_AS_SC_UTF8
            + NCHAR(31) + meta COLLATE Latin1_General_100_CI_AS_SC_UTF8
        )), 2)) COLLATE Latin1_General_BIN2 AS computed
    FROM dbo.case_events
) AS hashed
WHERE computed <> event_hash
ORDER BY case_id, event_id;');
SET @problems += @@ROWCOUNT;
END;

-- The guard of the events: taken away or disabled. It shows as missing as well to a login that may not see it
-- (aml_auditor may).
SELECT N'guard missing' AS problem, N'case_events_no_change' AS trigger_name
WHERE NOT EXISTS (
    SELECT 1
    FROM sys.triggers
    WHERE parent_id = OBJECT_ID(N'dbo.case_events') AND name = N'case_events_no_change' AND is_disabled = 0
);
SET @problems += @@ROWCOUNT;

SELECT
    (SELECT COUNT_BIG(*) FROM dbo.users) AS users,
    (SELECT COUNT_BIG(*) FROM dbo.cases) AS cases,
    (SELECT COUNT_BIG(*) FROM dbo.case_events) AS events;

COMMIT TRANSACTION;

IF @problems > 0
    THROW 51008, 'The chains are not intact: each row above names a problem.', 1;
GO

SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
GO
