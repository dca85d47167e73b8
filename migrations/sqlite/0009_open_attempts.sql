-- Attempts that are in flight, or of which nobody knows the end: those a message in the carrier's books may belong to.
CREATE INDEX sms_attempts_open ON sms_attempts (sender, started_at)
    WHERE provider_id IS NULL AND coalesce(outcome, 'unknown') = 'unknown';
