//! Data on standard output: aligned for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::exit::{Exit, Failure};

pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).expect("our own figures are JSON");
    print(&text)
}

/// Columns as wide as their widest cell, the last one as it comes.
pub fn print_rows<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Result<(), Failure> {
    print(&aligned(rows))
}

/// A reader that has seen enough (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::FailedCheck, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters_not_bytes() {
        let rows = [["é".to_owned(), "x".to_owned()], ["long".to_owned(), "y".to_owned()]];
        assert_eq!(aligned(&rows), "é     x\nlong  y");
    }
}
