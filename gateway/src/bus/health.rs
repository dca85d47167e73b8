//! How the connection to the bus is, as the client tells it: for `/readyz`, the log and the metrics.

use std::sync::Arc;

use async_nats::{ClientError, Event, Server, ServerError};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::tls::Distrust;

const CONNECTED: &str = "cordboard_bus_connected";
const RECONNECTS: &str = "cordboard_bus_reconnects_total";
const CLIPPED: &str = "cordboard_bus_clipped_total";

pub fn describe() {
    describe_gauge!(CONNECTED, "1 while this node is connected to the bus outside");
    describe_counter!(RECONNECTS, "Times the connection to the bus outside had to be made again");
    describe_counter!(CLIPPED, "Messages longer than the bus takes, published in part");
}

pub fn clipped() {
    counter!(CLIPPED).increment(1);
}

#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    connected: bool,
    connects: u64,
    /// Connecting failed, or a connection was lost.
    failed: bool,
    /// Why there is no connection.
    why: String,
    /// That says what a server said, and not just of which kind it was.
    detailed: bool,
    /// Connected, and yet nothing moves.
    stuck: bool,
    /// The server refused something since it was connected.
    refused: bool,
}

impl Health {
    pub fn hear(&self, event: &Event) {
        let mut state = self.0.state.lock();
        match event {
            Event::Connected => state.is_connected(),
            Event::Disconnected | Event::Closed => {
                state.detailed = false;
                state.is_away("the connection was lost");
            }
            Event::ClientError(ClientError::Other(_)) if state.detailed => return,
            Event::ClientError(ClientError::Other(why)) => state.is_away(why),
            Event::ServerError(ServerError::AuthorizationViolation) => state.is_away(AUTHORIZATION),
            Event::ServerError(error) => state.is_refused(error),
            _ => return,
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// How the servers answered the last try, which the client tells when it begins the next.
    pub fn tried(&self, servers: &[Server]) {
        let said: Vec<&str> = servers.iter().filter_map(|server| server.last_error.as_deref()).collect();
        let telling = said.iter().find(|said| Distrust::read(said).is_some());
        if let Some(said) = telling.or(said.first()) {
            let mut state = self.0.state.lock();
            state.is_away(said);
            state.detailed = true;
        }
    }

    /// Returns when something may have changed.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Whether it has ever been without a connection since it began.
    pub fn has_failed(&self) -> bool {
        self.0.state.lock().failed
    }

    pub fn is_stuck(&self, stuck: bool) {
        let mut state = self.0.state.lock();
        if stuck && !state.stuck {
            tracing::warn!("bus is connected and takes nothing, what is committed waits in the store");
        }
        state.stuck = stuck;
    }

    /// For anybody: what somebody should look at.
    pub fn troubles(&self) -> Vec<String> {
        let state = self.0.state.lock();
        let mut troubles = Vec::new();
        if !state.connected {
            let why = if state.why.is_empty() { "not connected yet" } else { &state.why };
            troubles.push(format!("not connected ({why}): what is committed waits in the store"));
        } else if state.stuck {
            troubles
                .push("connected, but nothing comes back: is the server slow, may we publish and subscribe?".into());
        }
        if state.refused {
            troubles.push("the server refuses some of what we do: see the log".into());
        }
        troubles
    }
}

const AUTHORIZATION: &str = "authorization violation";

/// For anybody, so that somebody can mend it: never the server's own words.
fn told(why: &str) -> String {
    let why = why.trim_start_matches("nats: ");
    if let Some(distrust) = Distrust::read(why) {
        return distrust.told("bus.ca_file", "use nats:// in bus.url");
    }
    if why.starts_with(AUTHORIZATION) {
        return format!("{AUTHORIZATION}: it does not let in who bus.url or bus.credentials_file names");
    }
    if why.contains("Connection refused") {
        return "nobody listens there".to_owned();
    }
    why.split(": ").next().unwrap_or_default().to_owned()
}

impl State {
    fn is_connected(&mut self) {
        if self.connects > 0 {
            counter!(RECONNECTS).increment(1);
        }
        if self.failed {
            tracing::info!("bus connected");
        }
        *self = State { connected: true, connects: self.connects + 1, failed: self.failed, ..State::default() };
        gauge!(CONNECTED).set(1.0);
    }

    /// Logged when it begins, not with every try.
    fn is_away(&mut self, why: &str) {
        let why = told(why);
        if self.connected || self.why != why {
            tracing::warn!(why, "bus is not connected, what is committed waits in the store");
        }
        (self.connected, self.failed, self.stuck) = (false, true, false);
        self.why = why;
        gauge!(CONNECTED).set(0.0);
    }

    /// Its words may name a call: they are for the log.
    fn is_refused(&mut self, error: &ServerError) {
        if !self.refused {
            tracing::error!(%error, "the bus refuses something");
        }
        self.refused = true;
    }
}
