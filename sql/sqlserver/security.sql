-- Who may do what in the desk's database: the roles aml_desk, for the desk's own login, and aml_auditor, for people who
-- may look and verify but change nothing. For SQL Server 2019 and later and Azure SQL.
-- A DBA runs it after schema.sql, and again after an upgrade, in SSMS or with sqlcmd, in the desk's database, as a
-- member of db_owner; it may run again at any time. Then put the logins into the roles, as shown at the end.
--
-- What needs more than aml_desk:
--   python -m app init   CREATE TABLE, ALTER on the schema dbo, and ALTER on the database for database.sql: run it once,
--                        and for each upgrade, as a member of db_owner. Where everything is there already, aml_desk
--                        suffices. With --rebuild-keys: DELETE on case_keys.
--   python -m seed load  SET IDENTITY_INSERT takes ALTER on case_events, which aml_desk is denied: load as a member of
--                        db_owner, with a login that is not the desk's and not in aml_desk.
--   bulk_insert.sql      says at its top what it needs.
--
-- A DENY wins over every GRANT, and over db_datawriter and db_ddladmin. It does not bind dbo, the owner of a table or a
-- sysadmin, and a db_owner can take it back: such logins are not for the desk. TRUNCATE TABLE, DISABLE TRIGGER and
-- IDENTITY_INSERT take ALTER on the table. ALTER on the schema is enough for DROP TABLE: do not grant that either.

IF DATABASE_PRINCIPAL_ID(N'aml_desk') IS NULL
CREATE ROLE aml_desk AUTHORIZATION dbo;

IF DATABASE_PRINCIPAL_ID(N'aml_auditor') IS NULL
CREATE ROLE aml_auditor AUTHORIZATION dbo;
GO

-- The desk adds rows; it changes whether a user is active and when they signed out, and of a case what its events
-- change. Events and keys are only ever added. What people typed and did not send comes and goes. Each change is refused
-- where the version is not the desk's own.
GRANT SELECT ON dbo.schema_version TO aml_desk;
GRANT SELECT, INSERT ON dbo.users TO aml_desk;
GRANT UPDATE ON dbo.users (active, signed_out_at) TO aml_desk;
GRANT SELECT, INSERT ON dbo.cases TO aml_desk;
GRANT UPDATE ON dbo.cases (
    risk, risk_score, amount, status, owner, disposition, determined_at, closed_at, qa_result, qa_reviewer, qa_at,
    qa_notes, event_count, head_hash, sar_due_at, filing, filed_at, bsa_id
) TO aml_desk;
GRANT SELECT, INSERT ON dbo.case_events TO aml_desk;
GRANT SELECT, INSERT ON dbo.case_keys TO aml_desk;
GRANT SELECT, INSERT, UPDATE, DELETE ON dbo.unsent TO aml_desk;
DENY INSERT, UPDATE, DELETE, ALTER ON dbo.schema_version TO aml_desk;
DENY DELETE, ALTER ON dbo.users TO aml_desk;
DENY DELETE, ALTER ON dbo.cases TO aml_desk;
DENY UPDATE, DELETE, ALTER ON dbo.case_events TO aml_desk;
DENY UPDATE, DELETE, ALTER ON dbo.case_keys TO aml_desk;
DENY ALTER ON dbo.unsent TO aml_desk;

-- So that verification, whoever runs it, can see whether the trigger that guards the events is there and enabled.
GRANT VIEW DEFINITION ON dbo.case_events TO aml_desk;
GO

GRANT SELECT, VIEW DEFINITION ON dbo.schema_version TO aml_auditor;
GRANT SELECT, VIEW DEFINITION ON dbo.users TO aml_auditor;
GRANT SELECT, VIEW DEFINITION ON dbo.cases TO aml_auditor;
GRANT SELECT, VIEW DEFINITION ON dbo.case_events TO aml_auditor;
GRANT SELECT, VIEW DEFINITION ON dbo.case_keys TO aml_auditor;
DENY INSERT, UPDATE, DELETE, ALTER ON dbo.schema_version TO aml_auditor;
DENY INSERT, UPDATE, DELETE, ALTER ON dbo.users TO aml_auditor;
DENY INSERT, UPDATE, DELETE, ALTER ON dbo.cases TO aml_auditor;
DENY INSERT, UPDATE, DELETE, ALTER ON dbo.case_events TO aml_auditor;
DENY INSERT, UPDATE, DELETE, ALTER ON dbo.case_keys TO aml_auditor;
DENY SELECT, INSERT, UPDATE, DELETE, ALTER ON dbo.unsent TO aml_auditor;
GO

-- What the two roles hold now.
SELECT role.name AS role_name, OBJECT_NAME(permission.major_id) AS table_name,
    permission.state_desc, permission.permission_name
FROM sys.database_permissions AS permission
JOIN sys.database_principals AS role ON role.principal_id = permission.grantee_principal_id
WHERE role.name IN (N'aml_desk', N'aml_auditor') AND permission.class = 1
ORDER BY role.name, table_name, permission.state_desc, permission.permission_name;
GO

-- A login of the server. CREATE LOGIN is run in master; on Azure SQL connect to master for it.
--     CREATE LOGIN aml_desk_service WITH PASSWORD = N'<a long random password>';
-- Then in the desk's database:
--     CREATE USER aml_desk_service FOR LOGIN aml_desk_service;
--     ALTER ROLE aml_desk ADD MEMBER aml_desk_service;
--
-- A Windows account, which needs no password (Trusted_Connection=yes in the connection string). In master:
--     CREATE LOGIN [BANK\svc-aml-desk] FROM WINDOWS;
-- In the desk's database:
--     CREATE USER [BANK\svc-aml-desk] FOR LOGIN [BANK\svc-aml-desk];
--     ALTER ROLE aml_desk ADD MEMBER [BANK\svc-aml-desk];
--
-- A managed identity or a person of Microsoft Entra ID on Azure SQL, in the desk's database:
--     CREATE USER [aml-desk-app] FROM EXTERNAL PROVIDER;
--     ALTER ROLE aml_desk ADD MEMBER [aml-desk-app];
--     CREATE USER [auditor@bank.example] FROM EXTERNAL PROVIDER;
--     ALTER ROLE aml_auditor ADD MEMBER [auditor@bank.example];
