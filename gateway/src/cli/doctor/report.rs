//! What was found, for people and programs.

use std::fmt::Display;

use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works, but not as it should.
    Warn,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    check: &'static str,
    state: State,
    found: String,
    /// What to do; empty when all is well.
    todo: String,
    #[serde(skip)]
    unreachable: bool,
}

impl Check {
    pub fn ok(check: &'static str, found: impl Display) -> Check {
        Check { check, state: State::Ok, found: found.to_string(), todo: String::new(), unreachable: false }
    }

    pub fn skipped(check: &'static str, found: impl Display, todo: impl Display) -> Check {
        Check { todo: todo.to_string(), ..Check::ok(check, found) }
    }

    pub fn warn(check: &'static str, found: impl Display, todo: impl Display) -> Check {
        Check { state: State::Warn, todo: todo.to_string(), ..Check::ok(check, found) }
    }

    pub fn fail(check: &'static str, found: impl Display, todo: impl Display) -> Check {
        Check { state: State::Fail, todo: todo.to_string(), ..Check::ok(check, found) }
    }

    /// No connection, or no answer in time.
    pub fn unreachable(check: &'static str, found: impl Display, todo: impl Display) -> Check {
        Check { unreachable: true, ..Check::fail(check, found, todo) }
    }
}

pub struct Report(Vec<Check>);

impl Report {
    pub fn of(checks: Vec<Check>) -> Report {
        Report(checks)
    }

    pub fn print(&self, format: Format) {
        match format {
            Format::Json => output::print_json(&self.0),
            Format::Table => output::print(&output::table(&self.0.iter().map(Check::row).collect::<Vec<_>>())),
        }
    }

    pub fn exit(&self) -> Exit {
        let failed: Vec<&Check> = self.0.iter().filter(|check| check.state == State::Fail).collect();
        match failed.iter().all(|check| check.unreachable) {
            _ if failed.is_empty() => Exit::Ok,
            true => Exit::Unreachable,
            false => Exit::FailedCheck,
        }
    }
}

impl Check {
    fn row(&self) -> [String; 4] {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        [self.check.to_owned(), state.to_owned(), self.found.clone(), self.todo.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_outweighs_a_server_that_is_away() {
        let ok = Check::ok("a", "");
        let warn = Check::warn("b", "", "");
        let fail = Check::fail("c", "", "");
        let away = Check::unreachable("d", "", "");
        for (checks, exit) in [
            (vec![], Exit::Ok),
            (vec![&ok, &warn], Exit::Ok),
            (vec![&ok, &away, &away], Exit::Unreachable),
            (vec![&away, &fail], Exit::FailedCheck),
            (vec![&fail, &away], Exit::FailedCheck),
        ] {
            assert_eq!(Report::of(checks.into_iter().cloned().collect()).exit(), exit);
        }
    }
}
