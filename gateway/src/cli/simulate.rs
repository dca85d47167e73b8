//! `simulate`: many simulated calls into any server, and what its answers were like.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use engine::ports::{Clock, SystemClock};
use engine::time::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Url;

use super::client::{wanted_secret, webhook_url};
use super::exit::{Exit, Failure};
use super::options::{Output, SettingsArgs, chance, positive};
use super::table::{print_json, print_rows};
use crate::simulator::load::{self, Options, Outcome, Shot, Wanted};
use crate::simulator::{Cast, Counts, Disturbance, Disturbed, Proof, Signer, Steady, Subscription, Summary};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server, or its webhook URL.
    #[arg(long, value_name = "URL")]
    to: String,
    /// The webhook secret [default: the configured one, else that of the data directory].
    #[arg(long)]
    secret: Option<String>,
    /// How the secret is shown.
    #[arg(long, value_enum, default_value_t)]
    auth: Proof,
    /// Calls to play.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,
    /// Calls that are live at once.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// Webhooks per second, sent when they are due whether or not earlier ones were answered.
    #[arg(long, default_value_t = 50.0, value_parser = positive)]
    rate: f64,
    /// Makes the same calls again; with --at byte for byte.
    #[arg(long)]
    seed: Option<u64>,
    /// When the calls are said to happen [default: now].
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
    /// Which messages the assistant sends.
    #[arg(long, value_enum, default_value_t)]
    messages: Subscription,
    /// Chance that a webhook is sent twice.
    #[arg(long, value_name = "CHANCE", default_value_t = 0.0, value_parser = chance)]
    duplicates: f64,
    /// Chance that a webhook loses its place to later ones.
    #[arg(long, value_name = "CHANCE", default_value_t = 0.0, value_parser = chance)]
    reorder: f64,
    /// Chance that a webhook is never sent.
    #[arg(long, value_name = "CHANCE", default_value_t = 0.0, value_parser = chance)]
    drops: f64,
    /// Most webhooks on their way at once.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Seconds to wait for an answer.
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    timeout_s: f64,
    /// First the same run against this URL, or against a built-in endpoint that stores nothing, for comparison.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    baseline: Option<String>,
    /// Where the secret is found when none is given.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<std::path::PathBuf>,
}

pub async fn run(args: Args, output: Output) -> Result<Exit, Failure> {
    let target = webhook_url(&args.to)?;
    let cast = args.cast()?;
    let baseline = match &args.baseline {
        None => None,
        Some(url) => Some(Box::new(args.measure(&cast, baseline_url(url)?, Some(Wanted::Anything)).await?)),
    };
    let mut summary = args.measure(&cast, target, None).await?;
    summary.baseline = baseline;
    print(&summary, output)?;
    Ok(exit(&summary))
}

impl Args {
    fn cast(&self) -> Result<Cast, Failure> {
        let settings = SettingsArgs { data_dir: self.data_dir.clone(), ..SettingsArgs::default() };
        let secret = wanted_secret(self.secret.as_deref(), || Ok(settings.load()?.settings))?;
        let signer = Signer::new(self.auth, secret).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let epoch = self.at.unwrap_or_else(|| SystemClock.now());
        Ok(Cast {
            seed: self.seed.unwrap_or_else(rand::random),
            epoch_ms: u64::try_from(epoch.as_millis()).unwrap_or_default(),
            subscription: self.messages,
            signer,
        })
    }

    fn plan(&self, cast: &Cast) -> Disturbed<Steady> {
        let steady = Steady::new(cast.clone(), self.calls, self.concurrency as usize, self.rate);
        // Long enough for a few later webhooks of the same call to overtake.
        let within = Duration::from_secs_f64(4.0 * f64::from(self.concurrency) / self.rate);
        let disturbance = Disturbance {
            duplicates: self.duplicates,
            reorder: self.reorder,
            drops: self.drops,
            within,
            ..Disturbance::NONE
        };
        Disturbed::new(steady, disturbance, cast.seed)
    }

    async fn measure(&self, cast: &Cast, target: Url, wanted: Option<Wanted>) -> Result<Summary, Failure> {
        let plan = self.plan(cast);
        let counts = plan.counts();
        let plan = plan.map(move |shot| match &wanted {
            Some(wanted) => Shot { wanted: wanted.clone(), ..shot },
            None => shot,
        });
        let bar = bar(cast.webhooks(self.calls));
        let options = self.options(&bar);
        let outcome = load::run(plan, target.clone(), options).await.map_err(no_client)?;
        bar.finish_and_clear();
        Ok(self.summary(cast, &target, &outcome, &counts))
    }

    fn options(&self, bar: &ProgressBar) -> Options {
        let bar = bar.clone();
        Options {
            connections: self.connections as usize,
            timeout: Duration::from_secs_f64(self.timeout_s),
            on_answer: Arc::new(move || bar.inc(1)),
            ..Options::default()
        }
    }

