-- What the bus outside this process has been told.

-- Frames up to here have arrived there. No row, and nothing below is written, until a bus is configured.
CREATE TABLE bus_cursor (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;

-- Texts and alerts that have changed since they were told, a row per change, taken away when it has arrived. Not a time
-- in their own rows: two changes in one millisecond, or a clock that was set back, would hide one. AUTOINCREMENT, so
-- that a number is never given twice.
CREATE TABLE bus_changes (
    change INTEGER PRIMARY KEY AUTOINCREMENT,
    what   TEXT    NOT NULL CHECK (what IN ('sms', 'alert')),
    id     TEXT    NOT NULL
) STRICT;

CREATE TRIGGER bus_hears_of_texts_owed AFTER INSERT ON sms_messages WHEN EXISTS (SELECT 1 FROM bus_cursor)
BEGIN INSERT INTO bus_changes (what, id) VALUES ('sms', new.id); END;
CREATE TRIGGER bus_hears_of_texts_changed AFTER UPDATE ON sms_messages WHEN EXISTS (SELECT 1 FROM bus_cursor)
BEGIN INSERT INTO bus_changes (what, id) VALUES ('sms', new.id); END;
CREATE TRIGGER bus_hears_of_alerts_opened AFTER INSERT ON alerts WHEN EXISTS (SELECT 1 FROM bus_cursor)
BEGIN INSERT INTO bus_changes (what, id) VALUES ('alert', new.id); END;
CREATE TRIGGER bus_hears_of_alerts_changed AFTER UPDATE ON alerts WHEN EXISTS (SELECT 1 FROM bus_cursor)
BEGIN INSERT INTO bus_changes (what, id) VALUES ('alert', new.id); END;
