-- Calls, texts and alerts: what is recorded, on a Postgres that several nodes may share.
--
-- The tables are those of the SQLite store, by the same names; what differs is what Postgres does better or cannot do.
-- Times are timestamptz and hold whole milliseconds. Words that people or platforms chose are text, compared byte by
-- byte (COLLATE "C": our order, and an index, must not depend on a locale that an upgrade may change). Postgres has no
-- character U+0000 and callers' words may: it is written as U+001A and 0, and a U+001A itself as U+001A and 1. JSON is
-- text as we wrote it, not jsonb: an answer is given again byte for byte, and jsonb refuses \u0000 as well. Numbers are
-- bigint throughout. An applied file is never edited; the next number is.

-- One row per call: the fold of its frames, rewritten with every frame. `state` is the whole snapshot; the columns
-- beside it repeat what is searched, sorted or counted. `last_seq` is the guard: a frame is written only by the
-- statement that moves it from the frame's predecessor, so any number of confused writers still make one history.
-- A row is rewritten many times while its call lasts. Room on its page and no index on what changes with every frame
-- (`updated_at`, `last_seq`) keep the new version beside the old one, and the indexes as they are.
CREATE TABLE calls (
    tenant       text        COLLATE "C" NOT NULL,
    id           text        COLLATE "C" NOT NULL,
    platform     text        COLLATE "C" NOT NULL,
    direction    text        COLLATE "C",
    phase        text        COLLATE "C" NOT NULL,
    -- active while live; completed when it ended as calls do; failed when it went silent or ended by a fault.
    status       text        COLLATE "C" NOT NULL CHECK (status IN ('active', 'completed', 'failed')),
    priority     text        COLLATE "C",
    -- The other side: who calls us, or whom we call. Free text, it can be a SIP address.
    phone_number text        COLLATE "C",
    caller_name  text        COLLATE "C",
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    duration_s   bigint,
    ended_reason text        COLLATE "C",
    ended_group  text        COLLATE "C",
    updated_at   timestamptz NOT NULL,
    last_seq     bigint      NOT NULL CHECK (last_seq > 0),
    state        text        COLLATE "C" NOT NULL,
    -- In this order, because a call is also looked for by the platform's id alone.
    PRIMARY KEY (id, tenant)
) WITH (fillfactor = 70);

-- Lists and counts: what is active, the most urgent first, the newest first within. Calls that failed are few and are
-- looked for by other ways.
CREATE INDEX calls_by_status ON calls (status, priority, started_at DESC) WHERE status IN ('active', 'completed');
-- Is this number on the line now?
CREATE INDEX calls_by_number ON calls (phone_number, status) WHERE status = 'active';
-- The last calls with a number, for an agent who asks whether it has called before.
CREATE INDEX calls_of_number ON calls (tenant, phone_number, started_at DESC) WHERE phone_number IS NOT NULL;
-- Those that last, by phase: read by whoever looks for silent ones. Not by `updated_at`: see above.
CREATE INDEX calls_by_phase ON calls (phase) WHERE status = 'active';

-- The history: one row per event that was decided, with everything it caused and the answer it got. Rows are only
-- ever appended. `position` is the order of commits over all calls and all nodes: it is drawn while its transaction
-- holds the one lock of appending, so a reader that remembers a position never misses a lower one that is committed
-- later. Positions may be skipped.
-- There is no foreign key to calls: the statement that writes a frame has just moved the row of its call.
CREATE TABLE call_frames (
    position   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     text        COLLATE "C" NOT NULL,
    call_id    text        COLLATE "C" NOT NULL,
    seq        bigint      NOT NULL,
    -- What makes a second delivery of the same event recognisable.
    key        text        COLLATE "C" NOT NULL,
    -- When the platform says it happened, and when we decided.
    at         timestamptz NOT NULL,
    decided_at timestamptz NOT NULL,
    facts      text        COLLATE "C" NOT NULL,
    answer     text        COLLATE "C" NOT NULL,
    -- 64 random bits, drawn before the batch was sent: who lost the connection while it was being committed finds out
    -- by them whether this frame is the one that was sent.
    commit_id  bigint      NOT NULL,
    -- Of the shape of `facts` and `answer`.
    version    bigint      NOT NULL DEFAULT 1,
    UNIQUE (tenant, call_id, seq),
    UNIQUE (tenant, call_id, key)
);

-- Events that could not be processed, kept for people to look at. Without secrets, and without a foreign key: the
-- call may never have had a frame.
CREATE TABLE quarantined_events (
    tenant  text        COLLATE "C" NOT NULL,
    call_id text        COLLATE "C" NOT NULL,
    key     text        COLLATE "C" NOT NULL,
    raw     text        COLLATE "C" NOT NULL,
    why     text        COLLATE "C" NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, call_id, key)
);

