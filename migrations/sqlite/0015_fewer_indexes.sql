-- Every frame of a call rewrites what the indexes hold of it. Those that last are few here, and found by status.
DROP INDEX calls_newest_active;
