//! The live calls as others read them: `PREFIX:calls:active`, a sorted set of their ids by start, in milliseconds.

use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::CallId;
use engine::ports::LiveList;
use engine::time::Timestamp;
use fred::types::Value;

use super::{RedisCache, millis};

const LIST: &str = include_str!("list.lua");
const REPLACE: &str = include_str!("replace.lua");

/// Renewed with every look: a list that nobody keeps any more is wrong, and goes.
const KEPT: Duration = Duration::from_secs(30);
/// Calls in one script.
const CHUNK: usize = 1_000;

#[async_trait]
impl LiveList for RedisCache {
    async fn show(&self, live: &[(CallId, Timestamp)]) -> Result<(), Failure> {
        // A name of its own: another node may be doing the same.
        let made = self.key(format_args!("calls:making:{:x}", rand::random::<u64>()));
        for chunk in live.chunks(CHUNK) {
            let pairs = chunk.iter().flat_map(|(id, since)| pair(id, Some(*since)));
            let args = std::iter::once(millis(KEPT)).chain(pairs).collect();
            self.connection.run(LIST, vec![made.clone()], args).await?;
        }
        self.connection.run(REPLACE, vec![self.list(), made], Vec::new()).await.map(drop)
    }

    async fn change(&self, calls: &[(CallId, Option<Timestamp>)]) -> Result<usize, Failure> {
        let mut chunks = calls.chunks(CHUNK);
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let pairs = chunk.iter().flat_map(|(id, since)| pair(id, *since));
            let args = std::iter::once(millis(KEPT)).chain(pairs).collect();
            let listed = self.connection.run(LIST, vec![self.list()], args).await?;
            if chunks.len() == 0 {
                return Ok(listed.as_usize().unwrap_or(0));
            }
        }
    }
}

impl RedisCache {
    fn list(&self) -> String {
        self.key("calls:active")
    }
}

fn pair(id: &CallId, since: Option<Timestamp>) -> [Value; 2] {
    let since = since.map_or("-".to_owned(), |since| since.as_millis().to_string());
    [Value::String(since.into()), Value::String(id.as_str().into())]
}