-- Text messages owed. Written by the statement of the frame that owes the message. The primary key is made of reason
-- and recipient, so the same reason never texts the same person twice.
CREATE TABLE sms_messages (
    id           text        COLLATE "C" NOT NULL PRIMARY KEY,
    tenant       text        COLLATE "C" NOT NULL,
    call_id      text        COLLATE "C",
    -- The alert it belongs to.
    alert_id     text        COLLATE "C",
    to_number    text        COLLATE "C" NOT NULL,
    contact      text        COLLATE "C" NOT NULL,
    from_number  text        COLLATE "C",
    body         text        COLLATE "C" NOT NULL,
    segments     bigint      NOT NULL,
    priority     text        COLLATE "C" NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4')),
    state        text        COLLATE "C" NOT NULL DEFAULT 'queued',
    -- Attempts that count against the limit; one the carrier throttled does not.
    attempts     bigint      NOT NULL DEFAULT 0,
    -- Number of the newest row in sms_attempts; never goes back.
    last_attempt bigint      NOT NULL DEFAULT 0,
    provider_id  text        COLLATE "C",
    error_code   bigint,
    error        text        COLLATE "C",
    -- The recipient may have it twice: it was sent again after an attempt that may have left.
    possible_duplicate boolean NOT NULL DEFAULT false,
    due_at       timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    FOREIGN KEY (tenant, call_id) REFERENCES calls (tenant, id)
);

-- What is next to be due, per priority. The queue's indexes hold the waiting ones only, however many have been sent.
CREATE INDEX sms_queue ON sms_messages (priority, due_at) WHERE state = 'queued';
-- The queue per priority and tenant, in the order of its deadlines: one who owes many does not hide the others.
CREATE INDEX sms_queue_of_tenant ON sms_messages (priority, tenant, expires_at, due_at, created_at, id)
    WHERE state = 'queued';
CREATE INDEX sms_expiry ON sms_messages (expires_at) WHERE state = 'queued';
-- In flight: a handful, looked for once, at the next start.
CREATE INDEX sms_in_flight ON sms_messages (id) WHERE state = 'sending';
-- The messages of a call, with or without knowing its tenant: how they fare, and which wait for which.
CREATE INDEX sms_by_call ON sms_messages (call_id, tenant, state);
-- Lists: all, of a tenant, by state (what is unknown, what failed), by recipient.
CREATE INDEX sms_newest ON sms_messages (created_at, id);
CREATE INDEX sms_newest_of_tenant ON sms_messages (tenant, created_at, id);
CREATE INDEX sms_by_state ON sms_messages (state, created_at, id) WHERE state NOT IN ('queued', 'sending');
CREATE INDEX sms_by_number ON sms_messages (to_number, created_at);

-- One row per attempt, committed before the first byte leaves: after a crash it is known what may have left.
CREATE TABLE sms_attempts (
    sms_id      text        COLLATE "C" NOT NULL REFERENCES sms_messages (id),
    attempt     bigint      NOT NULL,
    sender      text        COLLATE "C" NOT NULL,
    -- 128 random bits: the attempt's name in the URL the carrier reports to.
    token       text        COLLATE "C" NOT NULL,
    -- When the request began, and when its answer came or was given up.
    started_at  timestamptz NOT NULL,
    answered_at timestamptz,
    -- What the attempt made of the message, as its state; none while in flight.
    outcome     text        COLLATE "C",
    -- False: throttled or never written, as if it had not been tried.
    counts      boolean,
    -- Of the HTTP answer, none where there was no answer.
    http_status bigint,
    provider_id text        COLLATE "C",
    error_code  bigint,
    error       text        COLLATE "C",
    -- When the carrier is asked about it next, how often it was, and when it first did not have it.
    check_at    timestamptz,
    checks      bigint      NOT NULL DEFAULT 0,
    absent_at   timestamptz,
    PRIMARY KEY (sms_id, attempt)
);

CREATE UNIQUE INDEX sms_attempts_by_token ON sms_attempts (token);
-- A carrier reports by its own id.
CREATE INDEX sms_attempts_by_provider_id ON sms_attempts (provider_id) WHERE provider_id IS NOT NULL;
-- Those the carrier is still to be asked about: it has not answered, or it has not reported.
CREATE INDEX sms_attempts_to_find ON sms_attempts (check_at, sms_id, attempt)
    WHERE check_at IS NOT NULL AND provider_id IS NULL;
CREATE INDEX sms_attempts_to_check ON sms_attempts (check_at, sms_id, attempt)
    WHERE check_at IS NOT NULL AND provider_id IS NOT NULL;
-- Attempts that are in flight, or of which nobody knows the end: those a message in the carrier's books may belong to.
CREATE INDEX sms_attempts_open ON sms_attempts (sender, started_at)
    WHERE provider_id IS NULL AND coalesce(outcome, 'unknown') = 'unknown';
-- Attempts by time: limits per second, and what a tenant used today, outlive a restart.
CREATE INDEX sms_attempts_by_time ON sms_attempts (started_at);

-- Senders that go slower than configured because the carrier said so, and by what factor.
CREATE TABLE sms_paces (
    sender     text             COLLATE "C" NOT NULL PRIMARY KEY,
    factor     double precision NOT NULL CHECK (factor > 0 AND factor < 1),
    updated_at timestamptz      NOT NULL
);

