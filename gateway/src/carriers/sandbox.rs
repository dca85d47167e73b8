//! A carrier that sends nothing and behaves like one: it takes a message after a while, then reports it sent and
//! delivered. The default, for trying things out and for tests.
//!
//! Numbers of the range +1 500 555 0xxx, which belong to nobody, act out what can go wrong:
//!
//! | number       | what happens                                      |
//! |--------------|---------------------------------------------------|
//! | +15005550001 | refused: not a valid number (21211)               |
//! | +15005550003 | refused: the region is not permitted (21408)      |
//! | +15005550004 | refused: the recipient has opted out (21610)      |
//! | +15005550009 | refused: not a mobile number (21614)              |
//! | +15005550020 | throttled the first two times, then taken         |
//! | +15005550021 | a server error: nobody knows whether it was taken |
//! | +15005550022 | never answers; given up after ten seconds         |
//! | +15005550030 | taken, then undelivered: unreachable (30003)      |
//! | +15005550031 | taken, then failed: queue overflow (30001)        |
//! | any other    | taken, sent, delivered                            |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actors::system::Senders;
use async_trait::async_trait;
use engine::ids::SmsId;
use engine::ports::{Clock, SmsProvider};
use engine::sms::{DeliveryReport, DeliveryStatus, ErrorClass, SendOutcome, Sms};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

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
}

/// The part a number plays.
enum Part {
    Delivered,
    Refused(u32, ErrorClass, &'static str),
    ThrottledTwice,
    ServerError,
    NeverAnswers,
    Lost(DeliveryStatus, u32),
}

fn part_of(number: &str) -> Part {
    match number.strip_prefix("+1500555") {
        Some("0001") => Part::Refused(21211, ErrorClass::PermanentRecipient, "not a valid number"),
        Some("0003") => Part::Refused(21408, ErrorClass::AccountConfig, "region not permitted"),
        Some("0004") => Part::Refused(21610, ErrorClass::OptedOut, "recipient has opted out"),
        Some("0009") => Part::Refused(21614, ErrorClass::PermanentRecipient, "not a mobile number"),
        Some("0020") => Part::ThrottledTwice,
        Some("0021") => Part::ServerError,
        Some("0022") => Part::NeverAnswers,
        Some("0030") => Part::Lost(DeliveryStatus::Undelivered, 30003),
        Some("0031") => Part::Lost(DeliveryStatus::Failed, 30001),
        _ => Part::Delivered,
    }
}

pub(super) fn carrier(settings: &settings::Sandbox, clock: Arc<dyn Clock>) -> Carrier {
    let (sandbox, reports) = Sandbox::new(settings, clock);
    let senders = Senders { names: vec![settings.from.clone()], per_second: pace(settings.mps) };
    Carrier { provider: Arc::new(sandbox), senders, reports: Some(reports) }
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
        };
        (sandbox, listener)
    }

    fn part_of(&self, number: &str) -> Part {
        match self.script {
            SandboxScript::Works => part_of(number),
            SandboxScript::Hang => Part::NeverAnswers,
            SandboxScript::Fail => Part::Lost(DeliveryStatus::Undelivered, 30003),
        }
    }

    fn accepts(&self, ends: DeliveryStatus, error_code: Option<u32>) -> SendOutcome {
        let provider_id: Box<str> = format!("SB{}", Uuid::now_v7().simple()).into();
        self.report_later(provider_id.clone(), ends, error_code);
        SendOutcome::Accepted { provider_id }
    }

    /// Sent half-way, then what becomes of it.
    fn report_later(&self, provider_id: Box<str>, ends: DeliveryStatus, error_code: Option<u32>) {
        let (reports, clock, half) = (self.reports.clone(), self.clock.clone(), self.delivery / 2);
        tokio::spawn(async move {
            for (status, error_code) in [(DeliveryStatus::Sent, None), (ends, error_code)] {
                sleep(half).await;
                let report = DeliveryReport { provider_id: provider_id.clone(), status, error_code, at: clock.now() };
                if reports.send(report).await.is_err() {
                    return;
                }
            }
        });
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

    async fn send(&self, sms: &Sms, _sender: &str) -> SendOutcome {
        sleep(self.latency).await;
        match self.part_of(sms.to.as_str()) {
            Part::Refused(code, class, message) => SendOutcome::Rejected { code, class, message: message.into() },
            Part::ThrottledTwice if self.throttles(sms.id) => SendOutcome::Throttled { after: None },
            Part::Delivered | Part::ThrottledTwice => self.accepts(DeliveryStatus::Delivered, None),
            Part::Lost(status, code) => self.accepts(status, Some(code)),
            Part::ServerError => SendOutcome::Unknown { reason: "server error 500".into() },
            Part::NeverAnswers => {
                sleep(GIVES_UP_AFTER).await;
                SendOutcome::Unknown { reason: "no answer in time".into() }
            }
        }
    }
}
