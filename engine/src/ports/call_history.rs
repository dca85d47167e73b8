//! Calls as a list, page by page: however many there are, the next page begins where the last one ended.

use std::sync::Arc;

use async_trait::async_trait;

use crate::call::{CallView, Direction};
use crate::failure::Failure;
use crate::ids::{CallId, TenantId};
use crate::priority::Priority;
use crate::time::Timestamp;

/// Which calls a list shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallsWanted {
    pub tenant: Option<TenantId>,
    /// Live ones, or those that have ended or were lost.
    pub live: Option<bool>,
    pub priority: Option<Priority>,
    /// Of the other side, as the platform wrote it.
    pub number: Option<Box<str>>,
    /// Begun at or after this.
    pub since: Option<Timestamp>,
    /// Begun before this.
    pub until: Option<Timestamp>,
    /// The last one of the page before.
    pub after: Option<PlaceInHistory>,
    pub limit: usize,
}

/// Where a call stands among all: by its beginning, then by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceInHistory {
    pub started_at: Timestamp,
    pub call: CallId,
    pub tenant: TenantId,
}

impl CallsWanted {
    /// Whether the call belongs on the page.
    pub fn admits(&self, call: &CallView) -> bool {
        let other_side = if call.direction == Some(Direction::Outbound) { &call.to } else { &call.from };
        self.tenant.as_ref().is_none_or(|tenant| *tenant == call.tenant)
            && self.live.is_none_or(|live| live == call.phase.is_live())
            && self.priority.is_none_or(|priority| Some(priority) == call.priority)
            && self.number.as_ref().is_none_or(|number| Some(number) == other_side.as_ref())
            && self.since.is_none_or(|since| call.started_at >= since)
            && self.until.is_none_or(|until| call.started_at < until)
            && self.after.as_ref().is_none_or(|after| PlaceInHistory::of(call) < *after)
    }
}

impl PlaceInHistory {
    pub fn of(view: &CallView) -> PlaceInHistory {
        PlaceInHistory { started_at: view.started_at, call: view.id.clone(), tenant: view.tenant.clone() }
    }
}

#[async_trait]
pub trait CallHistory: Send + Sync + 'static {
    /// Newest first. What begins while somebody pages through moves no page.
    async fn calls(&self, wanted: &CallsWanted) -> Result<Vec<Arc<CallView>>, Failure>;
}
