//! `cordboard healthcheck`: whether the server of these settings lives, for whoever supervises it and has no other
//! program at hand, as in a container. Asks once, and says nothing when all is well.

use std::time::Duration;

use clap::Args;
use reqwest::StatusCode;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::target::{base_url, local_url};
use crate::settings;
use crate::simulator::load::{self, Options};

/// Longer than a dependency may take to answer.
const WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub struct Healthcheck {
    /// Whether it is useful, not only alive: for who waits for it, never for who would kill it
    #[arg(long)]
    ready: bool,
}

pub async fn run(healthcheck: &Healthcheck, overrides: &Overrides) -> Result<Exit, Failed> {
    let settings = settings::load(&overrides.layers())?.settings;
    let path = if healthcheck.ready { "/readyz" } else { "/healthz" };
    let url = base_url(&local_url(&settings))?.join(path).expect("a base and a path make a URL");
    let client = load::client(&url, &Options { timeout: WITHIN, ..Options::default() })?;
    match client.get(url).send().await?.status() {
        StatusCode::OK => Ok(Exit::Ok),
        status => Err(Failed::new(Exit::FailedCheck, format!("GET {path} is {status}"))),
    }
}
