//! Carriers: each sends one text message and says, in our words, how that ended.
//! A new carrier is one file here and one line in [`carrier`].

mod by_tenant;
pub mod sandbox;
pub mod twilio;

use std::sync::Arc;

use actors::system::Senders;
use actors::tenants::Tenants;
use engine::ports::{Clock, SmsProvider};
use engine::sms::DeliveryReport;
use tokio::sync::mpsc;

pub use self::by_tenant::ByTenant;
use crate::settings::{Sms, SmsProviderName};

/// A carrier ready to send.
pub struct Carrier {
    pub provider: Arc<dyn SmsProvider>,
    /// Which numbers or services it sends from, and how fast each may.
    pub senders: Senders,
    /// What it tells later, when it lives in this process.
    pub reports: Option<mpsc::Receiver<DeliveryReport>>,
}

/// A setting the carrier cannot work with; the path names it.
#[derive(Debug, thiserror::Error)]
pub enum BadCarrier {
    #[error("{setting} is not set")]
    Missing { setting: &'static str },
    #[error("{setting}: {why}")]
    Bad { setting: &'static str, why: String },
}

/// The table of carriers.
pub fn carrier(settings: &Sms, clock: Arc<dyn Clock>) -> Result<Carrier, BadCarrier> {
    match settings.provider {
        SmsProviderName::Sandbox => Ok(sandbox::carrier(&settings.sandbox, clock)),
        SmsProviderName::Twilio => twilio::carrier(&settings.twilio, clock),
    }
}

/// The deployment's account, and those tenants have of their own with the same carrier.
pub fn by_tenant(default: Arc<dyn SmsProvider>, settings: &Sms, tenants: Tenants, clock: Arc<dyn Clock>) -> ByTenant {
    let (name, twilio) = (settings.provider, settings.twilio.clone());
    ByTenant::new(default, tenants, move |own| match name {
        // A rehearsal is everybody's.
        SmsProviderName::Sandbox => Ok(None),
        SmsProviderName::Twilio => twilio::own_account(&twilio, own, clock.clone()).map(Some),
    })
}

/// Messages per second as the settings say it: 0 is no limit.
fn pace(mps: f64) -> Option<f64> {
    (mps > 0.0).then_some(mps)
}
