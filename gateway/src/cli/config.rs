//! `cordboard config`: are the settings and playbooks usable, and which are in force.

use clap::Subcommand;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::{self, Format, print, print_json};
use crate::settings::{Loaded, Shown};
use crate::{playbooks, settings};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read settings and playbooks as the server would; exit 3 and say what is wrong if it would not start
    Check,
    /// Print every setting in force, and where it came from; secrets are not shown
    Print {
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

pub fn run(command: &Command, overrides: &Overrides) -> Result<Exit, Failed> {
    let loaded = settings::load(&overrides.layers())?;
    match command {
        Command::Check => check(&loaded)?,
        Command::Print { output: Format::Json } => print_json(&loaded.shown()),
        Command::Print { output: Format::Table } => print(&output::table(&rows(&loaded.shown()))),
    }
    Ok(Exit::Ok)
}

/// What was read beyond the defaults.
fn check(loaded: &Loaded) -> Result<(), Failed> {
    let playbooks = playbooks::load(&loaded.settings.playbooks)?;
    let given: Vec<Shown> = loaded.shown().into_iter().filter(|shown| shown.from != "default").collect();
    let of_given = rows(&given);
    let dir = &loaded.settings.playbooks.dir;
    let from = if dir.is_empty() { "built in" } else { dir };
    let of_playbooks =
        playbooks.iter().map(|playbook| ["playbook".to_owned(), playbook.tenant.to_string(), from.to_owned()]);
    let all: Vec<[String; 3]> = of_given.into_iter().chain(of_playbooks).collect();
    print(&format!("{}ok\n", output::table(&all)));
    Ok(())
}

fn rows(shown: &[Shown]) -> Vec<[String; 3]> {
    shown.iter().map(|shown| [shown.key.to_owned(), shown.value.to_string(), shown.from.clone()]).collect()
}
