-- The embedded store. Times are text in the chain's own form (UTC, microseconds), so that they sort as they read.
-- Run by `python -m app init`; every statement may run again. Which version of it a file has says `user_version`: what
-- takes an older one there is in upgrades/, and a new column stands last here too.

CREATE TABLE IF NOT EXISTS users (
    user_id NVARCHAR(64) NOT NULL PRIMARY KEY CHECK (user_id <> '' AND user_id = TRIM(user_id)),
    name    NVARCHAR(200) NOT NULL,
    role    NVARCHAR(10) NOT NULL CHECK (role IN ('Analyst', 'QA', 'Manager')),
    active  BIT NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    signed_out_at DATETIME2(6) NULL
);

CREATE TABLE IF NOT EXISTS cases (
    case_id       NVARCHAR(20) NOT NULL PRIMARY KEY CHECK (case_id <> '' AND case_id = TRIM(case_id)),
    customer_id   NVARCHAR(40) NOT NULL,
    customer_name NVARCHAR(200) NOT NULL,
    typology      NVARCHAR(100) NOT NULL,
    risk          NVARCHAR(10) NOT NULL CHECK (risk IN ('Low', 'Medium', 'High')),
    risk_score    INTEGER NOT NULL CHECK (risk_score BETWEEN 0 AND 100),
    amount        DECIMAL(18, 2) NOT NULL CHECK (amount BETWEEN 0 AND 9999999999999.99),
    currency      NCHAR(3) NOT NULL,
    opened_at     DATETIME2(6) NOT NULL,
    due_at        DATETIME2(6) NOT NULL,
    status        NVARCHAR(10) NOT NULL CHECK (status IN ('New', 'In Review', 'Closed')),
    owner         NVARCHAR(64) NULL REFERENCES users (user_id),
    disposition   NVARCHAR(10) NOT NULL DEFAULT '' CHECK (disposition IN ('', 'No SAR', 'SAR', 'Escalate')),
    determined_at DATETIME2(6) NULL,
    closed_at     DATETIME2(6) NULL,
    qa_result     NVARCHAR(10) NOT NULL DEFAULT '' CHECK (qa_result IN ('', 'Pass', 'Fail')),
    qa_reviewer   NVARCHAR(64) NULL REFERENCES users (user_id),
    qa_at         DATETIME2(6) NULL,
    qa_notes      NVARCHAR NOT NULL DEFAULT '',
    qa_bucket     INTEGER NOT NULL CHECK (qa_bucket BETWEEN 0 AND 9),
    search        NVARCHAR(1000) NOT NULL,
    event_count   INTEGER NOT NULL,
    head_hash     CHAR(64) NOT NULL,
    sar_due_at    DATETIME2(6) NULL,
    filing        NVARCHAR(10) NOT NULL DEFAULT ''
        CHECK (filing IN ('', 'To draft', 'To approve', 'To file', 'Filed')),
    filed_at      DATETIME2(6) NULL,
    bsa_id        NVARCHAR(14) NOT NULL DEFAULT '' CHECK (LENGTH(bsa_id) IN (0, 14))
);

CREATE TABLE IF NOT EXISTS case_events (
    event_id   INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id    NVARCHAR(20) NOT NULL REFERENCES cases (case_id),
    ts         DATETIME2(6) NOT NULL,
    user       NVARCHAR(64) NOT NULL REFERENCES users (user_id),
    action     NVARCHAR(20) NOT NULL,
    notes      NVARCHAR NOT NULL DEFAULT '',
    meta       NVARCHAR NOT NULL DEFAULT '',
    prev_hash  CHAR(64) NOT NULL,
    event_hash CHAR(64) NOT NULL,
    UNIQUE (case_id, prev_hash)
);

-- By what else than its id a case is found: the ids of its alerts, which belong to one case alone; accounts and
-- counterparties in the form in which search texts are compared.
CREATE TABLE IF NOT EXISTS case_keys (
    kind    NVARCHAR(20) NOT NULL CHECK (kind IN ('alert', 'account', 'counterparty')),
    key     NVARCHAR(200) NOT NULL,
    case_id NVARCHAR(20) NOT NULL REFERENCES cases (case_id),
    PRIMARY KEY (kind, key, case_id)
) WITHOUT ROWID;

