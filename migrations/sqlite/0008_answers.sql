-- What a carrier's answer to an attempt looked like: the status of the HTTP answer, none where there was no answer.
ALTER TABLE sms_attempts ADD COLUMN http_status INTEGER;

-- Attempts that got no answer are looked for however many others are still to be reported on.
CREATE INDEX sms_attempts_to_find ON sms_attempts (check_at) WHERE check_at IS NOT NULL AND provider_id IS NULL;
