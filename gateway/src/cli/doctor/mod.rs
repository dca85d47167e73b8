//! `doctor`: what would keep calls from being answered, on this machine and on the way from outside, and how to mend it.

mod local;
mod outside;

use serde::Serialize;

use super::client::{http_url, known_secret};
use super::exit::{Exit, Failure};
use super::options::{Output, SettingsArgs};
use super::table::{print_json, print_rows};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How the world reaches this server [default: the setting public_url].
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    /// What was found, and how to mend it.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
    Unreachable,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, state: State::Ok, detail: detail.into() }
    }

    fn warning(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, state: State::Warning, detail: detail.into() }
    }

    fn failed(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, state: State::Failed, detail: detail.into() }
    }

    fn unreachable(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, state: State::Unreachable, detail: detail.into() }
    }
}

#[derive(Serialize)]
struct Findings<'a> {
    ok: bool,
    checks: &'a [Check],
}

pub async fn run(args: Args, output: Output) -> Result<Exit, Failure> {
    let checks = examine(&args).await?;
    let exit = verdict(&checks);
    match output {
        Output::Json => print_json(&Findings { ok: exit == Exit::Ok, checks: &checks })?,
        Output::Table => {
            let rows: Vec<[String; 3]> = checks.into_iter().map(row).collect();
            print_rows(&rows)?;
        }
    }
    Ok(exit)
}

async fn examine(args: &Args) -> Result<Vec<Check>, Failure> {
    let given = args.public_url.as_deref().map(http_url).transpose()?;
    let settings = match args.settings.load() {
        Ok(loaded) => loaded.settings,
        Err(error) => return Ok(vec![Check::failed("settings", error.to_string())]),
    };
    let mut checks = vec![Check::ok("settings", "read and safe")];
    checks.extend(local::checks(&settings).await);
    let configured = Some(settings.public_url.as_str()).filter(|url| !url.is_empty());
    match given.or(configured.map(http_url).transpose()?) {
        Some(url) => checks.extend(outside::checks(&url, known_secret(&settings), &settings.platforms.vapi).await),
        None => checks.push(Check::warning(
            "public url",
            "not set: the voice platform cannot reach this server; open a tunnel and give --public-url",
        )),
    }
    Ok(checks)
}

fn row(check: Check) -> [String; 3] {
    let state = match check.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "failed",
        State::Unreachable => "unreachable",
    };
    [state.to_owned(), check.name.to_owned(), check.detail]
}

/// A failed check outweighs an unreachable server; warnings alone are fine.
fn verdict(checks: &[Check]) -> Exit {
    let any = |state: State| checks.iter().any(|check| check.state == state);
    match (any(State::Failed), any(State::Unreachable)) {
        (true, _) => Exit::FailedCheck,
        (false, true) => Exit::Unreachable,
        (false, false) => Exit::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_outweighs_an_unreachable_server() {
        let (ok, warning) = (Check::ok("a", ""), Check::warning("b", ""));
        let (failed, unreachable) = (Check::failed("c", ""), Check::unreachable("d", ""));
        for (checks, exit) in [
            (vec![ok.clone(), warning.clone()], Exit::Ok),
            (vec![ok.clone(), unreachable.clone()], Exit::Unreachable),
            (vec![unreachable, failed, warning, ok], Exit::FailedCheck),
        ] {
            assert_eq!(verdict(&checks), exit);
        }
    }
}
