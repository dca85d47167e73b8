-- Alerts: who must know, who was told, and who took it.

-- One row per call and reason, made in the transaction of the frame that opens it. `data` is the whole alert as JSON;
-- the columns beside it repeat what is searched and sorted. `version` is the guard: a change is written only by the
-- statement that moves it from the version it was decided on, so nobody is told twice for one step.
CREATE TABLE alerts (
    id              TEXT    NOT NULL PRIMARY KEY,
    tenant          TEXT    NOT NULL,
    -- None for a drill.
    call_id         TEXT,
    reason          TEXT    NOT NULL,
    priority        TEXT    NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4')),
    state           TEXT    NOT NULL CHECK (state IN ('open', 'escalated', 'acknowledged', 'resolved', 'unanswered')),
    -- Where the roster stands, from 0.
    step            INTEGER NOT NULL,
    round           INTEGER NOT NULL,
    -- When the next step is due, by the wall clock.
    next_at         TEXT,
    opened_at       TEXT    NOT NULL,
    acknowledged_by TEXT,
    acknowledged_at TEXT,
    acknowledged_how TEXT,
    updated_at      TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    data            TEXT    NOT NULL,
    FOREIGN KEY (tenant, call_id) REFERENCES calls (tenant, id)
) STRICT;

-- Those whose clock runs: a handful, however many there have been.
CREATE INDEX alerts_running ON alerts (next_at) WHERE state IN ('open', 'escalated');
CREATE INDEX alerts_of_call ON alerts (call_id, tenant) WHERE call_id IS NOT NULL;
CREATE INDEX alerts_newest ON alerts (opened_at, id);
CREATE INDEX alerts_newest_of_tenant ON alerts (tenant, opened_at, id);

-- The receipt: one row per thing that happened. Rows are only ever appended.
CREATE TABLE alert_events (
    alert_id TEXT    NOT NULL REFERENCES alerts (id),
    seq      INTEGER NOT NULL,
    at       TEXT    NOT NULL,
    what     TEXT    NOT NULL,
    PRIMARY KEY (alert_id, seq)
) STRICT, WITHOUT ROWID;

-- The alert a text belongs to.
ALTER TABLE sms_messages ADD COLUMN alert_id TEXT;

-- Who took a shift over, until when. The newest of each tenant counts; it is over by itself.
CREATE TABLE oncall_shifts (
    tenant TEXT NOT NULL PRIMARY KEY,
    shift  TEXT NOT NULL
) STRICT;
