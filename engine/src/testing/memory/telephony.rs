//! A telephone that rings nobody: it remembers who was called, and ends each call as its script says.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::ports::{CallOutcome, NewCall, Telephony};

#[derive(Debug, Default)]
pub struct MemoryTelephony {
    placed: Mutex<Vec<NewCall>>,
    script: Mutex<HashMap<Box<str>, CallOutcome>>,
}

impl MemoryTelephony {
    /// From now on, calls to this contact end so. Without a script nobody answers.
    pub fn will(&self, contact: &str, outcome: CallOutcome) {
        lock(&self.script).insert(contact.into(), outcome);
    }

    pub fn placed(&self) -> Vec<NewCall> {
        lock(&self.placed).clone()
    }
}

#[async_trait]
impl Telephony for MemoryTelephony {
    async fn call(&self, call: &NewCall) -> CallOutcome {
        lock(&self.placed).push(call.clone());
        lock(&self.script).get(&call.contact).cloned().unwrap_or(CallOutcome::NoAnswer)
    }
}
