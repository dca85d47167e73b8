//! What stands behind the carrier's webhooks. Texts that come in are heard whichever carrier sends.

use std::sync::Arc;

use actors::inbound::Inbound;
use actors::system::System;
use engine::ports::{EventBus, SystemClock};
use engine::sms::DeliveryReport;
use tokio::sync::mpsc;

use crate::carriers::twilio::{Ways, Webhooks};
use crate::http::CarrierSide;
use crate::settings::Settings;
use crate::stores::Store;

pub(super) fn build(
    settings: &Settings,
    ways: &Ways,
    store: &Arc<dyn Store>,
    system: &System,
    late_reports: Option<mpsc::Sender<DeliveryReport>>,
    bus: Arc<dyn EventBus>,
) -> CarrierSide {
    let (tenants, clock) = (system.tenants.clone(), Arc::new(SystemClock));
    CarrierSide {
        inbound: Inbound::new(
            store.clone(),
            store.clone(),
            Arc::new(system.alerts.clone()),
            bus,
            tenants.clone(),
            clock,
        ),
        reports: system.sms_reports.clone(),
        calls: ways.calls.clone(),
        late_reports,
        opt_outs: store.clone(),
        inbox: store.clone(),
        webhooks: Webhooks::new(&settings.sms.twilio, ways.errors.clone(), tenants),
    }
}
