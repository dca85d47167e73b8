//! What a run has shown, as rows of the table of docs/reliability.md. Printed, and added to the file that
//! `PROOF_TABLE` names.

use std::io::Write;

pub fn row(what: &str, tried: &str, found: &str) {
    let row = format!("| {what} | {tried} | {found} |");
    println!("{row}");
    let Some(file) = std::env::var_os("PROOF_TABLE") else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
    writeln!(file.expect("the file of PROOF_TABLE can be written"), "{row}").expect("the disk has room");
}

/// How often something is done: by this variable, else `usually`.
pub fn times(variable: &str, usually: u64) -> u64 {
    std::env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(usually)
}