-- What a person has typed on a case and not sent: it is no evidence, and goes with what they send.
CREATE TABLE IF NOT EXISTS unsent (
    user_id NVARCHAR(64) NOT NULL REFERENCES users (user_id),
    case_id NVARCHAR(20) NOT NULL REFERENCES cases (case_id),
    form    NVARCHAR(40) NOT NULL,
    field   NVARCHAR(80) NOT NULL,
    value   NVARCHAR NOT NULL,
    kept_at DATETIME2(6) NOT NULL,
    PRIMARY KEY (user_id, case_id, form, field)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS cases_owner ON cases (owner);
CREATE INDEX IF NOT EXISTS cases_customer ON cases (customer_id, opened_at, case_id);
CREATE INDEX IF NOT EXISTS case_events_case_ts ON case_events (case_id, ts);

-- The log of all events, read as a whole: without their details, which take the most room by far.
CREATE INDEX IF NOT EXISTS case_events_log ON case_events (event_id, case_id, event_hash);

-- Triage: each order over all cases and over the open ones, with what the filters ask, so that a filter is judged in
-- the index and only the cases of the page are looked up.
CREATE INDEX IF NOT EXISTS cases_due ON cases (due_at, case_id, owner, risk, search);
CREATE INDEX IF NOT EXISTS cases_risk ON cases (risk_score, case_id, owner, risk, due_at, search);
CREATE INDEX IF NOT EXISTS cases_amount ON cases (amount, case_id, owner, risk, due_at, search);
CREATE INDEX IF NOT EXISTS cases_age ON cases (opened_at, case_id, owner, risk, due_at, search);
CREATE INDEX IF NOT EXISTS cases_open_due ON cases (due_at, case_id, owner, risk, search)
    WHERE status <> 'Closed';
CREATE INDEX IF NOT EXISTS cases_open_risk ON cases (risk_score, case_id, owner, risk, due_at, search)
    WHERE status <> 'Closed';
CREATE INDEX IF NOT EXISTS cases_open_amount ON cases (amount, case_id, owner, risk, due_at, search)
    WHERE status <> 'Closed';
CREATE INDEX IF NOT EXISTS cases_open_age ON cases (opened_at, case_id, owner, risk, due_at, search)
    WHERE status <> 'Closed';

-- Triage's rarer filters: which typologies there are; escalated cases, and SARs decided before filings were kept.
CREATE INDEX IF NOT EXISTS cases_by_typology ON cases (typology);
CREATE INDEX IF NOT EXISTS cases_by_disposition ON cases (disposition, due_at, case_id, filing, owner, risk, search)
    WHERE filing = '' AND disposition IN ('SAR', 'Escalate');

-- QA: by status, and among the closed what waits for review; what has been reviewed.
CREATE INDEX IF NOT EXISTS cases_status ON cases (status, qa_bucket, qa_result, closed_at, case_id);
CREATE INDEX IF NOT EXISTS cases_qa_reviewed ON cases (qa_at, case_id, qa_result) WHERE qa_result <> '';

-- SARs: by where they stand; what runs to its deadline, also of a case that was reopened; by FinCEN's id of the report.
CREATE INDEX IF NOT EXISTS cases_by_filing ON cases (filing, sar_due_at, case_id, owner, risk, search)
    WHERE filing <> '';
CREATE INDEX IF NOT EXISTS cases_sar_due ON cases (sar_due_at, case_id, filing, filed_at, owner, risk, search)
    WHERE filed_at IS NULL AND sar_due_at IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS cases_by_bsa_id ON cases (bsa_id) WHERE bsa_id <> '';

-- Keys: those of a case; an alert is of one case.
CREATE INDEX IF NOT EXISTS case_keys_by_case ON case_keys (case_id);
CREATE UNIQUE INDEX IF NOT EXISTS case_keys_alert ON case_keys (key) WHERE kind = 'alert';

-- Events are never changed. BEFORE INSERT stands in for INSERT OR REPLACE, which deletes without a DELETE trigger.
CREATE TRIGGER IF NOT EXISTS case_events_no_update BEFORE UPDATE ON case_events
BEGIN
    SELECT RAISE(ABORT, 'case_events rows are never changed');
END;

CREATE TRIGGER IF NOT EXISTS case_events_no_delete BEFORE DELETE ON case_events
BEGIN
    SELECT RAISE(ABORT, 'case_events rows are never deleted');
END;

CREATE TRIGGER IF NOT EXISTS case_events_no_replace BEFORE INSERT ON case_events
WHEN EXISTS (SELECT 1 FROM case_events WHERE event_id = NEW.event_id)
    OR EXISTS (SELECT 1 FROM case_events WHERE case_id = NEW.case_id AND prev_hash = NEW.prev_hash)
BEGIN
    SELECT RAISE(ABORT, 'case_events rows are never replaced');
END;