    fn summary(&self, cast: &Cast, target: &Url, outcome: &Outcome, counts: &Counts) -> Summary {
        Summary {
            seed: Some(cast.seed),
            calls: Cast::by_priority(self.calls),
            duplicates: counts.duplicated.load(Ordering::Relaxed),
            reordered: counts.reordered.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
            ..Summary::new(target.as_str(), outcome)
        }
    }
}

fn no_client(error: reqwest::Error) -> Failure {
    Failure::new(Exit::FailedCheck, format!("cannot make an HTTP client: {error}"))
}

/// On a terminal only.
fn bar(webhooks: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} webhooks, {per_sec}, {eta} left");
    ProgressBar::new(webhooks).with_style(style.expect("the template is well-formed"))
}

fn baseline_url(given: &str) -> Result<Url, Failure> {
    if !given.is_empty() {
        return webhook_url(given);
    }
    store_nothing().map_err(|error| Failure::new(Exit::FailedCheck, format!("cannot start the baseline: {error}")))
}

/// Reads each body whole and answers `{}`: what HTTP alone costs on this machine.
fn store_nothing() -> std::io::Result<Url> {
    const LARGEST: usize = 16 * 1024 * 1024;
    let server = HttpServer::new(|| {
        let answer = async |_: Bytes| HttpResponse::Ok().content_type("application/json").body("{}");
        App::new().app_data(web::PayloadConfig::new(LARGEST)).default_service(web::to(answer))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
    let url = super::client::local_url(server.addrs()[0]);
    tokio::spawn(server.run());
    Ok(url)
}

fn exit(summary: &Summary) -> Exit {
    let answered: u64 = summary.by_status.values().sum();
    match summary {
        summary if summary.is_clean() => Exit::Ok,
        _ if answered == 0 => Exit::Unreachable,
        summary if summary.by_status.keys().all(|status| *status == 401) => Exit::Authentication,
        _ => Exit::FailedCheck,
    }
}

fn print(summary: &Summary, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return print_json(summary);
    }
    let row = |name: &str, value: String| [name.to_owned(), value];
    let statuses: Vec<String> = summary.by_status.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    let (latency, sizes, rate) = (summary.latency_ms, summary.body_bytes, summary.rate);
    let mut rows = vec![
        row("sent", summary.sent.to_string()),
        row("by status", statuses.join(", ")),
        row("errors", format!("{} ({} too slow)", summary.errors, summary.timeouts)),
        row("wrong answers", summary.wrong_answers.to_string()),
        row(
            "latency",
            format!(
                "p50 {} ms, p90 {}, p99 {}, p99.9 {}, max {}",
                latency.p50, latency.p90, latency.p99, latency.p999, latency.max
            ),
        ),
        row("body bytes", format!("{} to {}, mean {}", sizes.min, sizes.max, sizes.mean)),
        row("rate", format!("{}/s wanted, {}/s achieved", rate.wanted, rate.achieved)),
    ];
    let baseline = summary.baseline.as_ref().map(|other| other.latency_ms);
    rows.extend(baseline.map(|other| row("baseline latency", format!("p50 {} ms, p99 {}", other.p50, other.p99))));
    print_rows(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        let words = ["simulate", "--secret", "s"].into_iter().chain(line.split(' '));
        <Line as clap::Parser>::parse_from(words).args
    }

    #[tokio::test]
    async fn a_run_reports_what_was_sent_and_finds_tool_calls_without_results() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = store_nothing().unwrap();
        let args = args(&format!("--to {url} --calls 3 --rate 2000 --seed 1"));
        let cast = args.cast().unwrap();
        let summary = args.measure(&cast, url, None).await.unwrap();
        assert_eq!(summary.sent, cast.webhooks(3));
        assert_eq!(summary.by_status.values().sum::<u64>(), summary.sent);
        // Three emergencies, each classified and alerted, all answered `{}`.
        assert_eq!(summary.wrong_answers, 6);
        assert_eq!(exit(&summary), Exit::FailedCheck);
        assert!(summary.body_bytes.max > 60_000);
    }

    #[tokio::test]
    async fn a_baseline_may_answer_anything() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = store_nothing().unwrap();
        let args = args(&format!("--to {url} --calls 1 --rate 2000 --duplicates 0.5"));
        let summary = args.measure(&args.cast().unwrap(), url, Some(Wanted::Anything)).await.unwrap();
        assert_eq!(exit(&summary), Exit::Ok);
        assert_eq!(summary.sent, args.cast().unwrap().webhooks(1) + summary.duplicates);
    }

    #[test]
    fn a_seed_and_a_date_make_the_same_bodies_again() {
        let bodies = || -> Vec<Bytes> {
            let args = args("--to http://127.0.0.1 --calls 2 --seed 9 --at 2026-11-01T12:00:00.000Z --reorder 0.2");
            args.plan(&args.cast().unwrap()).map(|shot| shot.body).collect()
        };
        assert_eq!(bodies(), bodies());
    }
}
