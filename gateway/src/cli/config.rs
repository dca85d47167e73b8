//! `config check` and `config print`.

use clap::Subcommand;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Output, SettingsArgs};
use super::table::{print_json, print_rows};
use crate::playbooks;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the settings and every playbook; say what is wrong with file, line and fix.
    Check(SettingsArgs),
    /// Print the settings in force and where each came from. Secrets are not shown.
    Print(SettingsArgs),
}

pub fn run(command: Command, output: Output) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check(&args, output),
        Command::Print(args) => print(&args, output),
    }
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    playbooks: Vec<String>,
}

fn check(args: &SettingsArgs, output: Output) -> Result<Exit, Failure> {
    let settings = args.load()?.settings;
    let playbooks = playbooks::load(&settings.playbooks)?;
    match output {
        Output::Json => {
            let playbooks = playbooks.iter().map(|playbook| playbook.tenant.as_str().to_owned()).collect();
            print_json(&Checked { ok: true, playbooks })?;
        }
        Output::Table => {
            let row = |what: &str, detail: String| ["ok".to_owned(), what.to_owned(), detail];
            let mut rows =
                vec![row("settings", args.config.as_ref().map_or("built in".into(), |f| f.display().to_string()))];
            rows.extend(playbooks.iter().map(|p| row("playbook", format!("{} ({})", p.tenant.as_str(), p.name))));
            print_rows(&rows)?;
        }
    }
    Ok(Exit::Ok)
}

fn print(args: &SettingsArgs, output: Output) -> Result<Exit, Failure> {
    let shown = args.load()?.shown();
    match output {
        Output::Json => print_json(&shown)?,
        Output::Table => {
            let rows: Vec<[String; 3]> =
                shown.into_iter().map(|one| [one.key.to_owned(), one.value.to_string(), one.from]).collect();
            print_rows(&rows)?;
        }
    }
    Ok(Exit::Ok)
}
