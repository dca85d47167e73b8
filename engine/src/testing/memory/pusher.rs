//! A channel that nobody reads: it remembers what was posted, and answers as its script says.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::ports::{NewPush, Pusher};
use crate::tools::Lost;

#[derive(Debug, Default)]
pub struct MemoryPusher {
    posted: Mutex<Vec<NewPush>>,
    script: Mutex<VecDeque<Lost>>,
}

impl MemoryPusher {
    /// The next post that has no other answer yet is lost like this. Without a script every post is taken.
    pub fn loses(&self, lost: Lost) {
        lock(&self.script).push_back(lost);
    }

    /// Every try, oldest first.
    pub fn posted(&self) -> Vec<NewPush> {
        lock(&self.posted).clone()
    }
}

#[async_trait]
impl Pusher for MemoryPusher {
    async fn push(&self, push: &NewPush) -> Result<(), Lost> {
        lock(&self.posted).push(push.clone());
        lock(&self.script).pop_front().map_or(Ok(()), Err)
    }
}
