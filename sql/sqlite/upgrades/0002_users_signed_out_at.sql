-- When a person signed out last: a sign-in from before it counts no more.
ALTER TABLE users ADD COLUMN signed_out_at DATETIME2(6) NULL;
