-- Calls and what was recorded of them.
--
-- Times are RFC 3339 in UTC with three decimals, so that text sorts as time does. Tables are STRICT: a value of the
-- wrong type is refused when it is written, not when it is read. An applied file is never edited; the next number is.

-- One row per call: the fold of its frames, rewritten with every frame. `state` is the whole snapshot as JSON; the
-- columns beside it repeat what is searched, sorted or counted. `last_seq` is the guard: a frame is written only by
-- the statement that moves it from the frame's predecessor, so any number of confused writers still make one history.
CREATE TABLE calls (
    tenant       TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    platform     TEXT    NOT NULL,
    direction    TEXT,
    phase        TEXT    NOT NULL,
    -- active while live; completed when it ended as calls do; failed when it went silent or ended by a fault.
    status       TEXT    NOT NULL CHECK (status IN ('active', 'completed', 'failed')),
    priority     TEXT,
    -- The other side: who calls us, or whom we call. Free text, it can be a SIP address.
    phone_number TEXT,
    caller_name  TEXT,
    started_at   TEXT    NOT NULL,
    ended_at     TEXT,
    duration_s   INTEGER,
    ended_reason TEXT,
    ended_group  TEXT,
    updated_at   TEXT    NOT NULL,
    last_seq     INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

-- A call looked for by the platform's id alone.
CREATE INDEX calls_by_id ON calls (id);
-- Lists and counts: what is active, the most urgent first, the newest first within.
CREATE INDEX calls_by_status ON calls (status, priority, started_at DESC);
-- Is this number on the line now?
CREATE INDEX calls_by_number ON calls (phone_number, status) WHERE status = 'active';
-- Who has gone silent: the oldest of each phase.
CREATE INDEX calls_by_silence ON calls (phase, updated_at) WHERE status = 'active';

-- The history: one row per event that was decided, with everything it caused and the answer it got. Rows are only
-- ever appended. `position` is the order of commits over all calls; AUTOINCREMENT, so that a reader that remembers one
-- never meets it again on another frame after old calls were erased. A table clustered by call would be 5.5 times
-- slower to append to.
CREATE TABLE call_frames (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    -- What makes a second delivery of the same event recognisable.
    key        TEXT    NOT NULL,
    -- When the platform says it happened, and when we decided.
    at         TEXT    NOT NULL,
    decided_at TEXT    NOT NULL,
    facts      TEXT    NOT NULL,
    answer     TEXT    NOT NULL,
    -- Of the shape of `facts` and `answer`.
    version    INTEGER NOT NULL DEFAULT 1,
    UNIQUE (tenant, call_id, seq),
    UNIQUE (tenant, call_id, key),
    FOREIGN KEY (tenant, call_id) REFERENCES calls (tenant, id)
) STRICT;

-- Events that could not be processed, kept for people to look at. Without secrets, and without a foreign key: the
-- call may never have had a frame.
CREATE TABLE quarantined_events (
    tenant  TEXT NOT NULL,
    call_id TEXT NOT NULL,
    key     TEXT NOT NULL,
    raw     TEXT NOT NULL,
    why     TEXT NOT NULL,
    at      TEXT NOT NULL,
    PRIMARY KEY (tenant, call_id, key)
) STRICT;
