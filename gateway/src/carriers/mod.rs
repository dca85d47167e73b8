//! Carriers: each sends one text message and says, in our words, how that ended.
//! A new carrier is one file here and one line in [`carrier`].

mod accounts;
mod by_tenant;
mod leaving;
pub mod sandbox;
pub mod twilio;

use std::sync::Arc;

use actors::system::Senders;
use actors::tenants::Tenants;
use engine::ports::{Clock, SmsProvider, Telephony};
use engine::sms::DeliveryReport;
use tokio::sync::mpsc;

use self::accounts::Accounts;
use self::by_tenant::ByTenant;
use self::twilio::Ways;
use crate::settings::{Sms, SmsProviderName};

/// A carrier ready to send.
pub struct Carrier {
    pub provider: Arc<dyn SmsProvider>,
    /// Which numbers or services it sends from, and how fast each may.
    pub senders: Senders,
    /// Phones people of the team.
    pub telephony: Arc<dyn Telephony>,
    /// What it tells later, when it lives in this process.
    pub reports: Option<mpsc::Receiver<DeliveryReport>>,
    /// Where a report goes that came by webhook before the message was known by the carrier's id.
    pub late_reports: Option<mpsc::Sender<DeliveryReport>>,
}

/// A setting the carrier cannot work with; the path names it.
#[derive(Debug, thiserror::Error)]
pub enum BadCarrier {
    #[error("{setting} is not set")]
    Missing { setting: &'static str },
    #[error("{setting}: {why}")]
    Bad { setting: &'static str, why: String },
}

/// The table of carriers. `ways` leads to Twilio.
pub fn carrier(settings: &Sms, ways: &Ways, tenants: Tenants, clock: Arc<dyn Clock>) -> Result<Carrier, BadCarrier> {
    match settings.provider {
        SmsProviderName::Sandbox => Ok(sandbox::carrier(&settings.sandbox, clock)),
        SmsProviderName::Twilio => twilio::carrier(&settings.twilio, ways, tenants, clock),
    }
}

/// Messages per second as the settings say it: 0 is no limit.
fn pace(mps: f64) -> Option<f64> {
    (mps > 0.0).then_some(mps)
}
