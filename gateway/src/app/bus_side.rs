//! Which bus the settings name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use secrecy::ExposeSecret;

use crate::bus::{Address, NatsBus, NatsSettings};
use crate::http::{Condition, Probe};
use crate::settings::Settings;

/// `None`: the bus is within this process.
pub(super) async fn open(settings: &Settings) -> Result<Option<Arc<NatsBus>>, Failure> {
    let bus = &settings.bus;
    if bus.url.expose_secret().is_empty() {
        return Ok(None);
    }
    let address = Address::parse(bus.url.expose_secret()).map_err(|why| Failure::fail(format!("bus.url: {why}")))?;
    let file = |path: &str| (!path.is_empty()).then(|| PathBuf::from(path));
    let nats = NatsSettings {
        address,
        prefix: bus.prefix.clone(),
        credentials: file(&bus.credentials_file),
        ca: file(&bus.ca_file),
        connect_within: Duration::from_millis(bus.connect_timeout_ms),
        answer_within: Duration::from_millis(bus.answer_timeout_ms),
        settle: Duration::from_millis(bus.settle_ms),
    };
    Ok(Some(Arc::new(NatsBus::open(nats).await?)))
}

/// For people.
pub(super) fn place(bus: Option<&Arc<NatsBus>>) -> String {
    bus.map_or_else(|| "in process".to_owned(), |nats| nats.describe())
}

/// A bus that is away keeps nobody waiting and loses nothing: we are ready all the same.
pub(super) fn probe(bus: Option<&Arc<NatsBus>>) -> Probe {
    let place = place(bus);
    match bus.cloned() {
        None => Probe::always("bus", place),
        Some(nats) => Probe::telling("bus", move || Condition { kind: place.clone(), troubles: nats.troubles() }),
    }
}
