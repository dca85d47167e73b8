//! Where committed changes are published. At least once, per call in order.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::alert::Alert;
use crate::call::{CallView, Fact};
use crate::failure::Failure;
use crate::ids::CallKey;
use crate::sms::Sms;

/// One committed change.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type")]
pub enum Update {
    #[serde(rename = "call.updated")]
    Call { seq: u64, call: Arc<CallView>, events: Arc<[Fact]> },
    #[serde(rename = "sms.updated")]
    Sms { sms: Arc<Sms> },
    #[serde(rename = "alert.updated")]
    Alert { alert: Arc<Alert> },
    /// Somebody is speaking; memory only.
    #[serde(rename = "call.speaking")]
    Speaking {
        #[serde(skip)]
        call: CallKey,
        line: Arc<crate::call::Line>,
    },
}

#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    async fn publish(&self, update: &Update) -> Result<(), Failure>;
}
