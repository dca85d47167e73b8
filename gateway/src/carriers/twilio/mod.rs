//! Twilio: one form POST per message, and the webhooks by which it tells what became of it and what people text back.
//!
//! Creating a message there is not idempotent, so what matters is to know what an answer proves. No byte written: not
//! sent. "Too many requests", or a refusal: not sent, and by the code we know what follows. Anything else once bytes
//! have left (a timeout, a reset, a server error, a success that cannot be read): unknown. Nothing is ever repeated
//! here. Facts: twilio.com/docs/messaging/api/message-resource, read 2026-11.

mod answers;
mod books;
mod calls;
mod client;
mod errors;
mod form;
mod posted;
mod signature;
mod telephones;
mod told;
pub mod twiml;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actors::system::Senders;
use actors::tenants::Tenants;
use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook::sms::OwnCarrier;
use engine::ports::{Clock, Leaves, SmsProvider};
use engine::sms::{Answered, Attempt, DeliveryReport, DeliveryStatus, ErrorClass, Found, Sms};
use secrecy::SecretString;
use tokio::sync::mpsc;

use self::client::Account;
pub use self::errors::Errors;
use self::form::Callbacks;
use self::telephones::Telephones;
use super::{Accounts, BadCarrier, ByTenant, Carrier, leaving, pace};
use crate::settings;

pub use calls::{Heard, Phone, UnderWay, heard};
pub use posted::Fields;
pub use signature::{SETTINGS_HEADER, SIGNATURE_HEADER, Signed, SigningKeys};
pub use told::{Inbound, inbound, report};
pub use webhooks::{Proven, Webhooks};

/// Reports that came before the answer they belong to, on their way to be tried again.
const REPORTS: usize = 4_096;

/// What [`Twilio::concurrent`] holds before the first answer.
const NEVER_TOLD: u32 = u32::MAX;

pub struct Twilio {
    account: Account,
    errors: Arc<Errors>,
    /// `None`: nobody can reach us, so no callback is asked for.
    callbacks: Option<Callbacks>,
    clock: Arc<dyn Clock>,
    concurrent: AtomicU32,
}

/// What all accounts with Twilio share: how it reaches us, what its codes mean, which calls are under way.
#[derive(Clone)]
pub struct Ways {
    /// `None`: nobody can reach us, so no callback is asked for.
    pub public_url: Option<String>,
    pub errors: Arc<Errors>,
    pub calls: Arc<UnderWay>,
}

impl Ways {
    pub fn new(settings: &settings::Twilio, public_url: Option<String>) -> Result<Ways, BadCarrier> {
        let bad_table = |why| BadCarrier::Bad { setting: "sms.twilio.errors_file", why };
        let errors = Errors::new(&settings.errors_file).map_err(bad_table)?;
        Ok(Ways { public_url, errors: Arc::new(errors), calls: Arc::default() })
    }

    fn callbacks(&self) -> Option<Callbacks> {
        self.public_url.clone().map(|public_url| Callbacks { public_url })
    }
}

pub(super) fn carrier(
    settings: &settings::Twilio,
    ways: &Ways,
    tenants: Tenants,
    clock: Arc<dyn Clock>,
) -> Result<Carrier, BadCarrier> {
    let from = match (settings.messaging_service_sid.as_str(), settings.from.as_str()) {
        ("", "") => return Err(BadCarrier::Missing { setting: "sms.twilio.from" }),
        ("", number) => number,
        (service, _) => service,
    };
    let senders = Senders {
        names: vec![from.to_owned()],
        per_second: pace(settings.mps),
        account_per_second: pace(settings.account_mps),
    };
    let texts = texts(settings, ways, tenants.clone(), clock)?;
    let phones = phones(settings, ways, tenants)?;
    let (late_reports, reports) = mpsc::channel::<DeliveryReport>(REPORTS);
    Ok(Carrier {
        provider: Arc::new(ByTenant::new(texts)),
        senders,
        telephony: Arc::new(Telephones::new(phones)),
        reports: Some(reports),
        late_reports: Some(late_reports),
    })
}

