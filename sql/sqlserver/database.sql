-- Two settings of the desk's database on SQL Server: snapshots for those who read, and no waiting for those who write.
-- `python -m app init` runs it where one of them is off. A DBA may run it as well, in SSMS or with sqlcmd, in
-- the desk's database (never in master), outside a transaction, as a member of db_owner; it may run again at any time.
-- Azure SQL and Babelfish for PostgreSQL come with both settings on: there it changes nothing.

-- Every read of the desk, verification above all, sees the whole database as of one moment and holds up nobody.
-- SQL Server returns as soon as the transactions that are open in the database have ended.
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = DB_NAME() AND snapshot_isolation_state = 0)
EXEC (N'ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON');
GO

-- Reports that ask under READ COMMITTED do not wait for the desk's writers, nor those for the reports. SQL Server
-- switches this only while nobody else is connected to the database. The desk works without it, so that init
-- neither waits for others nor ends their sessions: each time it says that this is left to do.
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = DB_NAME() AND is_read_committed_snapshot_on = 0)
BEGIN TRY
    EXEC (N'ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH NO_WAIT');
END TRY
BEGIN CATCH
    PRINT N'READ_COMMITTED_SNAPSHOT is still off. Run sql/sqlserver/database.sql again while nobody is connected.';
END CATCH;
GO

-- 1 and 1: both are on.
SELECT snapshot_isolation_state, CAST(is_read_committed_snapshot_on AS INT) AS is_read_committed_snapshot_on
FROM sys.databases
WHERE name = DB_NAME();
GO
