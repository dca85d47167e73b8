//! The pool killed between any two of its steps: the test that does it, run long.

use std::process::Command;

use anyhow::Context;

use benches::table::Line;

/// What the test's own summary begins with.
const SUMMARY: &str = "kills on ";

pub fn between_steps(kills: u32) -> anyhow::Result<Vec<Line>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut test = Command::new(cargo);
    test.args(["test", "--quiet", "--profile", "bench", "-p", "gateway", "--test", "sms_kills", "--", "--nocapture"]);
    let output = test.env("KILLS", kills.to_string()).output().context("cargo runs the test")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success();
    if !passed {
        eprintln!("{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    let summaries = said.lines().filter_map(|line| line.strip_prefix(SUMMARY)?.split_once(": "));
    let lines: Vec<Line> = summaries.map(|(store, measured)| line(&format!("on {store}"), measured, passed)).collect();
    anyhow::ensure!(!lines.is_empty() || !passed, "the test says nothing of its kills");
    Ok(if passed { lines } else { vec![line("", "see above", false)] })
}

fn line(store: &str, measured: &str, kept: bool) -> Line {
    Line::new("killed between any two steps", store, measured).wants("0 lost, 0 doubled", kept)
}
