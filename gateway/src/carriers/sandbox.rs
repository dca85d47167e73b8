//! A carrier that sends nothing and behaves like one: it takes a message after a while, then reports it sent and
//! delivered. The default, for trying things out and for tests.
//!
//! Numbers of the range +1 500 555 0xxx, which belong to nobody, act out what can go wrong:
//!
//! | number       | what happens                                                |
//! |--------------|-------------------------------------------------------------|
//! | +15005550001 | refused: not a valid number (21211)                         |
//! | +15005550003 | refused: the region is not permitted (21408)                |
//! | +15005550004 | refused: the recipient has opted out (21610)                |
//! | +15005550009 | refused: not a mobile number (21614)                        |
//! | +15005550020 | throttled the first two times, then taken                   |
//! | +15005550021 | a server error, and not taken                               |
//! | +15005550022 | never answers, and not taken; given up after ten seconds    |
//! | +15005550023 | a server error though it is taken, and reported on as usual |
//! | +15005550024 | a server error though it is taken, and never reported on    |
//! | +15005550025 | taken and never reported on                                 |
//! | +15005550030 | taken, then undelivered: unreachable (30003)                |
//! | +15005550031 | taken, then failed: queue overflow (30001)                  |
//! | any other    | taken, sent, delivered                                      |
//!
//! It keeps books of what it took, as carriers do: by them an attempt without an answer is found.

mod books;

mod telephone;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actors::system::Senders;
use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Clock, Leaves, SmsProvider};
use engine::sms::{Answered, Attempt, DeliveryReport, DeliveryStatus, ErrorClass, Found, SendOutcome, Sms};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

use self::books::Books;
use super::{Carrier, pace};
use crate::settings::{self, SandboxScript};

/// How long the number that never answers is waited for.
const GIVES_UP_AFTER: Duration = Duration::from_secs(10);

/// Reports on their way to us.
const REPORTS: usize = 4_096;

/// How often the throttled number is refused.
const THROTTLED_TIMES: u32 = 2;

pub struct Sandbox {
    /// A misfortune that befalls every number.
    script: SandboxScript,
    latency: Duration,
    delivery: Duration,
    clock: Arc<dyn Clock>,
    reports: mpsc::Sender<DeliveryReport>,
    /// Throttled messages, and how often each was.
    throttled: Mutex<HashMap<SmsId, u32>>,
    books: Arc<Books>,
}

/// The part a number plays.
enum Part {
    /// Taken, and this is what becomes of it.
    Taken(DeliveryStatus, Option<u32>),
    TakenInSilence,
    /// Taken, and nobody is told so.
    TakenUnanswered {
        reported: bool,
    },
    Refused(u32, ErrorClass, &'static str),
    ThrottledTwice,
    ServerError,
    NeverAnswers,
}

const DELIVERED: Part = Part::Taken(DeliveryStatus::Delivered, None);

fn part_of(number: &str) -> Part {
    match number.strip_prefix("+1500555") {
        Some("0001") => Part::Refused(21211, ErrorClass::PermanentRecipient, "not a valid number"),
        Some("0003") => Part::Refused(21408, ErrorClass::AccountConfig, "region not permitted"),
        Some("0004") => Part::Refused(21610, ErrorClass::OptedOut, "recipient has opted out"),
        Some("0009") => Part::Refused(21614, ErrorClass::PermanentRecipient, "not a mobile number"),
        Some("0020") => Part::ThrottledTwice,
        Some("0021") => Part::ServerError,
        Some("0022") => Part::NeverAnswers,
        Some("0023") => Part::TakenUnanswered { reported: true },
        Some("0024") => Part::TakenUnanswered { reported: false },
        Some("0025") => Part::TakenInSilence,
        Some("0030") => Part::Taken(DeliveryStatus::Undelivered, Some(30003)),
        Some("0031") => Part::Taken(DeliveryStatus::Failed, Some(30001)),
        _ => DELIVERED,
    }
}

pub(super) fn carrier(settings: &settings::Sandbox, clock: Arc<dyn Clock>) -> Carrier {
    let (sandbox, reports) = Sandbox::new(settings, clock);
    let senders = Senders { names: vec![settings.from.clone()], per_second: pace(settings.mps), ..Senders::default() };
    Carrier {
        provider: Arc::new(sandbox),
        senders,
        telephony: Arc::new(telephone::Telephone { rings_for: Duration::from_millis(settings.delivery_ms) }),
        reports: Some(reports),
        late_reports: None,
    }
}

impl Sandbox {
    pub fn new(settings: &settings::Sandbox, clock: Arc<dyn Clock>) -> (Sandbox, mpsc::Receiver<DeliveryReport>) {
        let (reports, listener) = mpsc::channel(REPORTS);
        let sandbox = Sandbox {
            script: settings.script,
            latency: Duration::from_millis(settings.latency_ms),
            delivery: Duration::from_millis(settings.delivery_ms),
            clock,
            reports,
            throttled: Mutex::default(),
            books: Arc::default(),
        };
        (sandbox, listener)
    }

