//! `cordboard drill`: a real alert that says it is a test, and its receipt as it grows: who was told, when, how, what
//! arrived, and who answered. Ends with 0 when somebody took it, with 1 when nobody did.

mod receipt;

use std::time::Duration;

use clap::Args;
use engine::alert::{AlertState, How};
use engine::priority::Priority;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Overrides;
use super::api::Api;
use super::exit::{Exit, Failed};
use super::output::{Format, print, print_json};
use receipt::{Followed, Receipt};

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long the last reports of the carrier are waited for, once somebody took it.
const LAST_REPORTS: Duration = Duration::from_secs(5);
/// Looks in a row that may fail: a server that is restarted goes on with the alert.
const LOOKS_LOST: u32 = 20;

#[derive(Debug, Args)]
pub struct Drill {
    /// Whose roster is tried out [default: the default tenant's]
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Which roster: the one of this priority
    #[arg(long, default_value = "P1")]
    priority: Priority,
    /// Longest wait in seconds; whoever has not been told by then is not told any more
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    /// The server [default: the one on this machine]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// [default: CORDBOARD_TOKEN, else the one in the data directory]
    #[arg(long)]
    token: Option<SecretString>,
    /// json: the whole alert, once, at the end
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(drill: Drill, overrides: &Overrides) -> Result<Exit, Failed> {
    let api = Api::find(drill.to.as_deref(), drill.token.clone(), overrides)?;
    let asked = json!({"drill": true, "tenant": drill.tenant, "priority": drill.priority});
    let opened: Followed = api.json(Method::POST, "/api/alerts", Some(&asked)).await?;
    let path = format!("/api/alerts/{}", opened.id);
    let ends = Instant::now() + Duration::from_secs(drill.wait);
    let mut last = follow(&api, &path, ends, drill.output).await?;
    if last.state.is_running() {
        // Nobody is watching any more: nobody else is to be woken up.
        let by = json!({"by": "drill"});
        let _: Followed = api.json(Method::POST, &format!("{path}/resolve"), Some(&by)).await?;
        last = api.json(Method::GET, &path, None).await?;
        finish(&last, drill.output);
        return Err(Failed::new(Exit::FailedCheck, format!("nobody took it within {} s", drill.wait)));
    }
    finish(&last, drill.output);
    verdict(&last)
}

/// Until it is over and all that left has been reported on, or until the time is up.
async fn follow(api: &Api, path: &str, ends: Instant, output: Format) -> Result<Followed, Failed> {
    let mut receipt = Receipt::default();
    let mut lost = 0;
    let mut last_reports = None;
    loop {
        match api.json::<Followed>(Method::GET, path, None).await {
            Ok(found) => {
                lost = 0;
                if output == Format::Table {
                    print(&receipt.news(&found));
                }
                let over = !found.state.is_running();
                let until = last_reports.get_or_insert_with(|| Instant::now() + LAST_REPORTS);
                if !over {
                    last_reports = None;
                } else if !found.is_awaited() || Instant::now() >= *until {
                    return Ok(found);
                }
                if Instant::now() >= ends {
                    return Ok(found);
                }
            }
            Err(failed) if lost >= LOOKS_LOST => return Err(failed),
            Err(_) => lost += 1,
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn finish(last: &Followed, output: Format) {
    match output {
        Format::Json => print_json(&last.whole),
        Format::Table => print(&format!("{}\n", receipt::summary(last))),
    }
}

fn verdict(last: &Followed) -> Result<Exit, Failed> {
    let failed = |why: &str| Err(Failed::new(Exit::FailedCheck, why));
    match last.state {
        AlertState::Acknowledged => Ok(Exit::Ok),
        AlertState::Resolved if last.watching => failed("nobody was told: this business only watches"),
        AlertState::Resolved if last.resolved.as_ref().is_some_and(|by| by.how == How::Clock) => Ok(Exit::Ok),
        AlertState::Resolved if last.acknowledged.is_some() || last.resolved.is_some() => Ok(Exit::Ok),
        _ => failed("nobody took it, and everybody of the roster was told"),
    }
}
