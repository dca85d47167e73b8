//! What an error of the database says about what to do next. Never quotes values: they may be what callers said.

use engine::failure::Failure;
use engine::ports::AppendError;

use super::encryption;

/// The store does not work now.
pub fn unavailable(error: sqlx::Error) -> Failure {
    let distrust = encryption::distrust(&error).map(encryption::told);
    Failure::retry(match distrust {
        Some(told) => format!("postgres: {told} ({error})"),
        None => format!("postgres: {error}"),
    })
}

/// Whether the same rows would be refused again: classes 22 (data), 23 (constraints) and 54 (limits, such as the
/// longest value an index takes).
pub fn blames_the_data(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Encode(_)) || class(error).is_some_and(|class| ["22", "23", "54"].contains(&&*class))
}

/// Whether the statement may have been committed all the same: its connection is gone, and with it the answer.
pub fn lost_the_answer(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Io, Protocol, Tls, WorkerCrashed};
    // 08: connection; 57P: the server is being stopped, or was.
    let ended =
        |class: String| class == "08" || (class == "57" && code(error).is_some_and(|code| code.starts_with("57P")));
    matches!(error, Io(_) | Protocol(_) | Tls(_) | WorkerCrashed) || class(error).is_some_and(ended)
}

/// Whether the server may take us later: it is not there, is starting or stopping, or has no room. What it says of a
/// password or of a database it does not know will stay true.
pub fn may_come_back(error: &sqlx::Error) -> bool {
    let full = code(error).is_some_and(|code| code.starts_with("53"));
    full || lost_the_answer(error) && !matches!(error, sqlx::Error::Tls(_))
        || matches!(error, sqlx::Error::PoolTimedOut)
}

/// Whether it was given up in favour of another transaction: class 40. It wrote nothing.
pub fn gave_way(error: &sqlx::Error) -> bool {
    class(error).is_some_and(|class| class == "40")
}

pub fn verdict_of(error: sqlx::Error) -> AppendError {
    match &error {
        sqlx::Error::Encode(_) => AppendError::Refused("cannot be encoded".to_owned()),
        sqlx::Error::Database(database) if database.is_unique_violation() => AppendError::Conflict,
        sqlx::Error::Database(database) if blames_the_data(&error) => {
            AppendError::Refused(format!("postgres: {}", database.code().unwrap_or_default()))
        }
        _ => AppendError::Unavailable(unavailable(error)),
    }
}

fn class(error: &sqlx::Error) -> Option<String> {
    code(error).and_then(|code| code.get(..2).map(str::to_owned))
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(String::from)
}
