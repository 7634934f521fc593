-- From version 3 to version 4: `cases` keeps when its SAR is due, where it stands, when it was filed, and FinCEN's id of
-- the report. `python -m app init` runs it; a DBA may run it instead, as a member of db_owner, in SSMS or with sqlcmd, in
-- the desk's database, while every desk is stopped, and runs schema.sql, which makes the indexes, and security.sql again
-- afterwards. All or nothing; of a database that is of version 4 or later it changes nothing, nor of one that is older
-- than version 3, which `python -m app init` alone takes there.
-- Each step is an EXEC of its own: SQL Server reads a batch whole, and refuses one that uses a column it is yet to add.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
SET NUMERIC_ROUNDABORT OFF;
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET LOCK_TIMEOUT -1;

BEGIN TRANSACTION;

DECLARE @lock NVARCHAR(255) = N'aml_schema of ' + DB_NAME();
EXEC sp_getapplock @Resource = @lock, @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = -1;

IF OBJECT_ID(N'dbo.schema_version', N'U') IS NULL
    THROW 51010, 'The tables are older than version 3, or there are none. Run python -m app init instead.', 1;

IF (SELECT MAX(version) FROM dbo.schema_version) = 3
BEGIN
    EXEC (N'ALTER TABLE dbo.cases ADD sar_due_at DATETIME2(6) NULL');
    EXEC (N'ALTER TABLE dbo.cases ADD filing NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT cases_filing DEFAULT N''''
        CONSTRAINT cases_filing_is_known
            CHECK (filing IN (N'''', N''To draft'', N''To approve'', N''To file'', N''Filed''))');
    EXEC (N'ALTER TABLE dbo.cases ADD filed_at DATETIME2(6) NULL');
    EXEC (N'ALTER TABLE dbo.cases ADD bsa_id NVARCHAR(14) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT cases_bsa_id DEFAULT N''''
        CONSTRAINT cases_bsa_id_is_whole CHECK (LEN(bsa_id) IN (0, 14))');
    EXEC (N'UPDATE dbo.schema_version SET version = 4');
END;

COMMIT TRANSACTION;
