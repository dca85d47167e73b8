-- Attempts that can be recognised later: by the carrier's report, or in the carrier's own books.

-- The recipient may have it twice: it was sent again after an attempt that may have left.
ALTER TABLE sms_messages ADD COLUMN possible_duplicate INTEGER NOT NULL DEFAULT 0;

-- When the request began, and when its answer came or was given up.
ALTER TABLE sms_attempts RENAME COLUMN claimed_at TO started_at;
ALTER TABLE sms_attempts RENAME COLUMN settled_at TO answered_at;
-- 128 random bits: the attempt's name in the URL the carrier reports to.
ALTER TABLE sms_attempts ADD COLUMN token TEXT;
-- When the carrier is asked about it next, how often it was, and when it first did not have it.
ALTER TABLE sms_attempts ADD COLUMN check_at TEXT;
ALTER TABLE sms_attempts ADD COLUMN checks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sms_attempts ADD COLUMN absent_at TEXT;
UPDATE sms_attempts SET token = lower(hex(randomblob(16)));

CREATE UNIQUE INDEX sms_attempts_by_token ON sms_attempts (token);
CREATE INDEX sms_attempts_by_provider_id ON sms_attempts (provider_id) WHERE provider_id IS NOT NULL;
-- Those the carrier is still to be asked about.
CREATE INDEX sms_attempts_to_check ON sms_attempts (check_at) WHERE check_at IS NOT NULL;

-- The queue in the order of its deadlines, per priority.
CREATE INDEX sms_deadlines ON sms_messages (priority, expires_at, due_at, created_at, id) WHERE state = 'queued';
-- What a message of the same call to the same person may have to wait for.
CREATE INDEX sms_siblings ON sms_messages (tenant, call_id, to_number) WHERE state IN ('queued', 'sending');
-- Lists by state (what is unknown, what failed), without those the queue has an index for; and by recipient.
CREATE INDEX sms_by_state ON sms_messages (state, created_at) WHERE state NOT IN ('queued', 'sending');
CREATE INDEX sms_by_number ON sms_messages (to_number, created_at);

-- Requests to send that carried an idempotency key, and what they were answered; forgotten after a day.
CREATE TABLE idempotency_keys (
    tenant     TEXT NOT NULL,
    key        TEXT NOT NULL,
    -- Of what was asked: the same key with another body is an error.
    digest     TEXT NOT NULL,
    answer     TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);
