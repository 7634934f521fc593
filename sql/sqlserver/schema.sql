-- The desk's tables, indexes and triggers for SQL Server 2019 and later, Azure SQL, and Babelfish for PostgreSQL from
-- 4.4 on (4.3 refuses every row under the foreign keys, since they are over columns with a collation of their own).
-- Run it in the desk's own database, in SSMS, with sqlcmd, or by `python -m app init`; it may run again at any time: it
-- makes what is missing. An index is looked for by how its name begins, as Babelfish adds to it.
-- A database of an older version is taken to this one by the scripts in upgrades/, and then by `python -m app init`. A
-- new column stands last here too, as it does there.
-- Times are UTC. Lengths are in UTF-16 units, of which one character can need two.

SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON; -- sqlcmd has it off, and filtered indexes need it
SET NUMERIC_ROUNDABORT OFF; -- as they need this
GO

-- The version of what follows, in one row; a database with cases and without this table is of version 1.
IF OBJECT_ID(N'dbo.schema_version', N'U') IS NULL AND OBJECT_ID(N'dbo.cases', N'U') IS NULL
CREATE TABLE dbo.schema_version (
    version INT NOT NULL CONSTRAINT schema_version_pk PRIMARY KEY
);
GO

IF OBJECT_ID(N'dbo.cases', N'U') IS NULL
EXEC (N'
INSERT INTO dbo.schema_version (version) SELECT 6 WHERE NOT EXISTS (SELECT 1 FROM dbo.schema_version)
');
GO

IF OBJECT_ID(N'dbo.users', N'U') IS NULL
CREATE TABLE dbo.users (
    user_id NVARCHAR(128) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT users_pk PRIMARY KEY
        CONSTRAINT users_id_has_no_space_at_an_end
            CHECK (user_id <> N'' AND user_id NOT LIKE N' %' AND user_id NOT LIKE N'% '),
    name    NVARCHAR(400) NOT NULL,
    role    NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT users_role_is_known CHECK (role IN (N'Analyst', N'QA', N'Manager')),
    active  BIT NOT NULL CONSTRAINT users_active DEFAULT 1,
    signed_out_at DATETIME2(6) NULL
);
GO

IF OBJECT_ID(N'dbo.cases', N'U') IS NULL
CREATE TABLE dbo.cases (
    case_id       NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT cases_pk PRIMARY KEY
        CONSTRAINT cases_id_has_no_space_at_an_end
            CHECK (case_id <> N'' AND case_id NOT LIKE N' %' AND case_id NOT LIKE N'% '),
    customer_id   NVARCHAR(80) COLLATE Latin1_General_BIN2 NOT NULL,
    customer_name NVARCHAR(400) NOT NULL,
    typology      NVARCHAR(200) COLLATE Latin1_General_BIN2 NOT NULL,
    risk          NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT cases_risk_is_known CHECK (risk IN (N'Low', N'Medium', N'High')),
    risk_score    INT NOT NULL CONSTRAINT cases_risk_score_in_range CHECK (risk_score BETWEEN 0 AND 100),
    amount        DECIMAL(18, 2) NOT NULL
        CONSTRAINT cases_amount_in_range CHECK (amount BETWEEN 0 AND 9999999999999.99),
    currency      NCHAR(3) COLLATE Latin1_General_BIN2 NOT NULL,
    opened_at     DATETIME2(6) NOT NULL,
    due_at        DATETIME2(6) NOT NULL,
    status        NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT cases_status_is_known CHECK (status IN (N'New', N'In Review', N'Closed')),
    owner         NVARCHAR(128) COLLATE Latin1_General_BIN2 NULL
        CONSTRAINT cases_owner_is_a_user REFERENCES dbo.users (user_id),
    disposition   NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT cases_disposition DEFAULT N''
        CONSTRAINT cases_disposition_is_known CHECK (disposition IN (N'', N'No SAR', N'SAR', N'Escalate')),
    determined_at DATETIME2(6) NULL,
    closed_at     DATETIME2(6) NULL,
    qa_result     NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT cases_qa_result DEFAULT N''
        CONSTRAINT cases_qa_result_is_known CHECK (qa_result IN (N'', N'Pass', N'Fail')),
    qa_reviewer   NVARCHAR(128) COLLATE Latin1_General_BIN2 NULL
        CONSTRAINT cases_qa_reviewer_is_a_user REFERENCES dbo.users (user_id),
    qa_at         DATETIME2(6) NULL,
    qa_notes      NVARCHAR(MAX) NOT NULL CONSTRAINT cases_qa_notes DEFAULT N'',
    qa_bucket     INT NOT NULL CONSTRAINT cases_qa_bucket_in_range CHECK (qa_bucket BETWEEN 0 AND 9),
    search        NVARCHAR(1200) COLLATE Latin1_General_BIN2 NOT NULL,
    event_count   INT NOT NULL,
    head_hash     CHAR(64) COLLATE Latin1_General_BIN2 NOT NULL,
    sar_due_at    DATETIME2(6) NULL,
    filing        NVARCHAR(10) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT cases_filing DEFAULT N''
        CONSTRAINT cases_filing_is_known
            CHECK (filing IN (N'', N'To draft', N'To approve', N'To file', N'Filed')),
    filed_at      DATETIME2(6) NULL,
    bsa_id        NVARCHAR(14) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT cases_bsa_id DEFAULT N''
        CONSTRAINT cases_bsa_id_is_whole CHECK (LEN(bsa_id) IN (0, 14))
);
GO

-- Triage: each order over all cases and over the open ones, with what the filters ask, so that a filter is judged in
-- the index and only the cases of the page are looked up. QA: by status, and among the closed what waits for review.
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_owner%')
CREATE INDEX cases_owner ON dbo.cases (owner);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_customer%')
CREATE INDEX cases_customer ON dbo.cases (customer_id, opened_at, case_id);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_due%')
CREATE INDEX cases_due ON dbo.cases (due_at, case_id) INCLUDE (owner, risk, search);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_risk%')
CREATE INDEX cases_risk ON dbo.cases (risk_score, case_id) INCLUDE (owner, risk, due_at, search);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_amount%')
CREATE INDEX cases_amount ON dbo.cases (amount, case_id) INCLUDE (owner, risk, due_at, search);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_age%')
CREATE INDEX cases_age ON dbo.cases (opened_at, case_id) INCLUDE (owner, risk, due_at, search);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_open_due%')
CREATE INDEX cases_open_due ON dbo.cases (due_at, case_id) INCLUDE (owner, risk, search, status)
    WHERE status <> N'Closed';
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_open_risk%')
CREATE INDEX cases_open_risk ON dbo.cases (risk_score, case_id) INCLUDE (owner, risk, due_at, search, status)
    WHERE status <> N'Closed';
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_open_amount%')
CREATE INDEX cases_open_amount ON dbo.cases (amount, case_id) INCLUDE (owner, risk, due_at, search, status)
    WHERE status <> N'Closed';
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_open_age%')
CREATE INDEX cases_open_age ON dbo.cases (opened_at, case_id) INCLUDE (owner, risk, due_at, search, status)
    WHERE status <> N'Closed';
-- Triage's rarer filters: which typologies there are; escalated cases, and SARs decided before filings were kept.
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_by_typology%')
CREATE INDEX cases_by_typology ON dbo.cases (typology);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases')
    AND name LIKE N'cases_by_disposition%')
