//! Which changes of the tables a store has had, and which it is still to have. Each is a numbered file; one that was
//! applied is never edited.

use std::collections::BTreeMap;

use engine::failure::Failure;
use serde::{Deserialize, Serialize};
use sqlx::migrate::{MigrateError, Migrator};

/// How one of them stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Applied,
    Pending,
    /// Applied by a newer version of this program.
    Unknown,
    /// It was begun and not ended: somebody has to look.
    Failed,
    /// The file is not the one that was applied.
    Changed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub version: i64,
    pub name: String,
    pub standing: Standing,
    /// RFC 3339 in UTC; `None` where it was not applied.
    pub applied_at: Option<String>,
}

/// What a database says of one that was begun.
pub struct Begun {
    pub version: i64,
    pub name: String,
    pub at: String,
    pub success: bool,
    pub checksum: Vec<u8>,
}

impl Standing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Applied => "applied",
            Standing::Pending => "pending",
            Standing::Unknown => "unknown",
            Standing::Failed => "failed",
            Standing::Changed => "changed",
        }
    }
}

/// In the order of their versions.
pub fn compare(known: &Migrator, begun: Vec<Begun>) -> Vec<Migration> {
    let mut all: BTreeMap<i64, Migration> = BTreeMap::new();
    for migration in known.iter() {
        let name = migration.description.to_string();
        let pending = Migration { version: migration.version, name, standing: Standing::Pending, applied_at: None };
        all.insert(migration.version, pending);
    }
    for Begun { version, name, at, success, checksum } in begun {
        let ours = known.iter().find(|migration| migration.version == version);
        let standing = match ours {
            _ if !success => Standing::Failed,
            None => Standing::Unknown,
            Some(ours) if *ours.checksum != checksum => Standing::Changed,
            Some(_) => Standing::Applied,
        };
        all.insert(version, Migration { version, name, standing, applied_at: Some(at) });
    }
    all.into_values().collect()
}

/// Refuses a store whose tables are not those of this program, and says what to do.
pub fn none_pending(place: &str, all: &[Migration]) -> Result<(), Failure> {
    let pending = all.iter().filter(|migration| migration.standing == Standing::Pending).count();
    let plural = if pending == 1 { "" } else { "s" };
    let odd = all.iter().find(|migration| !matches!(migration.standing, Standing::Applied | Standing::Pending));
    match odd {
        Some(Migration { version, standing, .. }) => Err(Failure::fail(format!(
            "migration {version} of {place} is {}: `cordboard migrate status` tells more",
            standing.as_str()
        ))),
        None if pending > 0 => Err(Failure::fail(format!(
            "{place} lacks {pending} migration{plural} and store.migrate is false: run `cordboard migrate up` first"
        ))),
        None => Ok(()),
    }
}

/// As a message for whoever starts the program: `place` is the file or the database, `elsewhere` what else to use.
pub fn failed(place: &str, elsewhere: &str, error: MigrateError) -> Failure {
    Failure::fail(match error {
        MigrateError::VersionMissing(version) => format!(
            "{place} was written by a newer version of cordboard (its table version {version} is unknown here): \
             start that version, or use another {elsewhere}"
        ),
        error => format!("cannot bring the tables of {place} up to date: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration as File, MigrationType};

    use super::*;

    fn migrator(versions: &[i64]) -> Migrator {
        let file = |version: &i64| {
            let sql = "SELECT 1".into_sql_str();
            File::new(*version, Cow::Borrowed("tables"), MigrationType::Simple, sql, false)
        };
        Migrator::with_migrations(versions.iter().map(file).collect())
    }

    fn begun(version: i64, success: bool, checksum: &[u8]) -> Begun {
        let at = "2026-03-04T15:00:00.000Z".to_owned();
        Begun { version, name: "tables".into(), at, success, checksum: checksum.to_vec() }
    }

    #[test]
    fn each_stands_as_the_database_and_this_program_know_it() {
        let known = migrator(&[1, 2, 3, 4]);
        let checksum = known.iter().next().unwrap().checksum.to_vec();
        let in_database = vec![
            begun(1, true, &checksum),
            begun(2, true, b"another"),
            begun(3, false, &checksum),
            begun(9, true, b"x"),
        ];
        let all = compare(&known, in_database);
        let standing: Vec<_> = all.iter().map(|migration| (migration.version, migration.standing.as_str())).collect();
        assert_eq!(standing, [(1, "applied"), (2, "changed"), (3, "failed"), (4, "pending"), (9, "unknown")]);
        let refused = |all: &[Migration]| none_pending("the store", all).unwrap_err().to_string();
        let behind = refused(&[all[0].clone(), all[3].clone()]);
        assert!(behind.contains("lacks 1 migration ") && behind.contains("cordboard migrate up"), "{behind}");
        assert!(refused(&all).contains("migration 2 of the store is changed"));
        assert!(refused(&all[4..]).contains("migration 9 of the store is unknown"));
        assert_eq!(none_pending("the store", &all[..1]), Ok(()));
    }
}
