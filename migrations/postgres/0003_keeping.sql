-- What is kept for a time only, and who did what.

-- The words of an ended call are gone: nothing was said, and no tool was told anything, as far as its frames tell.
ALTER TABLE calls ADD COLUMN words_gone boolean NOT NULL DEFAULT false;
-- What is over, the oldest first: with its words, and at all. None of these columns changes while a call lasts.
CREATE INDEX calls_with_words ON calls (tenant, started_at) WHERE NOT words_gone;
CREATE INDEX calls_over ON calls (tenant, started_at) WHERE status <> 'active';

-- What people and their programs did that somebody may ask about later. Rows are only ever appended. Never a number,
-- a name or what anybody said: `subject` is a keyed digest.
CREATE TABLE audit_log (
    position bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    -- The role of the token, or the name it has.
    by       text        COLLATE "C" NOT NULL,
    -- '': of all.
    tenant   text        COLLATE "C" NOT NULL,
    action   text        COLLATE "C" NOT NULL,
    subject  text        COLLATE "C" NOT NULL,
    detail   text        COLLATE "C" NOT NULL
);
CREATE INDEX audit_log_of_tenant ON audit_log (tenant, position);
