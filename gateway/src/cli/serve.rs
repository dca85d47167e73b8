//! `serve`: the server until it is told to stop.

use std::pin::Pin;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::banner;
use super::exit::{Exit, Failure};
use super::options::SettingsArgs;
use crate::app::{App, Start, StartError};
use crate::telemetry;

/// Completes when the server is to stop.
pub type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

pub async fn run(args: &SettingsArgs) -> Result<Exit, Failure> {
    let settings = args.load()?.settings;
    telemetry::init(&settings.log, settings.log_format)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let stopped = signals()?;
    serve(Start::prepare(settings)?, stopped).await?;
    Ok(Exit::Ok)
}

/// Starts, says where, and returns once it has stopped.
pub async fn serve(start: Start, stopped: Stopped) -> Result<(), Failure> {
    let facts = banner::Facts::of(&start);
    let app = App::start(start).await?;
    banner::print(&facts, &app);
    stopped.await;
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}

/// SIGTERM or SIGINT. A second one does not wait for the first to be done with.
pub fn signals() -> Result<Stopped, Failure> {
    let catch =
        |kind| signal(kind).map_err(|error| Failure::new(Exit::FailedCheck, format!("cannot catch signals: {error}")));
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    Ok(Box::pin(async move {
        either(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            eprintln!("cordboard: told twice to stop, stopping at once");
            std::process::exit(Exit::FailedCheck as i32);
        });
    }))
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        let exit = match &error {
            StartError::Listen { .. } => Exit::Unreachable,
            StartError::DataDir(_) | StartError::Playbooks(_) | StartError::Carrier(_) => Exit::Configuration,
            StartError::Failed(_) => Exit::FailedCheck,
        };
        Failure::new(exit, error.to_string())
    }
}
