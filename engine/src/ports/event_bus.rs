//! Where committed changes are published: the bus within this process, and one outside that anybody may listen to.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::alert::Alert;
use crate::call::{CallView, Fact};
use crate::failure::Failure;
use crate::ids::{CallId, CallKey, TenantId};
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
    /// Whoever was on the line is forgotten: who keeps a copy of this call takes them out of it too.
    #[serde(rename = "call.erased")]
    Erased { tenant: TenantId, id: CallId },
    /// Somebody is speaking; memory only.
    #[serde(rename = "call.speaking")]
    Speaking {
        #[serde(skip)]
        call: CallKey,
        line: Arc<crate::call::Line>,
    },
}

/// Within this process: at least once, per call in order.
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    async fn publish(&self, update: &Update) -> Result<(), Failure>;
}

/// A change for the bus outside, and its number among those of the same call, text or alert: with it a subscriber
/// tells a message that comes again from a new one.
#[derive(Clone, Debug)]
pub struct Dispatch {
    pub revision: u64,
    pub update: Update,
}

/// What came of a delivery that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    pub taken: usize,
    /// Those the bus will never take.
    pub refused: usize,
}

/// A bus outside this process. It is not the record: it may be away, slow, or lose what it has.
#[async_trait]
pub trait OuterBus: Send + Sync + 'static {
    /// Returns once the bus has taken all of them, in order, except those it never will. While it is away this waits,
    /// as long as it takes. A failure: nobody knows which of them arrived, and what was delivered a moment ago may be
    /// lost with the server that had it. Delivering nothing asks just that.
    async fn deliver(&self, dispatches: &[Dispatch]) -> Result<Delivered, Failure>;
}
