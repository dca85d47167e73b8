//! Programs of others that judge our files. `scripts/test` says where they are; where it has not, a test that wants one
//! proves nothing, and says so.

use std::process::{Command, Output};

/// The program a variable names.
pub fn program(variable: &str) -> Option<Command> {
    let path = std::env::var_os(variable);
    if path.is_none() {
        eprintln!("SKIPPED: {variable} is not set, nothing was asked of that program");
    }
    path.map(Command::new)
}

pub fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// Ended well; what it told otherwise.
pub fn agrees(output: &Output) {
    assert!(output.status.success(), "{}", told(output));
}
