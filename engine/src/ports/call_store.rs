//! Where calls are recorded: an append-only list of frames per call, and a snapshot beside it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::call::{Answer, Call, CallView, Fact, Frame};
use crate::failure::Failure;
use crate::ids::{CallId, CallKey, EventKey, TenantId};
use crate::time::Timestamp;

/// Place of a frame in the order of commits, over all calls. 0 is before the first.
pub type Position = u64;

/// Why one frame was not appended. Frames beside it in the batch may have been.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended first, or this event is already recorded: reload the call and decide again.
    #[error("the call has moved on")]
    Conflict,
    /// The store works, this frame it will never take.
    #[error("frame refused: {0}")]
    Refused(String),
    /// The store does not work now. Nothing of the batch is known to be written.
    #[error("store unavailable: {0}")]
    Unavailable(Failure),
}

/// A call as loaded: its state and the digests of all event keys it has recorded.
#[derive(Clone, Debug)]
pub struct StoredCall {
    pub state: Arc<Call>,
    pub keys: Vec<u64>,
}

/// What an event caused, and its answer exactly as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub facts: Vec<Fact>,
    pub answer: Answer,
}

/// A frame as read back.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFrame {
    pub position: Position,
    pub call: CallKey,
    pub seq: u64,
    pub at: Timestamp,
    pub decided_at: Timestamp,
    pub facts: Vec<Fact>,
}

/// All that whoever only shows calls asks of where they are recorded.
#[async_trait]
pub trait FindsCalls: Send + Sync + 'static {
    /// All calls neither ended nor lost.
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure>;

    /// One call by the platform's id; `tenant` limits the search when given.
    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure>;
}

#[async_trait]
pub trait CallStore: FindsCalls {
    /// Appends the frames, synced to disk before it returns. One result per frame, in order.
    ///
    /// Guarded: a frame is written only if `seq - 1` is its call's last one, and all frames of one call in a batch
    /// (contiguous, in order) are written together or not at all. A frame's texts and its call's snapshot are
    /// written in the same transaction. One bad frame never fails its neighbours.
    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>>;

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure>;

    /// What was recorded of this event.
    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure>;

    /// Up to `limit` frames after `position`, in the order of their commits, each with its call as it stands when
    /// this is read, which may be later than the frame.
    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure>;

    /// Position of the newest frame.
    async fn last_position(&self) -> Result<Position, Failure>;

    /// Calls of the tenant with this number on the other side, as the platform wrote it, that started before: newest
    /// first, at most `limit`.
    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure>;

    /// The call's frames after `seq`, in order, at most `limit`.
    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure>;

    /// Live calls not heard of since the cutoff of their phase: `(phase as stored, cutoff)`.
    async fn silent(
        &self,
        cutoffs: &[(crate::call::Phase, Timestamp)],
        limit: usize,
    ) -> Result<Vec<SilentCall>, Failure>;

    /// Keeps an event that could not be processed, for people to look at. `raw` is JSON without secrets.
    async fn quarantine(
        &self,
        call: &CallKey,
        key: &EventKey,
        raw: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Failure>;
}

/// A live call nobody has spoken of for too long.
#[derive(Clone, Debug, PartialEq)]
pub struct SilentCall {
    pub call: CallKey,
    pub phase: crate::call::Phase,
    pub updated_at: Timestamp,
}
