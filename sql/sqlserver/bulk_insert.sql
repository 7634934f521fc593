-- Loads the four files that `python -m seed generate` writes, users.csv, cases.csv, case_events.csv and case_keys.csv,
-- into tables that schema.sql has made and that hold no cases yet. For SQL Server 2019 and later and Azure SQL. All or
-- nothing: it is one transaction, and every hash is computed again before it is kept.
--
-- A DBA runs it once, in SSMS or with sqlcmd, in the desk's database: set @folder below, copy the files to where the
-- SERVER can read them (BULK INSERT reads on the server, as its service account), run it whole. Afterwards, before
-- anyone works on the cases, whoever runs the desk checks the rest with `python -m app verify`.
--
-- `python -m seed load --from DIR` does the same through the driver, from any machine and to any server, Babelfish for
-- PostgreSQL included, which has no BULK INSERT; it takes longer.
--
-- What a desk of before version 3 has generated is for `python -m seed load` alone: its search texts are written anew on
-- the way in, which is not done here; `python -m app verify` would call those of names with accents a break. So is what
-- one of before version 5 has generated: it has no case_keys.csv, and its keys are made from the events on the way in.
--
-- What the login needs, which is not the desk's: INSERT and ALTER on the four tables (KEEPIDENTITY, and because insert
-- triggers are not fired), DELETE on users, CREATE VIEW and ALTER on the schema dbo for as long as it runs, and
--   SQL Server on Windows   ADMINISTER BULK OPERATIONS (the server role bulkadmin).
--   SQL Server on Linux     sysadmin; or, from 2022 CU24 and 2025 CU3 on, ADMINISTER BULK OPERATIONS as on Windows,
--                           once mssql-conf names the folder in bulkadmin.allowedpathslist. The account mssql, as
--                           which the server runs, must be able to read the files and to enter their folder.
--   Azure SQL               ADMINISTER DATABASE BULK OPERATIONS.
--
-- The files are UTF-8 without a byte order mark, their lines end with a bare line feed, a text may hold line feeds.
--   Windows, Azure SQL   CODEPAGE = '65001' says that they are UTF-8.
--   Linux                The server refuses CODEPAGE (error 16202), so that it is left out; 2019 documents 'RAW' alone,
--                        which does not convert. How a file is then read, Microsoft does not say; others report
--                        UTF-8. Where it is not, letters beyond ASCII arrive wrong, the hashes do not come out, and
--                        nothing is kept: use `python -m seed load` there.
--
-- An empty field stands for the column's default, without KEEPNULLS: disposition, qa_result, qa_notes, filing, bsa_id,
-- notes and meta become '' by their DEFAULT. The columns that have none and may be NULL (owner, determined_at, closed_at,
-- qa_reviewer, qa_at, sar_due_at, filed_at) become NULL. An empty field for a column with neither does not load if it is a number or a time; a column of
-- text, though NOT NULL, gets an empty or blank one, and of `cases` no check below sees that. So `python -m app verify`
-- afterwards is part of the load: it holds each column of a case against the case's events.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON; -- sqlcmd has it off, and filtered indexes need it
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET NUMERIC_ROUNDABORT OFF; -- as filtered indexes need it

-- Where the files are, with the separator at the end. Windows: N'C:\aml\data\', or a share that the server's account
-- can read. Linux: N'/var/opt/mssql/data/aml/'. Azure SQL: the folder within the container, N'aml/' or N''.
DECLARE @folder NVARCHAR(1000) = N'C:\aml\data\';

-- Azure SQL: the external data source that names the container, made once:
--     CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'<a long random password>';
--     CREATE DATABASE SCOPED CREDENTIAL aml_files
--         WITH IDENTITY = 'SHARED ACCESS SIGNATURE', SECRET = '<the SAS token, without the leading ?>';
--     CREATE EXTERNAL DATA SOURCE aml_files WITH (
--         TYPE = BLOB_STORAGE, LOCATION = 'https://<account>.blob.core.windows.net/<container>', CREDENTIAL = aml_files
--     );
-- Then say N'aml_files' here. Everywhere else leave NULL.
DECLARE @data_source NVARCHAR(128) = NULL;

