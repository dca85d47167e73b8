-- Text messages owed, and every attempt to send them.

-- Written in the transaction of the frame that owes the message. The primary key is made of reason and recipient, so
-- the same reason never texts the same person twice.
CREATE TABLE sms_messages (
    id           TEXT    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL,
    call_id      TEXT,
    to_number    TEXT    NOT NULL,
    contact      TEXT    NOT NULL,
    from_number  TEXT,
    body         TEXT    NOT NULL,
    segments     INTEGER NOT NULL,
    priority     TEXT    NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4')),
    state        TEXT    NOT NULL DEFAULT 'queued',
    -- Attempts that count against the limit; one the carrier throttled does not.
    attempts     INTEGER NOT NULL DEFAULT 0,
    -- Number of the newest row in sms_attempts; never goes back.
    last_attempt INTEGER NOT NULL DEFAULT 0,
    provider_id  TEXT,
    error_code   INTEGER,
    error        TEXT,
    due_at       TEXT    NOT NULL,
    expires_at   TEXT    NOT NULL,
    created_at   TEXT    NOT NULL,
    updated_at   TEXT    NOT NULL,
    FOREIGN KEY (tenant, call_id) REFERENCES calls (tenant, id)
) STRICT;

-- The queue, in the order it is claimed; it holds the waiting ones only, however many have been sent.
CREATE INDEX sms_queue ON sms_messages (priority, due_at, created_at) WHERE state = 'queued';
CREATE INDEX sms_expiry ON sms_messages (expires_at) WHERE state = 'queued';
-- In flight: a handful, looked for once, at the next start.
CREATE INDEX sms_in_flight ON sms_messages (last_attempt) WHERE state = 'sending';
-- A carrier reports by its own id.
CREATE INDEX sms_by_provider_id ON sms_messages (provider_id) WHERE provider_id IS NOT NULL;
-- The messages of a call, with or without knowing its tenant, and how they fare.
CREATE INDEX sms_by_call ON sms_messages (call_id, tenant, state);
CREATE INDEX sms_newest ON sms_messages (created_at);
CREATE INDEX sms_newest_of_tenant ON sms_messages (tenant, created_at);

-- One row per attempt, committed before the first byte leaves: after a crash it is known what may have left.
CREATE TABLE sms_attempts (
    sms_id      TEXT    NOT NULL REFERENCES sms_messages (id),
    attempt     INTEGER NOT NULL,
    sender      TEXT    NOT NULL,
    claimed_at  TEXT    NOT NULL,
    settled_at  TEXT,
    -- What the attempt made of the message, as its state; none while in flight.
    outcome     TEXT,
    -- 0: throttled or never written, as if it had not been tried.
    counts      INTEGER,
    provider_id TEXT,
    error_code  INTEGER,
    error       TEXT,
    PRIMARY KEY (sms_id, attempt)
) STRICT, WITHOUT ROWID;
