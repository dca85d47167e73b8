//! `cordboard config`: are the settings and playbooks usable, and which are in force.

use clap::Subcommand;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::{self, Format, print, print_json};
use super::texts;
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
    let checked = playbooks::check(&loaded.settings.playbooks)?;
    let given: Vec<Shown> = loaded.shown().into_iter().filter(|shown| shown.from != "default").collect();
    let of_given = rows(&given);
    let built_in = loaded.settings.playbooks.dir.is_empty();
    let of_texts: Vec<[String; 3]> = checked.playbooks.iter().flat_map(|(_, playbook)| texts::rows(playbook)).collect();
    checked.playbooks.iter().for_each(|(_, playbook)| texts::warn(playbook));
    let of_playbooks = checked.playbooks.into_iter().map(|(file, playbook)| {
        let from = if built_in { "built in".to_owned() } else { file };
        ["playbook".to_owned(), playbook.tenant.to_string(), from]
    });
    let default = checked.default_tenant.map(|tenant| tenant.to_string());
    let default = default.unwrap_or_else(|| "none: webhooks that name no tenant are refused".to_owned());
    let default = ["default tenant".to_owned(), default, String::new()];
    let all: Vec<[String; 3]> = of_given.into_iter().chain(of_playbooks).chain([default]).collect();
    print(&format!("{}{}ok\n", output::table(&all), output::table(&of_texts)));
    Ok(())
}

fn rows(shown: &[Shown]) -> Vec<[String; 3]> {
    shown.iter().map(|shown| [shown.key.to_owned(), shown.value.to_string(), shown.from.clone()]).collect()
}
