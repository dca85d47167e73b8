//! The command line: what can be asked, one file per command, and how each ends.
//! Data goes to standard output; progress, logs and the one message of a failure go to standard error.

mod api;
mod audit;
mod backup;
mod banner;
mod business;
mod config;
mod demo;
mod doctor;
mod drill;
mod erase;
mod exit;
mod healthcheck;
mod migrate;
mod output;
mod playbook;
mod restore;
mod serve;
mod signals;
mod simulate;
mod target;
mod texts;
mod trigger;
mod vapi;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::settings::Layers;
use exit::{Exit, Failed};

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed check, 2 usage, 3 configuration, 4 not found, 5 authentication, \
    6 unreachable or timeout.";

/// The server behind AI phone agents. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "cordboard", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    overrides: Overrides,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Settings given by flags, over everything else.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
struct Overrides {
    /// Settings in TOML, over the built-in ones and under the environment
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the server [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the server keeps its database, tokens and created secret [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve webhooks, API and dashboard until told to stop
    Serve,
    /// Check or print the settings
    Config {
        #[command(subcommand)]
        command: config::Command,
    },
    /// Write the rules of a business
    Playbook {
        #[command(subcommand)]
        command: playbook::Command,
    },
    /// Send one sample webhook, signed, and print the answer
    Trigger(trigger::Trigger),
    /// Play calls against a server and print what was measured
    Simulate(simulate::Simulate),
    /// Try it out: a server of its own, in a temporary directory, with calls that come in
    Demo(demo::Demo),
    /// Set a business up at Vapi: its tools, where they are answered, and what happens when nobody does
    Vapi {
        #[command(subcommand)]
        command: vapi::Command,
    },
    /// Replay past calls through a playbook, send nothing, and show what would have happened
    Audit(audit::Audit),
    /// Check this machine and, given its URL, the way from the world to the server
    Doctor(doctor::Doctor),
    /// Ask the server of these settings whether it lives
    Healthcheck(healthcheck::Healthcheck),
    /// Open a real alert that says it is a test, and follow who is told and who answers
    Drill(drill::Drill),
    /// Forget a person: their calls, texts and words, wherever they are kept
    Erase(erase::Erase),
    /// Copy the embedded store into one file, also while the server runs
    Backup(backup::Backup),
    /// Make a backup the store of a server that does not run; what was to be sent is held
    Restore(restore::Restore),
    /// The tables of the store: how they stand, and bring them up to date
    Migrate {
        #[command(subcommand)]
        command: migrate::Command,
    },
    /// Print the completions of a shell
    Completions { shell: Shell },
}

impl Overrides {
    fn layers(&self) -> Layers {
        let Overrides { config, listen, data_dir } = self.clone();
        Layers { file: config, listen, data_dir, ..Layers::default() }.with_environment()
    }
}

/// The command line as asked for, or the code to end with: help was wanted, or it was not understood.
pub fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::print(&error.render().to_string());
            ExitCode::SUCCESS
        }
        _ => {
            let message = error.render().to_string();
            Failed::new(Exit::Usage, message.trim_start_matches("error: ").trim_end().to_owned()).report()
        }
    })
}

pub async fn run(cli: Cli) -> ExitCode {
    let overrides = cli.overrides;
    let ended = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&overrides).await,
        Command::Config { command } => config::run(&command, &overrides),
        Command::Playbook { command } => playbook::run(&command, &overrides),
        Command::Trigger(trigger) => trigger::run(trigger, &overrides).await,
        Command::Simulate(simulate) => simulate::run(simulate, &overrides).await,
        Command::Demo(demo) => demo::run(&demo, &overrides).await,
        Command::Vapi { command } => vapi::run(&command, &overrides).await,
        Command::Audit(audit) => audit::run(&audit, &overrides).await,
        Command::Doctor(doctor) => doctor::run(&doctor, &overrides).await,
        Command::Healthcheck(healthcheck) => healthcheck::run(&healthcheck, &overrides).await,
        Command::Drill(drill) => drill::run(drill, &overrides).await,
        Command::Erase(erase) => erase::run(&erase, &overrides).await,
        Command::Backup(backup) => backup::run(&backup, &overrides).await,
        Command::Restore(restore) => restore::run(&restore, &overrides).await,
        Command::Migrate { command } => migrate::run(&command, &overrides).await,
        Command::Completions { shell } => completions(shell),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failed) => failed.report(),
    }
}

fn completions(shell: Shell) -> Result<Exit, Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cordboard", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_serves_and_flags_stand_on_either_side() {
        for line in [&["cordboard", "--listen", "[::1]:1"][..], &["cordboard", "serve", "--listen", "[::1]:1"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(matches!(cli.command, None | Some(Command::Serve)));
            assert_eq!(cli.overrides.listen.as_deref(), Some("[::1]:1"));
        }
    }
}
