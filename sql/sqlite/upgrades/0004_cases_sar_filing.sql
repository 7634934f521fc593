-- When the SAR of a case is due, where it stands, when it was filed, and FinCEN's id of the report.
ALTER TABLE cases ADD COLUMN sar_due_at DATETIME2(6) NULL;
ALTER TABLE cases ADD COLUMN filing NVARCHAR(10) NOT NULL DEFAULT ''
    CHECK (filing IN ('', 'To draft', 'To approve', 'To file', 'Filed'));
ALTER TABLE cases ADD COLUMN filed_at DATETIME2(6) NULL;
ALTER TABLE cases ADD COLUMN bsa_id NVARCHAR(14) NOT NULL DEFAULT '' CHECK (LENGTH(bsa_id) IN (0, 14));
