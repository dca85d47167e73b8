//! `cordboard doctor`: what would keep the server from working, and what to do about each.
//! It changes nothing, and starts nothing.

mod local;
mod report;
mod world;

use clap::Args;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::Format;
use super::target::known_secret;
use crate::settings;
use report::{Check, Report};

#[derive(Debug, Args)]
pub struct Doctor {
    /// How the world reaches the server [default: the setting public_url]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(doctor: &Doctor, overrides: &Overrides) -> Result<Exit, Failed> {
    let report = examine(doctor, overrides).await?;
    report.print(doctor.output);
    Ok(report.exit())
}

async fn examine(doctor: &Doctor, overrides: &Overrides) -> Result<Report, Failed> {
    let settings = match settings::load(&overrides.layers()) {
        Ok(loaded) => loaded.settings,
        // Nothing else can be asked without them.
        Err(error) => return Ok(Report::of(vec![Check::fail("settings", error, "mend it, then run doctor again")])),
    };
    let mut checks = vec![Check::ok("settings", "understood")];
    checks.extend(local::examine(&settings).await);
    let url = doctor.public_url.as_deref().unwrap_or(&settings.public_url);
    match url.is_empty() {
        true => checks.push(Check::skipped("public url", "none is set", "give --public-url to check it from outside")),
        false => checks.extend(world::examine(url, &settings, known_secret(&settings)).await?),
    }
    Ok(Report::of(checks))
}
