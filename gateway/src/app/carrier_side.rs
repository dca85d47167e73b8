//! What stands behind the carrier's webhooks. Texts that come in are heard whichever carrier sends.

use std::sync::Arc;

use actors::inbound::{Inbound, NobodyWaits};
use actors::system::System;
use engine::ports::{EventBus, SystemClock};
use engine::sms::DeliveryReport;
use tokio::sync::mpsc;

use super::StartError;
use crate::carriers::BadCarrier;
use crate::carriers::twilio::{Phone, Webhooks};
use crate::http::CarrierSide;
use crate::settings::{Settings, SmsProviderName};
use crate::stores::sqlite::SqliteStore;

pub(super) fn build(
    settings: &Settings,
    store: &Arc<SqliteStore>,
    system: &System,
    late_reports: Option<mpsc::Sender<DeliveryReport>>,
    bus: Arc<dyn EventBus>,
) -> Result<CarrierSide, StartError> {
    let bad_table = |why| BadCarrier::Bad { setting: "sms.twilio.errors_file", why };
    let twilio = &settings.sms.twilio;
    let webhooks = Webhooks::new(twilio).map_err(bad_table)?;
    let telephones = settings.sms.provider == SmsProviderName::Twilio;
    let phone = telephones
        .then(|| Phone::new(twilio, super::public_url(settings).as_deref(), webhooks.errors.clone()))
        .transpose()?;
    Ok(CarrierSide {
        inbound: Inbound::new(store.clone(), Arc::new(NobodyWaits), bus, system.tenants.clone(), Arc::new(SystemClock)),
        reports: system.sms_reports.clone(),
        phone: phone.map(Arc::new),
        late_reports,
        opt_outs: store.clone(),
        inbox: store.clone(),
        webhooks,
    })
}
