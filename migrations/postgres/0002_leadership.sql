-- Who does what only one node may do at a time. The lock that decides it lasts as long as a session and is in no table;
-- here is who took it last, so that a node that has it again knows whether another one had it in between.
CREATE TABLE leadership (
    name  text        COLLATE "C" NOT NULL PRIMARY KEY,
    -- Drawn by each process at its start.
    node  text        COLLATE "C" NOT NULL,
    term  bigint      NOT NULL,
    since timestamptz NOT NULL
);