    fn part_of(&self, number: &str) -> Part {
        match self.script {
            SandboxScript::Works => part_of(number),
            SandboxScript::Hang => Part::NeverAnswers,
            SandboxScript::Fail => Part::Taken(DeliveryStatus::Undelivered, Some(30003)),
        }
    }

    /// Puts it in the books, and moves it there as time passes: sent half-way, then what becomes of it. `reported`:
    /// and says so.
    fn takes(&self, sms: &Sms, attempt: &Attempt, ends: (DeliveryStatus, Option<u32>), reported: bool) -> Box<str> {
        let provider_id: Box<str> = format!("SB{}", Uuid::now_v7().simple()).into();
        self.books.enter(sms, &attempt.sender, provider_id.clone(), self.clock.now());
        let (books, clock, half) = (self.books.clone(), self.clock.clone(), self.delivery / 2);
        let reports = reported.then(|| self.reports.clone());
        let (id, token) = (provider_id.clone(), attempt.token.clone());
        tokio::spawn(async move {
            for (status, error_code) in [(DeliveryStatus::Sent, None), ends] {
                sleep(half).await;
                books.moves(&id, status, error_code);
                let Some(reports) = &reports else { continue };
                let (token, provider_id) = (Some(token.clone()), id.clone());
                let report = DeliveryReport { token, provider_id, status, error_code, at: clock.now() };
                if reports.send(report).await.is_err() {
                    return;
                }
            }
        });
        provider_id
    }

    fn throttles(&self, id: SmsId) -> bool {
        let mut throttled = self.throttled.lock();
        let times = throttled.entry(id).or_default();
        *times += 1;
        if *times > THROTTLED_TIMES {
            throttled.remove(&id);
            return false;
        }
        true
    }
}

#[async_trait]
impl SmsProvider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, _: Leaves) -> Answered {
        sleep(self.latency).await;
        let part = match self.part_of(sms.to.as_str()) {
            Part::ThrottledTwice if self.throttles(sms.id) => {
                return Answered { outcome: SendOutcome::Throttled { after: None }, http_status: Some(429) };
            }
            Part::ThrottledTwice => DELIVERED,
            part => part,
        };
        let delivered = (DeliveryStatus::Delivered, None);
        let accepted = |provider_id| (SendOutcome::Accepted { provider_id }, Some(201));
        let broken = || (SendOutcome::Unknown { code: None, reason: "server error 500".into() }, Some(500));
        let (outcome, http_status) = match part {
            Part::Refused(code, class, message) => {
                (SendOutcome::Rejected { code, class, message: message.into() }, Some(400))
            }
            Part::Taken(status, code) => accepted(self.takes(sms, attempt, (status, code), true)),
            Part::TakenInSilence => accepted(self.takes(sms, attempt, delivered, false)),
            Part::TakenUnanswered { reported } => {
                self.takes(sms, attempt, delivered, reported);
                broken()
            }
            Part::ServerError | Part::ThrottledTwice => broken(),
            Part::NeverAnswers => {
                sleep(GIVES_UP_AFTER).await;
                (SendOutcome::Unknown { code: None, reason: "no answer in time".into() }, None)
            }
        };
        Answered { outcome, http_status }
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        Ok(self.books.find(sms, &attempt.sender))
    }

    async fn fetch(&self, _: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        Ok(self.books.fetch(provider_id))
    }
}