CREATE INDEX cases_by_disposition ON dbo.cases (disposition, due_at, case_id) INCLUDE (filing, owner, risk, search)
    WHERE filing = N'' AND disposition IN (N'SAR', N'Escalate');
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_status%')
CREATE INDEX cases_status ON dbo.cases (status, qa_bucket, qa_result, closed_at, case_id);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_qa_reviewed%')
CREATE INDEX cases_qa_reviewed ON dbo.cases (qa_at, case_id) INCLUDE (qa_result) WHERE qa_result <> N'';
-- SARs: by where they stand; what runs to its deadline, also of a case that was reopened; by FinCEN's id of the report.
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_by_filing%')
CREATE INDEX cases_by_filing ON dbo.cases (filing, sar_due_at, case_id) INCLUDE (owner, risk, search)
    WHERE filing <> N'';
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_sar_due%')
CREATE INDEX cases_sar_due ON dbo.cases (sar_due_at, case_id) INCLUDE (filing, filed_at, owner, risk, search)
    WHERE filed_at IS NULL AND sar_due_at IS NOT NULL;
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.cases') AND name LIKE N'cases_by_bsa_id%')
CREATE UNIQUE INDEX cases_by_bsa_id ON dbo.cases (bsa_id) WHERE bsa_id <> N'';
GO

