//! Carriers: each sends one text message and says, in our words, how that ended.
//! A new carrier is one file here and one line in [`carrier`].

mod by_tenant;
mod no_telephone;
pub mod sandbox;
pub mod twilio;

use std::sync::Arc;

use actors::supervise::Supervised;
use actors::system::Senders;
use engine::playbook::sms::OwnCarrier;
use engine::ports::{Clock, SmsProvider, Telephony};
use engine::sms::DeliveryReport;
use tokio::sync::mpsc;

pub use self::by_tenant::ByTenant;
use crate::settings::{Sms, SmsProviderName};

/// A carrier ready to send.
pub struct Carrier {
    /// Sends by the deployment's account.
    pub provider: Arc<dyn SmsProvider>,
    /// Connects to an account of a tenant's own.
    pub own: Box<Connect>,
    /// Which numbers or services it sends from, and how fast each may.
    pub senders: Senders,
    /// Phones people of the team.
    pub telephony: Arc<dyn Telephony>,
    /// What it tells later, when it lives in this process.
    pub reports: Option<mpsc::Receiver<DeliveryReport>>,
    /// Where a report goes that came by webhook before the message was known by the carrier's id.
    pub late_reports: Option<mpsc::Sender<DeliveryReport>>,
    /// What looks at the carrier's own files while the server runs.
    pub watching: Option<Supervised>,
}

/// `None`: this deployment's carrier has no accounts, everybody sends by the deployment's.
pub type Connect = dyn Fn(&OwnCarrier) -> Result<Option<Arc<dyn SmsProvider>>, BadCarrier> + Send + Sync;

/// A setting the carrier cannot work with; the path names it.
#[derive(Debug, thiserror::Error)]
pub enum BadCarrier {
    #[error("{setting} is not set")]
    Missing { setting: &'static str },
    #[error("{setting}: {why}")]
    Bad { setting: &'static str, why: String },
}

/// The table of carriers.
///
/// `public_url`: how the carrier reaches us, if it can.
pub fn carrier(settings: &Sms, public_url: Option<&str>, clock: Arc<dyn Clock>) -> Result<Carrier, BadCarrier> {
    match settings.provider {
        SmsProviderName::Sandbox => Ok(sandbox::carrier(&settings.sandbox, clock)),
        SmsProviderName::Twilio => twilio::carrier(&settings.twilio, public_url, clock),
    }
}

/// Messages per second as the settings say it: 0 is no limit.
fn pace(mps: f64) -> Option<f64> {
    (mps > 0.0).then_some(mps)
}
