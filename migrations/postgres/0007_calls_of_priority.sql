-- The calls of one priority, newest first: a tenant that never had such a call is told so at once, not after all its
-- calls were looked at.
CREATE INDEX calls_newest_of_priority ON calls (tenant, priority, started_at, id) WHERE priority IS NOT NULL;
