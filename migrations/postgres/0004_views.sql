-- What people count of their calls, kept ready; and lists of calls, newest first.
--
-- No released version kept calls here before these indexes, so each is made on an empty table. One that is made later,
-- on a large one, is made CONCURRENTLY, in a file of its own that begins with "-- no-transaction".

-- Where the days of each tenant begin: its playbook's time zone, written at every start and whenever a playbook changes.
CREATE TABLE tenants (
    id       text COLLATE "C" NOT NULL PRIMARY KEY,
    -- IANA name, one that this server knows.
    timezone text COLLATE "C" NOT NULL
);

-- Calls by when they began: of all, of one tenant, those with one number, those that last.
CREATE INDEX calls_newest ON calls (started_at, id);
CREATE INDEX calls_newest_of_tenant ON calls (tenant, started_at, id);
CREATE INDEX calls_newest_of_number ON calls (phone_number, started_at, id) WHERE phone_number IS NOT NULL;
CREATE INDEX calls_newest_active ON calls (started_at, id) WHERE status = 'active';

-- When each view was counted last, by whichever node.
CREATE TABLE view_refreshes (
    view         text        COLLATE "C" NOT NULL PRIMARY KEY,
    refreshed_at timestamptz NOT NULL
);

-- How it goes, per tenant; '' is all of them together. No day is longer than 25 hours and no call that ended within the
-- last hour began before yesterday, so what began within two days or is still live is all that has to be read.
-- Refreshed CONCURRENTLY every five minutes, sooner where that costs little.
CREATE MATERIALIZED VIEW dashboard_metrics AS
SELECT coalesce(calls.tenant, '') AS tenant,
       count(*) FILTER (
           WHERE (started_at AT TIME ZONE coalesce(timezone, 'UTC'))::date
               = (now() AT TIME ZONE coalesce(timezone, 'UTC'))::date
       ) AS calls_today,
       count(*) FILTER (WHERE priority = 'P1' AND status = 'active') AS p1_active,
       coalesce(
           avg(duration_s) FILTER (WHERE ended_at > now() - interval '1 hour'), 0
       )::double precision AS recent_avg_duration_s,
       count(DISTINCT phone_number) FILTER (WHERE started_at > now() - interval '24 hours') AS unique_callers_24h
FROM calls LEFT JOIN tenants ON tenants.id = calls.tenant
WHERE started_at > now() - interval '2 days' OR status = 'active'
GROUP BY GROUPING SETS ((calls.tenant), ());
CREATE UNIQUE INDEX dashboard_metrics_of_tenant ON dashboard_metrics (tenant);

-- Each day of the last year, per tenant: the calls that began on it, by the tenant's clock. Means are weighed by
-- `timed_calls`, those whose duration is known, when several tenants are added up. Every fifteen minutes, as above.
CREATE MATERIALIZED VIEW call_analytics AS
SELECT calls.tenant,
       (started_at AT TIME ZONE coalesce(timezone, 'UTC'))::date AS date,
       count(*) AS total_calls,
       count(duration_s) AS timed_calls,
       coalesce(avg(duration_s), 0)::double precision AS avg_duration_s,
       count(*) FILTER (WHERE priority = 'P1') AS urgent_calls,
       count(*) FILTER (WHERE status = 'completed') AS completed_calls,
       count(*) FILTER (WHERE status = 'failed') AS failed_calls
FROM calls LEFT JOIN tenants ON tenants.id = calls.tenant
WHERE started_at > now() - interval '368 days'
GROUP BY 1, 2;
CREATE UNIQUE INDEX call_analytics_of_day ON call_analytics (tenant, date);
