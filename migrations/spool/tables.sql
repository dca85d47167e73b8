-- What the spool needs beside the tables of the store it is made of. Run at every start: only ever added to, and each
-- statement may be run again.

-- Alerts that were opened at home and are changed here: the version they had there. Those opened here have no row.
CREATE TABLE IF NOT EXISTS spool_bases (
    alert_id TEXT    NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is to be said at home again, in order: who wants texts or none, who took a shift.
CREATE TABLE IF NOT EXISTS spool_owed (
    position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    what     TEXT    NOT NULL
) STRICT;
