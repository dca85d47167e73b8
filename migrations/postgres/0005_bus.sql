-- What the bus outside the nodes has been told.

-- Frames up to here have arrived there. No row, and nothing below is written, until a bus is configured.
CREATE TABLE bus_cursor (
    one      boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    position bigint  NOT NULL
);

-- Texts and alerts that have changed since they were told, a row per change, taken away when it has arrived. Not a time
-- in their own rows: two changes in one millisecond, or a clock that was set back, would hide one. Rows become visible
-- in any order, so they are taken away one by one, never "up to".
CREATE TABLE bus_changes (
    change bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what   text   COLLATE "C" NOT NULL CHECK (what IN ('sms', 'alert')),
    id     text   COLLATE "C" NOT NULL
);

-- Once per statement, however many rows it wrote.
CREATE FUNCTION tell_bus() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM bus_cursor) THEN
        INSERT INTO bus_changes (what, id) SELECT TG_ARGV[0], id FROM changed;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER bus_hears_of_texts_owed AFTER INSERT ON sms_messages
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_bus('sms');
CREATE TRIGGER bus_hears_of_texts_changed AFTER UPDATE ON sms_messages
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_bus('sms');
CREATE TRIGGER bus_hears_of_alerts_opened AFTER INSERT ON alerts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_bus('alert');
CREATE TRIGGER bus_hears_of_alerts_changed AFTER UPDATE ON alerts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_bus('alert');