fn texts(
    settings: &settings::Twilio,
    ways: &Ways,
    tenants: Tenants,
    clock: Arc<dyn Clock>,
) -> Result<Accounts<dyn SmsProvider>, BadCarrier> {
    let (deployment, ways) = (settings.clone(), ways.clone());
    let connect = move |settings: &settings::Twilio| -> Result<Arc<dyn SmsProvider>, BadCarrier> {
        Ok(Arc::new(Twilio::new(settings, &ways, clock.clone())?))
    };
    let default = connect(settings)?;
    Ok(Accounts::new(default, tenants, Box::new(move |own| connect(&of_tenant(&deployment, own)))))
}

fn phones(settings: &settings::Twilio, ways: &Ways, tenants: Tenants) -> Result<Accounts<Phone>, BadCarrier> {
    let (deployment, ways) = (settings.clone(), ways.clone());
    let connect = move |settings: &settings::Twilio| Phone::new(settings, &ways).map(Arc::new);
    let default = connect(settings)?;
    Ok(Accounts::new(default, tenants, Box::new(move |own| connect(&of_tenant(&deployment, own)))))
}

/// A tenant's own account; everything else is as the deployment has it. An API key belongs to one account.
fn of_tenant(settings: &settings::Twilio, own: &OwnCarrier) -> settings::Twilio {
    settings::Twilio {
        account_sid: own.account.to_string(),
        auth_token: own.secret.to_string().into(),
        // Nobody is phoned from a service.
        from: own.senders.iter().find(|sender| sender.starts_with('+')).map(ToString::to_string).unwrap_or_default(),
        api_key_sid: String::new(),
        api_key_secret: SecretString::default(),
        ..settings.clone()
    }
}

impl Twilio {
    pub fn new(settings: &settings::Twilio, ways: &Ways, clock: Arc<dyn Clock>) -> Result<Twilio, BadCarrier> {
        Ok(Twilio {
            account: Account::new(settings)?,
            errors: ways.errors.clone(),
            callbacks: ways.callbacks(),
            clock,
            concurrent: AtomicU32::new(NEVER_TOLD),
        })
    }

    fn hears(&self, concurrent: Option<u32>) {
        if let Some(concurrent) = concurrent {
            self.concurrent.store(concurrent.min(NEVER_TOLD - 1), Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl SmsProvider for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, leaves: Leaves) -> Answered {
        let callback = self.callbacks.as_ref().map(|callbacks| callbacks.status(&attempt.token));
        let form = form::message(sms, &attempt.sender, callback, self.clock.now());
        let request = self.account.post(self.account.url(&["Messages.json"])).form(&form);
        match leaving::send(request, leaves).await {
            Ok(response) => {
                self.hears(answers::concurrent(response.headers()));
                let http_status = Some(response.status().as_u16());
                Answered { outcome: answers::understand(response, &self.errors).await, http_status }
            }
            Err(error) => answers::unanswered(&error).into(),
        }
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        self.find_in_books(sms.to.as_str(), &attempt.sender, &sms.body).await
    }

    async fn fetch(&self, _: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        self.fetch_from_books(provider_id).await
    }

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.errors.known(code)
    }

    fn concurrent(&self) -> Option<u32> {
        Some(self.concurrent.load(Ordering::Relaxed)).filter(|told| *told != NEVER_TOLD)
    }
}

/// A message's status in our words. `None`: says nothing to us.
fn status(text: &str) -> Option<DeliveryStatus> {
    match text.to_ascii_lowercase().as_str() {
        "accepted" | "scheduled" | "queued" | "sending" => Some(DeliveryStatus::Accepted),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" | "read" | "partially_delivered" => Some(DeliveryStatus::Delivered),
        "undelivered" => Some(DeliveryStatus::Undelivered),
        "failed" | "canceled" => Some(DeliveryStatus::Failed),
        _ => None,
    }
}
