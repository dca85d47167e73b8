-- What the pool needs of earlier lives: what left of late, what it learned of a sender, and the queue by tenant.

-- Attempts by time: limits per second, and what a tenant used today, outlive a restart.
CREATE INDEX sms_attempts_by_time ON sms_attempts (started_at);

-- The queue per priority and tenant, in the order of its deadlines: one who owes many does not hide the others.
CREATE INDEX sms_queue_of_tenant ON sms_messages (priority, tenant, expires_at, due_at, created_at, id)
    WHERE state = 'queued';

-- Senders that go slower than configured because the carrier said so, and by what factor.
CREATE TABLE sms_paces (
    sender     TEXT NOT NULL PRIMARY KEY,
    factor     REAL NOT NULL CHECK (factor > 0 AND factor < 1),
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
