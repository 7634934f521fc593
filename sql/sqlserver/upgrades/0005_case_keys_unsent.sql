-- From version 4 to version 5: the table `case_keys`, by what else than its id a case is found, and the table `unsent`,
-- what people have typed and not sent. `python -m app init` runs it, and then fills `case_keys` from the events, which is
-- version 6; a DBA may run it before that, as a member of db_owner, in SSMS or with sqlcmd, in the desk's database, while
-- every desk is stopped, and runs schema.sql, which makes the indexes, and security.sql again after init. All or nothing;
-- of a database that is of version 5 or later it changes nothing, nor of one that is older than version 4.

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

IF (SELECT MAX(version) FROM dbo.schema_version) = 4
BEGIN
    EXEC (N'CREATE TABLE dbo.case_keys (
        kind    NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
            CONSTRAINT case_keys_kind_is_known CHECK (kind IN (N''alert'', N''account'', N''counterparty'')),
        [key]   NVARCHAR(200) COLLATE Latin1_General_BIN2 NOT NULL,
        case_id NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
            CONSTRAINT case_keys_case REFERENCES dbo.cases (case_id),
        CONSTRAINT case_keys_pk PRIMARY KEY CLUSTERED (kind, [key], case_id)
    )');
    EXEC (N'CREATE TABLE dbo.unsent (
        user_id NVARCHAR(128) COLLATE Latin1_General_BIN2 NOT NULL
            CONSTRAINT unsent_user REFERENCES dbo.users (user_id),
        case_id NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
            CONSTRAINT unsent_case REFERENCES dbo.cases (case_id),
        form    NVARCHAR(40) COLLATE Latin1_General_BIN2 NOT NULL,
        field   NVARCHAR(80) COLLATE Latin1_General_BIN2 NOT NULL,
        value   NVARCHAR(MAX) NOT NULL,
        kept_at DATETIME2(6) NOT NULL,
        CONSTRAINT unsent_pk PRIMARY KEY CLUSTERED (user_id, case_id, form, field)
    )');
    EXEC (N'UPDATE dbo.schema_version SET version = 5');
END;

COMMIT TRANSACTION;