-- A case's events lie together: read for every case that is opened, and case by case where all are verified.
IF OBJECT_ID(N'dbo.case_events', N'U') IS NULL
CREATE TABLE dbo.case_events (
    event_id   BIGINT IDENTITY (1, 1) NOT NULL,
    case_id    NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT case_events_case REFERENCES dbo.cases (case_id),
    ts         DATETIME2(6) NOT NULL,
    [user]     NVARCHAR(128) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT case_events_user REFERENCES dbo.users (user_id),
    action     NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL,
    notes      NVARCHAR(MAX) NOT NULL CONSTRAINT case_events_notes DEFAULT N'',
    meta       NVARCHAR(MAX) NOT NULL CONSTRAINT case_events_meta DEFAULT N'',
    prev_hash  CHAR(64) COLLATE Latin1_General_BIN2 NOT NULL,
    event_hash CHAR(64) COLLATE Latin1_General_BIN2 NOT NULL,
    CONSTRAINT case_events_pk PRIMARY KEY CLUSTERED (case_id, event_id),
    CONSTRAINT case_events_do_not_fork UNIQUE (case_id, prev_hash)
);
GO

-- A table of before has this instead, its primary key being event_id alone; or lacks it where its making was cut short.
IF NOT EXISTS (
    SELECT 1
    FROM sys.index_columns
    WHERE object_id = OBJECT_ID(N'dbo.case_events') AND key_ordinal = 2 AND COL_NAME(object_id, column_id) = N'event_id'
)
CREATE UNIQUE CLUSTERED INDEX case_events_by_case ON dbo.case_events (case_id, event_id);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.case_events')
    AND name LIKE N'case_events_case_ts%')
CREATE INDEX case_events_case_ts ON dbo.case_events (case_id, ts);
-- The log: every event by number, read for checkpoints without a sort.
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.case_events')
    AND name LIKE N'case_events_log%')
CREATE UNIQUE INDEX case_events_log ON dbo.case_events (event_id) INCLUDE (event_hash);
GO

-- By what else than its id a case is found: the ids of its alerts, which belong to one case alone; accounts and
-- counterparties in the form in which search texts are compared.
IF OBJECT_ID(N'dbo.case_keys', N'U') IS NULL
CREATE TABLE dbo.case_keys (
    kind    NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT case_keys_kind_is_known CHECK (kind IN (N'alert', N'account', N'counterparty')),
    [key]   NVARCHAR(200) COLLATE Latin1_General_BIN2 NOT NULL,
    case_id NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT case_keys_case REFERENCES dbo.cases (case_id),
    CONSTRAINT case_keys_pk PRIMARY KEY CLUSTERED (kind, [key], case_id)
);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.case_keys')
    AND name LIKE N'case_keys_by_case%')
CREATE INDEX case_keys_by_case ON dbo.case_keys (case_id);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.case_keys')
    AND name LIKE N'case_keys_alert%')
CREATE UNIQUE INDEX case_keys_alert ON dbo.case_keys ([key]) WHERE kind = N'alert';
GO

-- What a person has typed on a case and not sent: it is no evidence, and goes with what they send.
IF OBJECT_ID(N'dbo.unsent', N'U') IS NULL
CREATE TABLE dbo.unsent (
    user_id NVARCHAR(128) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT unsent_user REFERENCES dbo.users (user_id),
    case_id NVARCHAR(20) COLLATE Latin1_General_BIN2 NOT NULL
        CONSTRAINT unsent_case REFERENCES dbo.cases (case_id),
    form    NVARCHAR(40) COLLATE Latin1_General_BIN2 NOT NULL,
    field   NVARCHAR(80) COLLATE Latin1_General_BIN2 NOT NULL,
    value   NVARCHAR(MAX) NOT NULL,
    kept_at DATETIME2(6) NOT NULL,
    CONSTRAINT unsent_pk PRIMARY KEY CLUSTERED (user_id, case_id, form, field)
);
GO

-- Events are never changed. TRUNCATE fires no trigger: only DENY ALTER stops it (security.sql).
IF OBJECT_ID(N'dbo.case_events_no_change', N'TR') IS NULL
EXEC (N'
CREATE TRIGGER dbo.case_events_no_change ON dbo.case_events INSTEAD OF UPDATE, DELETE AS
BEGIN
    SET NOCOUNT ON;
    THROW 51000, ''case_events rows are never changed or deleted'', 1;
END;');
GO

IF EXISTS (SELECT 1 FROM sys.triggers WHERE object_id = OBJECT_ID(N'dbo.case_events_no_change') AND is_disabled = 1)
ALTER TABLE dbo.case_events ENABLE TRIGGER case_events_no_change;
GO
