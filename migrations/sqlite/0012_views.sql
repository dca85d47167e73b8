-- What people count of their calls, kept ready; and lists of calls, newest first. What is a materialised view where the
-- database has such a thing is a table here, and counted by us.

-- Where the days of each tenant begin: its playbook's time zone, written at every start and whenever a playbook changes.
CREATE TABLE tenants (
    id       TEXT NOT NULL PRIMARY KEY,
    -- IANA name.
    timezone TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Calls by when they began: of all, of one tenant, those with one number, those that last.
CREATE INDEX calls_newest ON calls (started_at, id, tenant);
CREATE INDEX calls_newest_of_tenant ON calls (tenant, started_at, id);
CREATE INDEX calls_newest_of_number ON calls (phone_number, started_at, id) WHERE phone_number IS NOT NULL;
CREATE INDEX calls_newest_active ON calls (started_at, id, tenant) WHERE status = 'active';

-- When each view was counted last. `position`: the newest frame that was counted; only the days of calls that have
-- moved since can have changed. `whole_at`: when every day was counted, whether its calls had moved or not.
CREATE TABLE view_refreshes (
    view         TEXT NOT NULL PRIMARY KEY,
    refreshed_at TEXT NOT NULL,
    position     INTEGER NOT NULL,
    whole_at     TEXT
) STRICT, WITHOUT ROWID;

-- How it goes, per tenant; '' is all of them together.
CREATE TABLE dashboard_metrics (
    tenant                TEXT    NOT NULL PRIMARY KEY,
    calls_today           INTEGER NOT NULL,
    p1_active             INTEGER NOT NULL,
    recent_avg_duration_s REAL    NOT NULL,
    unique_callers_24h    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each day of the last year, per tenant: the calls that began on it, by the tenant's clock. Means are weighed by
-- `timed_calls`, those whose duration is known, when several tenants are added up.
CREATE TABLE call_analytics (
    tenant          TEXT    NOT NULL,
    date            TEXT    NOT NULL,
    total_calls     INTEGER NOT NULL,
    timed_calls     INTEGER NOT NULL,
    avg_duration_s  REAL    NOT NULL,
    urgent_calls    INTEGER NOT NULL,
    completed_calls INTEGER NOT NULL,
    failed_calls    INTEGER NOT NULL,
    PRIMARY KEY (tenant, date)
) STRICT, WITHOUT ROWID;
