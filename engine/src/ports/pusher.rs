//! Telling the team by a way that is not the carrier.

use std::sync::Arc;

use async_trait::async_trait;

use crate::alert::{Reason, Word};
use crate::ids::{AlertId, CallId, TenantId};
use crate::playbook::{AlertWords, PushChannel};
use crate::priority::Priority;
use crate::tools::Lost;

/// One notification.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPush {
    /// The same for every try; visible ASCII. Whoever receives it twice shows it once.
    pub id: Box<str>,
    pub channel: Arc<PushChannel>,
    pub alert: AlertId,
    pub tenant: TenantId,
    pub call: Option<CallId>,
    pub reason: Reason,
    pub priority: Priority,
    pub word: Word,
    /// One line.
    pub title: Box<str>,
    /// For people; several lines.
    pub text: Box<str>,
    /// What is known, for programs. Its link shows the alert, and asks before anything is done.
    pub words: AlertWords,
}

#[async_trait]
pub trait Pusher: Send + Sync + 'static {
    /// Posts once. Never repeats by itself and never follows the answer elsewhere; whoever asks keeps the time, and
    /// drops the future when it is over.
    async fn push(&self, push: &NewPush) -> Result<(), Lost>;
}