-- Requests to send that carried an idempotency key, and what they were answered; forgotten after a day.
CREATE TABLE idempotency_keys (
    tenant     text        COLLATE "C" NOT NULL,
    key        text        COLLATE "C" NOT NULL,
    -- Of what was asked: the same key with another body is an error.
    digest     text        COLLATE "C" NOT NULL,
    answer     text        COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);

-- Who wants no texts. Only ever added to. Tenant '' is everybody who texts from the number that was answered. What is
-- said of one number is written under that number's lock, so positions are in the order of commits for each.
CREATE TABLE opt_outs (
    position bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   text        COLLATE "C" NOT NULL,
    number   text        COLLATE "C" NOT NULL,
    -- out: no texts any more; in: what this source said before counts no longer.
    action   text        COLLATE "C" NOT NULL CHECK (action IN ('out', 'in')),
    source   text        COLLATE "C" NOT NULL CHECK (source IN ('keyword', 'in_words', 'carrier', 'operator')),
    -- Which texts: all of them, so far.
    scope    text        COLLATE "C" NOT NULL DEFAULT 'all',
    at       timestamptz NOT NULL,
    -- The carrier's id of the message that said so.
    message  text        COLLATE "C"
);

-- A message that is delivered again says nothing new, whatever was said since.
CREATE UNIQUE INDEX opt_outs_by_message ON opt_outs (message, tenant, number, source) WHERE message IS NOT NULL;
CREATE INDEX opt_outs_by_number ON opt_outs (number, tenant, source, position);

-- Those in force: the last that was heard of each number from each source.
CREATE VIEW opted_out AS
SELECT * FROM opt_outs AS said
WHERE action = 'out' AND NOT EXISTS (
    SELECT 1 FROM opt_outs AS later
    WHERE later.number = said.number AND later.tenant = said.tenant AND later.source = said.source
      AND later.position > said.position
);

-- What people have texted us.
CREATE TABLE sms_inbound (
    -- The carrier's own id: a message that is delivered again is the same one.
    id          text        COLLATE "C" NOT NULL PRIMARY KEY,
    -- '': nobody can tell.
    tenant      text        COLLATE "C" NOT NULL,
    from_number text        COLLATE "C" NOT NULL,
    to_number   text        COLLATE "C" NOT NULL,
    body        text        COLLATE "C" NOT NULL,
    wish        text        COLLATE "C" NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX sms_inbound_newest ON sms_inbound (received_at);
CREATE INDEX sms_inbound_of_tenant ON sms_inbound (tenant, received_at);

-- Alerts: who must know, who was told, and who took it. One row per call and reason, made in the transaction of the
-- frame that opens it. `data` is the whole alert; the columns beside it repeat what is searched and sorted. `version`
-- is the guard: a change is written only by the statement that moves it from the version it was decided on, so nobody
-- is told twice for one step.
CREATE TABLE alerts (
    id              text        COLLATE "C" NOT NULL PRIMARY KEY,
    tenant          text        COLLATE "C" NOT NULL,
    -- None for a drill.
    call_id         text        COLLATE "C",
    reason          text        COLLATE "C" NOT NULL,
    priority        text        COLLATE "C" NOT NULL CHECK (priority IN ('P1', 'P2', 'P3', 'P4')),
    state           text        COLLATE "C" NOT NULL
        CHECK (state IN ('open', 'escalated', 'acknowledged', 'resolved', 'unanswered')),
    -- Where the roster stands, from 0.
    step            bigint      NOT NULL,
    round           bigint      NOT NULL,
    -- When the next step is due, by the wall clock.
    next_at         timestamptz,
    opened_at       timestamptz NOT NULL,
    acknowledged_by text        COLLATE "C",
    acknowledged_at timestamptz,
    acknowledged_how text       COLLATE "C",
    updated_at      timestamptz NOT NULL,
    version         bigint      NOT NULL,
    data            text        COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, call_id) REFERENCES calls (tenant, id)
);

-- Those whose clock runs: a handful, however many there have been.
CREATE INDEX alerts_running ON alerts (next_at, id) WHERE state IN ('open', 'escalated');
CREATE INDEX alerts_of_call ON alerts (call_id, tenant) WHERE call_id IS NOT NULL;
CREATE INDEX alerts_newest ON alerts (opened_at, id);
CREATE INDEX alerts_newest_of_tenant ON alerts (tenant, opened_at, id);

-- The receipt: one row per thing that happened. Rows are only ever appended.
CREATE TABLE alert_events (
    alert_id text        COLLATE "C" NOT NULL REFERENCES alerts (id),
    seq      bigint      NOT NULL,
    at       timestamptz NOT NULL,
    what     text        COLLATE "C" NOT NULL,
    PRIMARY KEY (alert_id, seq)
);

-- Who took a shift over, until when. The newest of each tenant counts; it is over by itself.
CREATE TABLE oncall_shifts (
    tenant text COLLATE "C" NOT NULL PRIMARY KEY,
    shift  text COLLATE "C" NOT NULL
);
