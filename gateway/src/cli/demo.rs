//! `demo`: a server with a temporary data directory and simulated callers, until Ctrl-C. Nothing leaves the machine.

use std::time::Duration;

use clap::ValueEnum;
use engine::ports::{Clock, SystemClock};
use tokio::sync::oneshot;

use super::client::{WEBHOOK_PATH, local_url};
use super::exit::{Exit, Failure};
use super::options::{SettingsArgs, positive};
use super::serve;
use crate::app::{Start, StartError};
use crate::settings::{SandboxScript, Settings, SmsProviderName};
use crate::simulator::load::{self, Options, Outcome, Stop};
use crate::simulator::{Cast, Disturbance, Disturbed, Natural, Proof, Signer, Subscription};

/// A call of a minute and a half is over in half a minute: there is more to see.
const SPEED: f64 = 3.0;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Calls per minute.
    #[arg(long, value_name = "CALLS_PER_MIN", default_value_t = 30.0, value_parser = positive)]
    rate: f64,
    /// Makes the same callers again.
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, value_enum, default_value_t)]
    scenario: Scenario,
    /// Address and port [default: 127.0.0.1:8080, or a free port when that one is in use].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Calls come and go.
    #[default]
    Calm,
    /// Sixty calls at once, then as they come.
    Storm,
    /// The carrier never answers.
    ProviderDown,
    /// No text message is delivered.
    SmsFail,
    /// Every webhook comes two or three times, and out of order.
    Duplicates,
}

impl Scenario {
    fn carrier(self) -> SandboxScript {
        match self {
            Scenario::ProviderDown => SandboxScript::Hang,
            Scenario::SmsFail => SandboxScript::Fail,
            _ => SandboxScript::Works,
        }
    }

    fn calls_at_once(self) -> u64 {
        if self == Scenario::Storm { 60 } else { 1 }
    }

    fn disturbance(self) -> Disturbance {
        if self != Scenario::Duplicates {
            return Disturbance::NONE;
        }
        let within = Duration::from_secs(2);
        Disturbance { duplicates: 1.0, copies: 1..=2, reorder: 0.3, drops: 0.0, within }
    }
}

pub async fn run(args: Args) -> Result<Exit, Failure> {
    let data = tempfile::Builder::new().prefix("cordboard-demo-").tempdir();
    let data = data.map_err(|error| Failure::new(Exit::FailedCheck, format!("no temporary directory: {error}")))?;
    let start = args.prepare(args.settings(data.path())?)?;
    let stop = Stop::default();
    let (tell_server, told) = oneshot::channel::<()>();
    let callers = tokio::spawn(args.play(&start, stop.clone())?);
    let interrupted = serve::signals()?;
    let mut server = tokio::spawn(serve::serve(start, Box::pin(async move { drop(told.await) })));
    let ended_early = tokio::select! {
        () = interrupted => None,
        ended = &mut server => Some(ended),
    };
    stop.now();
    report(callers.await);
    let _ = tell_server.send(());
    let ended = match ended_early {
        Some(ended) => ended,
        None => server.await,
    };
    ended.map_err(|error| Failure::new(Exit::FailedCheck, format!("the server failed: {error}")))??;
    Ok(Exit::Ok)
}

impl Args {
    /// The user's settings, but for what a demo must not touch: their data, their playbooks, a real carrier.
    fn settings(&self, data: &std::path::Path) -> Result<Settings, Failure> {
        let layers = SettingsArgs { listen: self.listen.clone(), data_dir: Some(data.to_owned()), config: None };
        let mut settings = layers.load()?.settings;
        settings.store.url = "sqlite:".to_owned();
        settings.playbooks.dir.clear();
        settings.playbooks.default_tenant = "boreal".to_owned();
        settings.sms.provider = SmsProviderName::Sandbox;
        settings.sms.sandbox.script = self.scenario.carrier();
        Ok(settings)
    }

    /// A port that is in use is replaced by a free one, unless it was asked for.
    fn prepare(&self, settings: Settings) -> Result<Start, StartError> {
        match Start::prepare(settings.clone()) {
            Err(StartError::Listen { .. }) if self.listen.is_none() => {
                Start::prepare(Settings { listen: "127.0.0.1:0".to_owned(), ..settings })
            }
            prepared => prepared,
        }
    }

    /// Plays calls into the server's own URL, from the moment it listens.
    fn play(
        &self,
        start: &Start,
        stop: Stop,
    ) -> Result<impl Future<Output = Result<Outcome, reqwest::Error>> + use<>, Failure> {
        let secret = start.webhook_secrets[0].clone();
        let signer =
            Signer::new(Proof::Header, secret).map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
        let cast = Cast {
            seed: self.seed.unwrap_or_else(rand::random),
            epoch_ms: u64::try_from(SystemClock.now().as_millis()).unwrap_or_default(),
            subscription: Subscription::All,
            signer,
        };
        let mut url = local_url(start.address);
        url.set_path(WEBHOOK_PATH);
        let seed = cast.seed;
        let calls = Natural::new(cast, self.rate, self.scenario.calls_at_once(), SPEED);
        let plan = Disturbed::new(calls, self.scenario.disturbance(), seed);
        // Few ahead: bodies are dated when they are made.
        let options = Options { ahead: 16, stop, ..Options::default() };
        Ok(load::run(plan, url, options))
    }
}

fn report(played: Result<Result<Outcome, reqwest::Error>, tokio::task::JoinError>) {
    let Ok(Ok(outcome)) = played else {
        eprintln!("the callers failed");
        return;
    };
    let refused: u64 = outcome.by_status.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum();
    eprintln!(
        "{} webhooks played, {refused} refused, {} without an answer, p99 {} ms",
        outcome.sent,
        outcome.errors(),
        outcome.latency.value_at_quantile(0.99) as f64 / 1000.0
    );
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn args(scenario: Scenario, listen: Option<String>) -> Args {
        Args { rate: 30.0, seed: Some(1), scenario, listen }
    }

    #[test]
    fn a_demo_never_uses_a_real_carrier_and_rehearses_what_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for (scenario, script) in [
            (Scenario::Calm, SandboxScript::Works),
            (Scenario::ProviderDown, SandboxScript::Hang),
            (Scenario::SmsFail, SandboxScript::Fail),
        ] {
            let settings = args(scenario, None).settings(dir.path()).unwrap();
            assert_eq!(settings.sms.provider, SmsProviderName::Sandbox);
            assert_eq!(settings.sms.sandbox.script, script);
            assert_eq!(settings.data_dir, dir.path());
        }
    }

    #[test]
    fn a_busy_port_is_replaced_unless_it_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = busy.local_addr().unwrap().to_string();
        let asked = args(Scenario::Calm, Some(address.clone()));
        let settings = asked.settings(dir.path()).unwrap();
        assert!(matches!(asked.prepare(settings.clone()), Err(StartError::Listen { .. })));
        let free = args(Scenario::Calm, None).prepare(settings).unwrap();
        assert_ne!(free.address.to_string(), address);
    }
}
