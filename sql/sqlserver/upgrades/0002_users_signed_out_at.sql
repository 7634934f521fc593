-- From version 1 to version 2: `users` keeps when a person signed out last; a sign-in from before it counts no more.
-- `python -m app init` runs it; a DBA may run it instead, as a member of db_owner, in SSMS or with sqlcmd, in the desk's
-- database, while every desk is stopped, and runs security.sql again afterwards. All or nothing; of a database that is
-- of version 2 or later it changes nothing.
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

IF OBJECT_ID(N'dbo.cases', N'U') IS NULL
    THROW 51009, 'The desk has no tables here. Run schema.sql instead.', 1;

IF OBJECT_ID(N'dbo.schema_version', N'U') IS NULL
BEGIN
    EXEC (N'CREATE TABLE dbo.schema_version (version INT NOT NULL CONSTRAINT schema_version_pk PRIMARY KEY)');
    EXEC (N'INSERT INTO dbo.schema_version (version) VALUES (1)');
    EXEC (N'ALTER TABLE dbo.users ADD signed_out_at DATETIME2(6) NULL');
    EXEC (N'UPDATE dbo.schema_version SET version = 2');
END;

COMMIT TRANSACTION;
