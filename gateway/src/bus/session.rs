//! One client of the bus, and all it takes to be sure of what was sent through it.
//!
//! The client takes messages while it has no connection, and forgets what it had written to a connection that dies; its
//! own flush ends at our socket. So after each stretch of messages one goes to ourselves: when it comes back, the server
//! has read everything before it, and if the connection is still the one it all began on, nothing was lost on the way.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, HeaderMap, PublishErrorKind, Subscriber};
use bytes::Bytes;
use engine::failure::Failure;
use engine::ports::{Delivered, Dispatch};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use super::health::{self, Health};
use super::message::{Encoded, encode};
use super::nats::NatsSettings;
use super::subject;

/// Bytes sent before the server is asked whether it has them.
const STRETCH: usize = 1 << 20;
/// A connection that takes nothing and does not break for so many `answer_within` is given up.
const PATIENCE: u32 = 12;
/// What a message's header weighs besides its id.
const HEADER: usize = "NATS/1.0\r\nNats-Msg-Id: \r\n\r\n".len();
/// Should the news that there is a connection be missed, it is looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Counts connections: two numbers that are equal are the same connection.
type Link = u64;

/// Why a delivery came to nothing. Either way it may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The connection was lost; the client makes another.
    Lost,
    /// Nothing is to be expected of this client any more.
    GivenUp,
}

pub(super) struct Session {
    line: Line,
    /// What we sent to ourselves.
    echoes: Subscriber,
    echo_subject: String,
    last_echo: u64,
    /// That the last delivery was on; none after one that was cut.
    link: Option<Link>,
    /// Whose server's other clients have had time to come back as well.
    settled: Option<Link>,
}

struct Line {
    client: Client,
    settings: NatsSettings,
    health: Health,
}

impl Session {
    /// Returns at once; the client connects for as long as it takes.
    pub async fn open(settings: NatsSettings, health: Health) -> Result<Session, Failure> {
        let client = super::nats::connect(&settings, &health).await?;
        let echo_subject = format!("{}.echo.{:032x}", settings.prefix, rand::random::<u128>());
        let subscribing = timeout(settings.answer_within, client.subscribe(echo_subject.clone())).await;
        let cannot = |why: &str| Failure::retry(format!("nats: cannot subscribe: {why}"));
        let echoes = subscribing.map_err(|_| cannot("no client"))?.map_err(|error| cannot(&error.to_string()))?;
        let line = Line { client, settings, health };
        Ok(Session { line, echoes, echo_subject, last_echo: 0, link: None, settled: None })
    }

    pub async fn deliver(&mut self, dispatches: &[Dispatch]) -> Result<Delivered, Cut> {
        let link = self.settled_link().await;
        // Told of once: it is set again by a delivery that succeeds.
        if self.link.take().is_some_and(|before| before != link) {
            return Err(Cut::Lost);
        }
        let (mut delivered, mut unsure) = (Delivered::default(), 0);
        for dispatch in dispatches {
            let Some(bytes) = self.line.send(link, dispatch).await? else {
                delivered.refused += 1;
                continue;
            };
            delivered.taken += 1;
            unsure += bytes;
            if unsure >= STRETCH {
                self.confirm(link).await?;
                unsure = 0;
            }
        }
        if unsure > 0 {
            self.confirm(link).await?;
        }
        self.line.health.is_stuck(false);
        self.link = Some(link);
        Ok(delivered)
    }

    /// Returns when the server has read everything that was sent, and nothing of it was lost.
    async fn confirm(&mut self, link: Link) -> Result<(), Cut> {
        self.last_echo += 1;
        let number = Bytes::from(self.last_echo.to_string());
        let asking = self.line.client.publish(self.echo_subject.clone(), number.clone());
        if self.line.while_linked(link, asking).await?.is_err() {
            return Err(Cut::GivenUp);
        }
        loop {
            let echo = self.line.while_linked(link, self.echoes.next()).await?.ok_or(Cut::GivenUp)?;
            if echo.payload == number {
                break;
            }
        }
        if self.line.link() == link { Ok(()) } else { Err(Cut::Lost) }
    }

    /// The connection there is, or the next one. Where there was none for a while, subscribers lost theirs as well, and
    /// what is told before they are back, they never hear.
    async fn settled_link(&mut self) -> Link {
        loop {
            let link = self.line.connected().await;
            if self.settled == Some(link) {
                return link;
            }
            if self.line.health.has_failed() {
                sleep(self.line.settings.settle).await;
            }
            if self.line.link() == link {
                self.settled = Some(link);
            }
        }
    }
}

impl Line {
    fn link(&self) -> Link {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    async fn connected(&self) -> Link {
        while self.client.connection_state() != State::Connected {
            let _ = timeout(LOOK_AGAIN, self.health.changed()).await;
        }
        self.link()
    }

    /// Bytes handed over; `None`: the server will never take it.
    async fn send(&self, link: Link, dispatch: &Dispatch) -> Result<Option<usize>, Cut> {
        let Some(path) = subject::path(&dispatch.update) else { return Ok(None) };
        let id = subject::message_id(&path, dispatch);
        let room = self.client.max_payload().saturating_sub(HEADER + id.len());
        let Some(Encoded { json, clipped }) = encode(&dispatch.update, room) else { return Ok(None) };
        if clipped {
            health::clipped();
        }
        let bytes = json.len();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let subject = format!("{}.{path}", self.settings.prefix);
        let sending = self.client.publish_with_headers(subject, headers, json);
        match self.while_linked(link, sending).await? {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == PublishErrorKind::Send => Err(Cut::GivenUp),
            Err(_) => Ok(None),
        }
    }

    /// Waits for work that a slow server holds up, as long as the connection stands.
    async fn while_linked<T>(&self, link: Link, work: impl Future<Output = T>) -> Result<T, Cut> {
        let mut work = std::pin::pin!(work);
        let begun = Instant::now();
        let answer_within = self.settings.answer_within;
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = sleep(answer_within) => {}
            }
            if self.link() != link {
                return Err(Cut::Lost);
            }
            self.health.is_stuck(true);
            if begun.elapsed() >= answer_within * PATIENCE {
                return Err(Cut::GivenUp);
            }
        }
    }
}
