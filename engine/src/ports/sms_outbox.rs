//! Messages owed. Written by `CallStore::append`, or submitted by people; claimed, sent and settled by the pool.

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::{CallId, SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::priority::Priority;
use crate::sms::{
    Attempt, AttemptToken, Command, Commanded, DeliveryReport, ErrorClass, NewSms, Reported, Settlement, Sms, SmsState,
};
use crate::time::Timestamp;

/// A message that is due: as much of it as is needed to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub id: SmsId,
    pub tenant: TenantId,
    pub to: PhoneNumber,
    pub call: Option<CallId>,
    /// Who that is in the playbook.
    pub contact: Box<str>,
    pub priority: Priority,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
    pub segments: u16,
    pub created_at: Timestamp,
    /// That count.
    pub attempts: u32,
    /// Senders of its earlier attempts, the first one first.
    pub tried: Vec<Box<str>>,
}

impl Candidate {
    /// `tried`: senders of its earlier attempts, the first one first.
    pub fn of(sms: &Sms, tried: Vec<Box<str>>) -> Candidate {
        Candidate {
            id: sms.id,
            tenant: sms.tenant.clone(),
            to: sms.to.clone(),
            call: sms.call.clone(),
            contact: sms.contact.clone(),
            priority: sms.priority,
            due_at: sms.due_at,
            expires_at: sms.expires_at,
            segments: sms.segments,
            created_at: sms.created_at,
            attempts: sms.attempts,
            tried,
        }
    }
}

/// What a look at the queue came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidates {
    /// Per priority, most urgent first; within one, the first of each tenant, then the second of each, the earliest
    /// deadline first.
    pub due: [Vec<Candidate>; 4],
    /// What waited too long. That is committed: it is not sent any more, and somebody must hear of it.
    pub expired: Vec<Sms>,
}

/// A message chosen to be sent, and the number or service it is to leave by.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRequest {
    pub id: SmsId,
    pub sender: Box<str>,
}

/// A message taken for sending: its attempt is committed, so after a crash it is known that it may have left.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub sms: Sms,
    pub attempt: Attempt,
}

/// Why a message was not claimed, though it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotClaimed {
    /// Taken, cancelled, expired or put off in the meantime.
    Gone,
    /// One of the same call to the same person is being sent, or waits before it.
    Behind,
}

/// A message after an attempt of it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub sms: Sms,
    /// Whether that answer moved it.
    pub moved: bool,
}

/// Which messages a list shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmsFilter {
    pub tenant: Option<TenantId>,
    pub state: Option<SmsState>,
    pub call: Option<CallId>,
    pub to: Option<PhoneNumber>,
    /// The last one of the page before.
    pub after: Option<(Timestamp, SmsId)>,
    /// From the oldest to the newest, instead of the other way round.
    pub oldest_first: bool,
    pub limit: usize,
}

/// What makes two requests to send a message the same one.
#[derive(Clone, Debug, PartialEq)]
pub struct IdempotencyKey {
    pub key: Box<str>,
    /// Of what was asked.
    pub digest: Box<str>,
    /// The key is forgotten then.
    pub until: Timestamp,
}

/// What came of a request to send a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    New(Sms),
    /// The same was asked before: the message as it was first answered.
    Again(Sms),
    /// Something else was asked under the same key.
    Differs,
}

/// Attempts the carrier is to be asked about, by what is known of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Nobody knows whether the carrier has it.
    Unknown,
    /// The carrier took it and has not told what became of it.
    Unreported,
}

#[async_trait]
pub trait SmsOutbox: Send + Sync + 'static {
    /// Up to `per_class` due messages of each priority, without those that must wait for another of the same call to
    /// the same person. A tenant that owes many does not hide what others owe. What has passed its `expires_at` becomes
    /// `expired` instead, as much of it as is worth one commit: while some was, more may be.
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure>;

    /// Takes messages that were chosen. One answer per request, in order: a message that is claimed is `sending`, with
    /// its attempt row committed, when this returns. Everything is looked at again in the same transaction.
    async fn claim(&self, requests: &[ClaimRequest], now: Timestamp)
    -> Result<Vec<Result<Claim, NotClaimed>>, Failure>;

    /// Records how an attempt ended. Late, or already settled otherwise: the message does not move.
    async fn settle(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure>;

    /// Applies a carrier's report, to the attempt of its token, else to the one the carrier knows by this id. `class`:
    /// what its error code means. What was not delivered may be queued again by it.
    async fn report(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure>;

    /// At start: every attempt still in flight was cut by a crash. Its message becomes `unknown`, and the carrier is
    /// to be asked about it at once.
    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure>;

    /// When the next queued message is due that is not due at `after`.
    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure>;

    /// Queued messages per priority, most urgent first.
    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure>;

    /// Messages in `state`.
    async fn count(&self, state: SmsState) -> Result<u64, Failure>;

    /// Keeps a message nobody's call owes. The same request again is no second message.
    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure>;

    /// Does to a message what its state allows; `tenant` limits the search when given.
    async fn command(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure>;

    /// Up to `limit` attempts the carrier is to be asked about by now, with their messages, longest due first.
    async fn checks(&self, which: Checks, now: Timestamp, limit: usize) -> Result<Vec<(Sms, Attempt)>, Failure>;

    /// The carrier was asked `now` about an attempt, and is to be asked again at `next`, or never. `absent`: it did
    /// not have it. Nothing when the attempt has been resolved in the meantime.
    async fn checked(
        &self,
        attempt: &Attempt,
        absent: bool,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Failure>;

    /// Attempts of this message's words to its number that are unknown or in flight, by the sender of `attempt` and begun
    /// within [`ALIKE_WITHIN`](crate::sms::ALIKE_WITHIN) of it, itself among them.
    async fn alike(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Attempt>, Failure>;

    /// Those of these carrier's ids that are known to belong to an attempt.
    async fn owned(&self, provider_ids: &[&str]) -> Result<Vec<Box<str>>, Failure>;

    async fn attempt_of(&self, token: &AttemptToken) -> Result<Option<Attempt>, Failure>;

    /// Every attempt of a message, the first one first.
    async fn attempts(&self, id: SmsId) -> Result<Vec<Attempt>, Failure>;

    async fn list(&self, filter: &SmsFilter) -> Result<Vec<Sms>, Failure>;

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure>;

    /// Those of one call, in the order they were owed.
    async fn of_call(&self, tenant: Option<&TenantId>, call: &CallId, limit: usize) -> Result<Vec<Sms>, Failure> {
        let of_call = SmsFilter { tenant: tenant.cloned(), call: Some(call.clone()), limit, ..SmsFilter::default() };
        self.list(&SmsFilter { oldest_first: true, ..of_call }).await
    }

    /// Newest first.
    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<Sms>, Failure> {
        self.list(&SmsFilter { tenant: tenant.cloned(), limit, ..SmsFilter::default() }).await
    }
}
