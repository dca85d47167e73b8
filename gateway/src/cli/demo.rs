//! `cordboard demo`: a server of its own and a platform that plays calls into it, until told to stop.
//! Nothing outlives it and nothing leaves the machine: settings of the environment do not count here, so no carrier
//! that somebody configured is ever used.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use engine::ports::{Clock, SystemClock};
use secrecy::SecretString;

use super::banner::Banner;
use super::exit::{Exit, Failed};
use super::signals::Signals;
use super::target::webhook_url;
use super::{Overrides, output};
use crate::app::{App, Start, StartError};
use crate::settings::{self, Layers, Settings, SmsProviderName};
use crate::simulator::fake_twilio::{AUTH_TOKEN, FakeTwilio, Fate, Manners};
use crate::simulator::load::{self, Options};
use crate::simulator::{Cast, Disturbance, Disturbed, Natural, Proof, Signer, Subscription, Summary};
use crate::telemetry;

#[derive(Debug, Args)]
pub struct Demo {
    /// Calls that begin per minute [default: 12, in a storm 60]
    #[arg(long, value_name = "CALLS_PER_MIN", value_parser = positive)]
    rate: Option<f64>,
    /// The same seed plays the same calls [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// What happens
    #[arg(long, value_enum, default_value_t)]
    scenario: Scenario,
    /// End by itself after so many calls
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// How many times faster than people speak
    #[arg(long, default_value = "1", value_parser = positive)]
    speed: f64,
    #[command(flatten)]
    refused: Refused,
}

/// Options of every other command. They are taken, so that the refusal can say why, and not offered.
#[derive(Debug, Args)]
struct Refused {
    #[arg(long, hide = true)]
    config: Option<PathBuf>,
    #[arg(long, hide = true)]
    data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Calls come one after the other, and everything works
    #[default]
    Calm,
    /// Forty calls at once, then five times as many as usual
    Storm,
    /// The SMS provider never answers
    ProviderDown,
    /// Every SMS ends undelivered
    SmsFail,
    /// The platform sends webhooks twice, thrice and late
    Duplicates,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.01..=100_000.0).contains(number));
    number.ok_or("a number from 0.01 to 100000".to_owned())
}

pub async fn run(demo: &Demo, overrides: &Overrides) -> Result<Exit, Failed> {
    let refused = overrides.config.is_some() || overrides.data_dir.is_some();
    if refused || demo.refused.config.is_some() || demo.refused.data_dir.is_some() {
        return Err(Failed::new(Exit::Usage, "a demo has settings and a data directory of its own"));
    }
    let data_dir = tempfile::Builder::new().prefix("cordboard-demo-").tempdir().map_err(Failed::configuration)?;
    let layers = demo.layers(overrides, data_dir.path().to_owned());
    let settings = settings::load(&layers)?.settings;
    telemetry::init(&settings.log, settings.log_format)?;
    let options = Options::default();
    Signals::catch().map_err(Failed::configuration)?.then_stop(options.stop.clone());
    let mut start = prepare(settings)?;
    // It carries for as long as the demo lasts.
    let _carrier = demo.carrier(&mut start).await.map_err(Failed::configuration)?;
    let (banner, url) = (Banner::of(&start), webhook_url(&start.local_url())?);
    let cast = demo.cast(start.webhook_secrets[0].clone())?;
    let app = App::start(start).await?;
    banner.print(&app);
    output::print(&demo.playing());
    let outcome = load::run(demo.plan(cast), url, options).await;
    app.stop().await;
    let summary = Summary::new("", &outcome?);
    output::print(&played(&summary));
    Ok(if summary.is_clean() { Exit::Ok } else { Exit::FailedCheck })
}

/// On another port when the wanted one is taken: whoever tries things out may have a server already.
fn prepare(settings: Settings) -> Result<Start, StartError> {
    match Start::prepare(settings.clone()) {
        Err(StartError::Listen { why, .. }) if why.kind() == io::ErrorKind::AddrInUse => {
            Start::prepare(Settings { listen: "127.0.0.1:0".to_owned(), ..settings })
        }
        prepared => prepared,
    }
}

