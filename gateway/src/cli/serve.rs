//! `cordboard serve`: starts the server, says where it is, and stops it when told to.

use super::Overrides;
use super::banner::Banner;
use super::exit::{Exit, Failed};
use super::signals::Signals;
use crate::app::{App, Start};
use crate::{settings, telemetry};

pub async fn run(overrides: &Overrides) -> Result<Exit, Failed> {
    let settings = settings::load(&overrides.layers())?.settings;
    telemetry::init(&settings.log, settings.log_format)?;
    let mut signals = Signals::catch().map_err(Failed::configuration)?;
    let start = Start::prepare(settings)?;
    let banner = Banner::of(&start);
    let app = tokio::select! {
        started = App::start(start) => started?,
        () = signals.next() => return Ok(Exit::Ok),
    };
    banner.print(&app);
    signals.next().await;
    tracing::info!("stopping");
    signals.then_exit();
    app.stop().await;
    Ok(Exit::Ok)
}
