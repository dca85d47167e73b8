//! `cordboard simulate`: plays many calls against a server at a steady rate and prints what came of it.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use engine::ports::{Clock, SystemClock};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Url;
use secrecy::SecretString;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::print_json;
use super::signals::Signals;
use super::target::Target;
use crate::simulator::load::{self, Options, Shot, Stop, Wanted};
use crate::simulator::{Cast, Disturbance, Disturbed, Proof, Steady, StoresNothing, Subscription, Summary};

#[derive(Debug, Args)]
pub struct Simulate {
    /// The server or its webhook URL [default: the one on this machine]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// [default: the configured one, else the one in the data directory]
    #[arg(long)]
    secret: Option<SecretString>,
    /// Calls to play to their end
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,
    /// Calls that are live at once
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// Webhooks per second, over all calls
    #[arg(long, default_value = "50", value_parser = rate)]
    rate: f64,
    /// The same seed plays the same calls [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Chance from 0 to 1 that a webhook comes twice
    #[arg(long, default_value = "0", value_name = "P", value_parser = chance)]
    duplicates: f64,
    /// Chance that a webhook comes late
    #[arg(long, default_value = "0", value_name = "P", value_parser = chance)]
    reorder: f64,
    /// Chance that a webhook never comes
    #[arg(long, default_value = "0", value_name = "P", value_parser = chance)]
    drops: f64,
    /// How late a second or late webhook can be, in ms
    #[arg(long, default_value_t = 2_000, value_name = "MS")]
    within_ms: u64,
    /// Only the messages we recommend: no partial transcripts, speech or conversation updates
    #[arg(long)]
    minimal: bool,
    /// How webhooks are proven
    #[arg(long, value_enum, default_value_t)]
    proof: Proof,
    /// Most requests on their way at once
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Longest wait for an answer, in seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_s: u64,
    /// First play the same against a server inside this process that stores nothing, and compare
    #[arg(long)]
    baseline: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.001);
    rate.ok_or("a number of webhooks per second".to_owned())
}

fn chance(text: &str) -> Result<f64, String> {
    let chance = text.parse().ok().filter(|chance| (0.0..=1.0).contains(chance));
    chance.ok_or("a chance from 0 to 1".to_owned())
}

pub async fn run(simulate: Simulate, overrides: &Overrides) -> Result<Exit, Failed> {
    let target = Target::find(simulate.to.as_deref(), simulate.secret.clone(), overrides)?;
    // A signal ends the run, and what was measured so far is printed.
    let stop = Stop::default();
    Signals::catch().map_err(Failed::configuration)?.then_stop(stop.clone());
    let cast = simulate.cast(&target)?;
    let baseline = match simulate.baseline {
        true => Some(simulate.baseline(&cast, &stop).await?),
        false => None,
    };
    let mut summary = simulate.play(&cast, &target.url, &stop, |shot| shot).await?;
    summary.compare(baseline);
    print_json(&summary);
    if summary.sent > 0 && summary.by_status.is_empty() {
        return Err(Failed::new(Exit::Unreachable, format!("{}: nothing was answered", target.url)));
    }
    Ok(if summary.is_clean() { Exit::Ok } else { Exit::FailedCheck })
}

impl Simulate {
    fn cast(&self, target: &Target) -> Result<Cast, Failed> {
        let subscription = if self.minimal { Subscription::Recommended } else { Subscription::All };
        Ok(Cast {
            seed: self.seed.unwrap_or_else(rand::random),
            epoch_ms: u64::try_from(SystemClock.now().as_millis()).unwrap_or(0),
            subscription,
            signer: target.signer(self.proof)?,
        })
    }

    async fn baseline(&self, cast: &Cast, stop: &Stop) -> Result<Summary, Failed> {
        let server = StoresNothing::start().map_err(Failed::configuration)?;
        let summary = self.play(cast, &server.url, stop, |shot| Shot { wanted: Wanted::Anything, ..shot }).await;
        server.stop().await;
        summary
    }

    async fn play(
        &self,
        cast: &Cast,
        url: &Url,
        stop: &Stop,
        adapt: impl Fn(Shot) -> Shot + Send + 'static,
    ) -> Result<Summary, Failed> {
        let plan = Steady::new(cast.clone(), self.calls, self.concurrency as usize, self.rate);
        let plan = Disturbed::new(plan, self.disturbance(), cast.seed);
        let counts = plan.counts();
        let bar = progress_bar(cast.webhooks(self.calls));
        let options = self.options(stop, &bar);
        let outcome = load::run(plan.map(adapt), url.clone(), options).await?;
        bar.finish_and_clear();
        let mut summary = Summary::new(url.as_str(), &outcome);
        summary.seed = Some(cast.seed);
        summary.calls = Cast::by_priority(self.calls);
        summary.duplicates = counts.duplicated.load(Ordering::Relaxed);
        summary.reordered = counts.reordered.load(Ordering::Relaxed);
        summary.dropped = counts.dropped.load(Ordering::Relaxed);
        Ok(summary)
    }

    fn disturbance(&self) -> Disturbance {
        Disturbance {
            duplicates: self.duplicates,
            copies: 1..=1,
            reorder: self.reorder,
            drops: self.drops,
            within: Duration::from_millis(self.within_ms),
        }
    }

    fn options(&self, stop: &Stop, bar: &ProgressBar) -> Options {
        let bar = bar.clone();
        Options {
            connections: usize::from(self.connections),
            timeout: Duration::from_secs(self.timeout_s),
            stop: stop.clone(),
            on_answer: Arc::new(move |_| bar.inc(1)),
            ..Options::default()
        }
    }
}

fn progress_bar(webhooks: u64) -> ProgressBar {
    let hidden = !io::stderr().is_terminal();
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} webhooks, {per_sec}, {eta} left");
    ProgressBar::with_draw_target(Some(webhooks), target).with_style(style.expect("the template is well formed"))
}