fn played(summary: &Summary) -> String {
    let good = summary.by_status.get(&200).copied().unwrap_or(0).saturating_sub(summary.wrong_answers);
    let Summary { sent, elapsed_s, latency_ms, .. } = summary;
    format!(
        "played {sent} webhooks in {elapsed_s:.1} s: {good} answered, p50 {} ms, p99 {} ms\n",
        latency_ms.p50, latency_ms.p99
    )
}

impl Demo {
    /// Of the environment only the log's settings are taken.
    fn layers(&self, overrides: &Overrides, data_dir: PathBuf) -> Layers {
        let is_log = |(name, _): &(String, String)| matches!(name.as_str(), "CORDBOARD_LOG" | "CORDBOARD_LOG_FORMAT");
        let environment = Layers::default().with_environment().variables;
        let quiet = ("CORDBOARD_LOG".to_owned(), "warn".to_owned());
        let variables = std::iter::once(quiet).chain(environment.into_iter().filter(is_log)).chain(self.sandbox());
        Layers {
            variables: variables.collect(),
            listen: overrides.listen.clone(),
            data_dir: Some(data_dir),
            ..Layers::default()
        }
    }

    fn sandbox(&self) -> Option<(String, String)> {
        let hangs = self.scenario == Scenario::ProviderDown;
        hangs.then(|| ("CORDBOARD_SMS__SANDBOX__SCRIPT".to_owned(), "hang".to_owned()))
    }

    /// Where every message is to fail, a carrier of our own stands in for the real one: it is sent to, calls back and
    /// is asked in the very way the real one is.
    async fn carrier(&self, start: &mut Start) -> io::Result<Option<FakeTwilio>> {
        if self.scenario != Scenario::SmsFail {
            return Ok(None);
        }
        let carrier = FakeTwilio::start_with(Manners {
            fate: Fate::Undelivered(30003),
            latency: Duration::from_millis(100),
            delivery: Duration::from_secs(1),
            ..Manners::default()
        });
        let carrier = carrier.await?;
        start.settings.public_url = start.local_url();
        let sms = &mut start.settings.sms;
        sms.provider = SmsProviderName::Twilio;
        sms.twilio.base_url = carrier.url();
        sms.twilio.account_sid = "AC00000000000000000000000000000000".to_owned();
        sms.twilio.auth_token = AUTH_TOKEN.into();
        sms.twilio.from = sms.sandbox.from.clone();
        sms.twilio.mps = sms.sandbox.mps;
        Ok(Some(carrier))
    }

    fn rate(&self) -> f64 {
        self.rate.unwrap_or(if self.scenario == Scenario::Storm { 60.0 } else { 12.0 })
    }

    fn playing(&self) -> String {
        let scenario = self.scenario.to_possible_value().expect("no scenario is hidden");
        format!("\nplaying {} calls a minute ({}); Ctrl-C ends the demo\n", self.rate(), scenario.get_name())
    }

    fn plan(&self, cast: Cast) -> Disturbed<Natural> {
        let at_once = if self.scenario == Scenario::Storm { 40 } else { 1 };
        let seed = cast.seed;
        let plan = Natural::new(cast, self.rate(), at_once, self.speed).at_most(self.calls.unwrap_or(u64::MAX));
        Disturbed::new(plan, self.disturbance(), seed)
    }

    fn cast(&self, secret: SecretString) -> Result<Cast, Failed> {
        Ok(Cast {
            seed: self.seed.unwrap_or_else(rand::random),
            epoch_ms: u64::try_from(SystemClock.now().as_millis()).unwrap_or(0),
            subscription: Subscription::All,
            signer: Signer::new(Proof::Header, secret)?,
        })
    }

    fn disturbance(&self) -> Disturbance {
        match self.scenario {
            Scenario::Duplicates => Disturbance {
                duplicates: 0.3,
                copies: 1..=2,
                reorder: 0.1,
                drops: 0.0,
                within: Duration::from_secs(2).div_f64(self.speed),
            },
            _ => Disturbance::NONE,
        }
    }
}
