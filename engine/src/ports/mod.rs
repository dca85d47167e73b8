//! The world as the engine's callers see it: traits with few methods, each with a contract in `testing::contracts`
//! that every implementation runs, in memory and on the real thing.

mod alert_store;
mod analytics;
mod audit;
mod beacon;
mod bell;
mod bus_cursor;
mod cache;
mod call_control;
mod call_history;
mod call_store;
mod clock;
mod election;
mod erasure;
mod event_bus;
mod forwarder;
mod inbox;
mod opt_outs;
mod pusher;
mod replies;
mod retention;
mod sms_ledger;
mod sms_outbox;
mod sms_provider;
mod telephony;

pub use alert_store::{AlertStore, AlertsWanted};
pub use analytics::{Analytics, Dashboard, DayFigures, TenantZone, View};
pub use audit::{AuditLog, Audited, Deed};
pub use beacon::Beacon;
pub use bell::{Bell, Ear};
pub use bus_cursor::{BusCursor, Changed};
pub use cache::{Basis, Cache, CacheKey, Entry, Found, Lease, LiveList, Looked, Stamp};
pub use call_control::CallControl;
pub use call_history::{CallHistory, CallsWanted, PlaceInHistory};
pub use call_store::{AppendError, CallStore, FindsCalls, Position, Recorded, SilentCall, StoredCall, StoredFrame};
pub use clock::{Clock, SystemClock};
pub use election::{Election, Term};
pub use erasure::{Counts, Erased, Erasure, Forgets, UnderWay, Whom};
pub use event_bus::{Delivered, Dispatch, EventBus, OuterBus, Update};
pub use forwarder::{Forwarder, Post};
pub use inbox::{InboundSms, Inbox};
pub use opt_outs::{OptIn, OptOut, OptOutSource, OptOuts, OptedOut};
pub use pusher::{NewPush, Pusher};
pub use replies::{Heard, Replies, Reply};
pub use retention::{Removed, Retention};
pub use sms_ledger::{Begun, DayUse, LearnedPace, PutOff, SmsLedger};
pub use sms_outbox::{
    Candidate, Candidates, Checks, Claim, ClaimRequest, IdempotencyKey, NotClaimed, Settled, SmsFilter, SmsOutbox,
    Submitted,
};
pub use sms_provider::{Leaves, SmsProvider};
pub use telephony::{CallOutcome, NewCall, Telephony};
