-- Who wants no texts, and what people have texted us.

-- Only ever added to. Tenant '' is everybody who texts from the number that was answered.
CREATE TABLE opt_outs (
    position INTEGER NOT NULL PRIMARY KEY,
    tenant   TEXT    NOT NULL,
    number   TEXT    NOT NULL,
    -- out: no texts any more; in: what this source said before counts no longer.
    action   TEXT    NOT NULL CHECK (action IN ('out', 'in')),
    source   TEXT    NOT NULL CHECK (source IN ('keyword', 'in_words', 'carrier', 'operator')),
    -- Which texts: all of them, so far.
    scope    TEXT    NOT NULL DEFAULT 'all',
    at       TEXT    NOT NULL,
    -- The carrier's id of the message that said so.
    message  TEXT
) STRICT;

-- A message that is delivered again says nothing new, whatever was said since.
CREATE UNIQUE INDEX opt_outs_by_message ON opt_outs (message, tenant, number, source) WHERE message IS NOT NULL;
CREATE INDEX opt_outs_by_number ON opt_outs (number, tenant, source, position);

-- Those in force: the last that was heard of each number from each source.
CREATE VIEW opted_out AS
SELECT * FROM opt_outs AS said
WHERE action = 'out' AND position = (
    SELECT max(position) FROM opt_outs AS later
    WHERE later.number = said.number AND later.tenant = said.tenant AND later.source = said.source
);

CREATE TABLE sms_inbound (
    -- The carrier's own id: a message that is delivered again is the same one.
    id          TEXT NOT NULL PRIMARY KEY,
    -- '': nobody can tell.
    tenant      TEXT NOT NULL,
    from_number TEXT NOT NULL,
    to_number   TEXT NOT NULL,
    body        TEXT NOT NULL,
    wish        TEXT NOT NULL,
    received_at TEXT NOT NULL
) STRICT;
CREATE INDEX sms_inbound_newest ON sms_inbound (received_at);
CREATE INDEX sms_inbound_of_tenant ON sms_inbound (tenant, received_at);
