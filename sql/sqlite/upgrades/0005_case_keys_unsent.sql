-- By what else than its id a case is found: the ids of its alerts, which belong to one case alone; accounts and
-- counterparties in the form in which search texts are compared.
CREATE TABLE case_keys (
    kind    NVARCHAR(20) NOT NULL CHECK (kind IN ('alert', 'account', 'counterparty')),
    key     NVARCHAR(200) NOT NULL,
    case_id NVARCHAR(20) NOT NULL REFERENCES cases (case_id),
    PRIMARY KEY (kind, key, case_id)
) WITHOUT ROWID;

-- What a person has typed on a case and not sent: it is no evidence, and goes with what they send.
CREATE TABLE unsent (
    user_id NVARCHAR(64) NOT NULL REFERENCES users (user_id),
    case_id NVARCHAR(20) NOT NULL REFERENCES cases (case_id),
    form    NVARCHAR(40) NOT NULL,
    field   NVARCHAR(80) NOT NULL,
    value   NVARCHAR NOT NULL,
    kept_at DATETIME2(6) NOT NULL,
    PRIMARY KEY (user_id, case_id, form, field)
) WITHOUT ROWID;
