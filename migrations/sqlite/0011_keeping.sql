-- What is kept for a time only, and who did what.

-- The words of an ended call are gone: nothing was said, and no tool was told anything, as far as its frames tell.
ALTER TABLE calls ADD COLUMN words_gone INTEGER NOT NULL DEFAULT 0;
-- What is over, the oldest first: with its words, and at all.
CREATE INDEX calls_with_words ON calls (tenant, started_at) WHERE NOT words_gone;
CREATE INDEX calls_over ON calls (tenant, started_at) WHERE status <> 'active';

-- What people and their programs did that somebody may ask about later. Rows are only ever appended. Never a number,
-- a name or what anybody said: `subject` is a keyed digest.
CREATE TABLE audit_log (
    position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at       TEXT    NOT NULL,
    -- The role of the token, or the name it has.
    by       TEXT    NOT NULL,
    -- '': of all.
    tenant   TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_log_of_tenant ON audit_log (tenant, position);