IF RIGHT(@folder, 1) NOT IN (N'\', N'/', N'')
    THROW 51001, 'The folder has to end with a \ or a /.', 1;

DECLARE @options NVARCHAR(1000) = N' WITH (
    FORMAT = ''CSV'', DATAFILETYPE = ''char'', FIELDTERMINATOR = '','', FIELDQUOTE = ''"'', ROWTERMINATOR = ''0x0a'',
    FIRSTROW = 2, MAXERRORS = 0, CHECK_CONSTRAINTS, TABLOCK'
    + CASE WHEN @@VERSION LIKE N'%on Linux%' THEN N'' ELSE N', CODEPAGE = ''65001''' END
    + COALESCE(N', DATA_SOURCE = ''' + REPLACE(@data_source, N'''', N'''''') + N'''', N'');
DECLARE @from NVARCHAR(2100) = N' FROM N''' + REPLACE(@folder, N'''', N'''''');
DECLARE @users NVARCHAR(MAX) = N'BULK INSERT dbo.users_of_the_file' + @from + N'users.csv''' + @options + N');';
DECLARE @cases NVARCHAR(MAX) = N'BULK INSERT dbo.cases' + @from + N'cases.csv''' + @options + N');';
DECLARE @events NVARCHAR(MAX) = N'BULK INSERT dbo.case_events' + @from + N'case_events.csv''' + @options
    + N', KEEPIDENTITY);';
DECLARE @keys NVARCHAR(MAX) = N'BULK INSERT dbo.case_keys' + @from + N'case_keys.csv''' + @options + N');';

-- No TRY: XACT_ABORT undoes everything at the first error, and a CATCH would show its last message alone, without the
-- ones that name the row and the column.
BEGIN TRANSACTION;

-- As with every event that the desk adds, `python -m app checkpoint` waits until these are kept.
DECLARE @granted INT, @lock NVARCHAR(255) = N'aml_log of ' + DB_NAME();
EXEC @granted = sys.sp_getapplock @Resource = @lock, @LockMode = N'Shared', @LockOwner = N'Transaction';
IF @granted < 0
    THROW 51006, 'Someone else holds the log of events. Run this again in a moment.', 1;

IF EXISTS (SELECT 1 FROM dbo.cases WITH (TABLOCKX, HOLDLOCK))
    OR EXISTS (SELECT 1 FROM dbo.case_events WITH (TABLOCKX, HOLDLOCK))
    OR EXISTS (SELECT 1 FROM dbo.users WITH (TABLOCKX, HOLDLOCK) WHERE user_id <> N'alert-feed')
    THROW 51002, 'The desk''s tables are not empty, so nothing was loaded.', 1;

-- The service user that `python -m app init` has made is in users.csv as well.
DELETE FROM dbo.users WHERE user_id = N'alert-feed';

-- BULK INSERT takes a file for as many columns as the table has; users.csv leaves out when somebody signed out.
EXEC (N'CREATE VIEW dbo.users_of_the_file AS SELECT user_id, name, role, active FROM dbo.users');
EXEC sys.sp_executesql @users;
EXEC (N'DROP VIEW dbo.users_of_the_file');
EXEC sys.sp_executesql @cases;
EXEC sys.sp_executesql @events;
EXEC sys.sp_executesql @keys;

IF NOT EXISTS (SELECT 1 FROM dbo.users WHERE user_id = N'alert-feed') OR NOT EXISTS (SELECT 1 FROM dbo.cases)
    THROW 51003, 'users.csv lacks the service user alert-feed, or cases.csv holds no case. Nothing was loaded.', 1;

-- Each case has as many events as it counts, and the hash of the newest; there is no event besides.
IF (SELECT COUNT_BIG(*) FROM dbo.case_events) <> (SELECT COALESCE(SUM(CAST(event_count AS BIGINT)), 0) FROM dbo.cases)
    OR EXISTS (
        SELECT 1
        FROM dbo.cases AS cases
        LEFT JOIN (
            SELECT case_id, event_hash,
                COUNT(*) OVER (PARTITION BY case_id) AS events,
                ROW_NUMBER() OVER (PARTITION BY case_id ORDER BY event_id DESC) AS place
            FROM dbo.case_events
        ) AS newest ON newest.case_id = cases.case_id AND newest.place = 1
        WHERE newest.case_id IS NULL OR newest.events <> cases.event_count OR newest.event_hash <> cases.head_hash
    )
    THROW 51004, 'Cases and events do not belong together: a file is cut off or of another set. Nothing was loaded.', 1;

-- Each hash comes out of the fields as they are now: no letter was read wrongly.
IF EXISTS (
    SELECT 1
    FROM (
        SELECT event_hash,
            LOWER(CONVERT(CHAR(64), HASHBYTES('SHA2_256', CONVERT(VARCHAR(MAX),
                prev_hash + NCHAR(31) + case_id
                + NCHAR(31) + STUFF(CONVERT(NVARCHAR(19), ts, 120), 11, 1, N'T') + N'.'
                + RIGHT(N'00000' + CONVERT(NVARCHAR(6), DATEPART(MICROSECOND, ts)), 6) + N'Z'
                + NCHAR(31) + [user] + NCHAR(31) + action
                + NCHAR(31) + notes COLLATE Latin1_General_100_CI_AS_SC_UTF8
                + NCHAR(31) + meta COLLATE Latin1_General_100_CI_AS_SC_UTF8
            )), 2)) COLLATE Latin1_General_BIN2 AS computed
        FROM dbo.case_events
    ) AS hashed
    WHERE computed <> event_hash
)
    THROW 51005, 'The hashes do not fit the texts: the server did not read the files as UTF-8. Nothing was loaded.', 1;

COMMIT TRANSACTION;

-- The numbers that `python -m seed generate` has printed.
SELECT
    (SELECT COUNT_BIG(*) FROM dbo.users) AS users,
    (SELECT COUNT_BIG(*) FROM dbo.cases) AS cases,
    (SELECT COUNT_BIG(*) FROM dbo.case_events) AS events,
    (SELECT COUNT_BIG(*) FROM dbo.case_keys) AS keys;
GO
