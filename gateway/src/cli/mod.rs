//! The command line: one file per command. Data goes to standard output, progress and complaints to standard error.

mod banner;
mod client;
mod completions;
mod config;
mod demo;
mod doctor;
mod exit;
mod options;
mod serve;
mod simulate;
mod table;
mod trigger;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::{Exit, Failure};
use options::{Output, SettingsArgs};

/// The server behind AI phone agents. Without a command: serve.
#[derive(Debug, Parser)]
#[command(name = "cordboard", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// How data is printed.
    #[arg(short, long, global = true, value_enum)]
    output: Option<Output>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take webhooks and run calls.
    Serve(SettingsArgs),
    /// A server of its own with simulated callers, until Ctrl-C. Nothing is kept and nothing is sent.
    Demo(demo::Args),
    /// Play simulated calls into any server and measure its answers.
    Simulate(simulate::Args),
    /// Send one sample webhook.
    Trigger(trigger::Args),
    /// Check or print the settings.
    #[command(subcommand)]
    Config(config::Command),
    /// Look for what is wrong with this machine, these settings and the way from outside.
    Doctor(doctor::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
}

/// Runs the command of this process's arguments. Usage errors end here with exit code 2.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("cordboard: {failure}");
            failure.exit.into()
        }
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let output = cli.output;
    match cli.command.unwrap_or(Command::Serve(cli.settings)) {
        Command::Serve(args) => run_async(serve::run(&args)),
        Command::Demo(args) => run_async(demo::run(args)),
        Command::Simulate(args) => run_async(simulate::run(args, output.unwrap_or(Output::Json))),
        Command::Trigger(args) => run_async(trigger::run(args, output.unwrap_or(Output::Table))),
        Command::Config(command) => config::run(command, output.unwrap_or(Output::Table)),
        Command::Doctor(args) => run_async(doctor::run(args, output.unwrap_or(Output::Table))),
        Command::Completions(args) => completions::run(&args),
    }
}

fn run_async(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .map_err(|error| Failure::new(Exit::FailedCheck, format!("cannot start the runtime: {error}")))?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_serves_with_the_flags_of_serve() {
        let bare = Cli::try_parse_from(["cordboard", "--listen", "127.0.0.1:9", "--data-dir", "d"]).unwrap();
        assert!(bare.command.is_none());
        assert_eq!(bare.settings.listen.as_deref(), Some("127.0.0.1:9"));
        let named = Cli::try_parse_from(["cordboard", "serve", "--listen", "127.0.0.1:9"]).unwrap();
        assert!(matches!(named.command, Some(Command::Serve(args)) if args.listen.is_some()));
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for line in [
            "cordboard simulate --to http://127.0.0.1 --rate 0",
            "cordboard simulate --to http://127.0.0.1 --rate -3",
            "cordboard simulate --to http://127.0.0.1 --drops 1.5",
            "cordboard simulate",
            "cordboard demo --scenario hurricane",
            "cordboard trigger no-such-event",
            "cordboard trigger tool-calls --priority P9",
            "cordboard tune",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_contracts_command_lines_are_understood() {
        for line in [
            "cordboard demo --rate 30 --seed 7 --scenario provider-down",
            "cordboard simulate --to http://127.0.0.1:1 --secret s --calls 10 --concurrency 5 --rate 20.5 --duplicates 0.1",
            "cordboard simulate --to http://127.0.0.1:1 --secret s --baseline",
            "cordboard trigger tool-calls --to http://127.0.0.1:1 --priority P1",
            "cordboard config check --config mine.toml",
            "cordboard doctor --public-url https://calls.example.com -o json",
            "cordboard completions bash",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap();
        }
    }
}
