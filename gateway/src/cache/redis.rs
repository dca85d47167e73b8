//! The cache that nodes share and others may read: a Redis.
//!
//! `PREFIX:call:{id}` is the call as JSON, `PREFIX:calls:active` the ids of live calls by start, `PREFIX:dashboard:{tenant}`
//! the figures of a tenant. Beside each entry, under `PREFIX:stamp:…`, stands what decides who may overwrite it. Calls of
//! two tenants with the same id share a key, and the one that changed last has it: whoever reads looks whose it is.
//! Everything has a TTL. One server, not a Redis Cluster: an entry and its stamp are written in one script.

mod connection;
mod live_list;
mod missing;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Basis, Cache, CacheKey, Entry, Found, Lease, Looked, Stamp};
use engine::time::Timestamp;
use fred::types::Value;

pub use connection::{Connection, RedisSettings, describe};

const GET: &str = include_str!("redis/get.lua");
const PUT: &str = include_str!("redis/put.lua");
const OUTDATE: &str = include_str!("redis/outdate.lua");
const CLEAR: &str = include_str!("redis/clear.lua");

/// What is out of date may be read by others for so long.
const STAYS: Duration = Duration::from_millis(800);
/// A stamp outlives its entry: whatever is on its way there must find it.
const STAMP_OUTLIVES: Duration = Duration::from_secs(120);
/// Entries live up to this share shorter than asked for, so that what came together does not go together.
const JITTER: f64 = 0.2;
/// Pages of one clearing; far more than there are entries of ours.
const MOST_PAGES: usize = 100_000;

pub struct RedisCache {
    connection: Connection,
    prefix: String,
}

impl RedisCache {
    /// Connects in the background, for ever.
    pub fn new(settings: &RedisSettings) -> Result<RedisCache, Failure> {
        Ok(RedisCache { connection: Connection::open(settings)?, prefix: settings.prefix.clone() })
    }

    pub fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// Why there is no connection, for anybody; `None` while there is one.
    pub fn trouble(&self) -> Option<String> {
        self.connection.trouble()
    }

    fn key(&self, name: impl fmt::Display) -> String {
        format!("{}:{name}", self.prefix)
    }

    fn entry_and_stamp(&self, key: &CacheKey) -> Vec<String> {
        let name = key.name();
        vec![self.key(&name), self.key(format_args!("stamp:{name}"))]
    }

    async fn outdate_within(&self, key: &CacheKey, stays: Duration) -> Result<(), Failure> {
        let args = vec![millis(stays), millis(STAMP_OUTLIVES), beginning()];
        self.connection.run(OUTDATE, self.entry_and_stamp(key), args).await.map(drop)
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &CacheKey) -> Result<Looked, Failure> {
        let read = self.connection.run(GET, self.entry_and_stamp(key), Vec::new()).await?;
        let Value::Array(read) = read else { return Err(Failure::fail("redis: not what was asked for")) };
        let [body, stamp, now] = read.as_slice() else { return Err(Failure::fail("redis: not what was asked for")) };
        let stamp = stamp.as_str().and_then(|stamp| Written::parse(&stamp));
        Ok(looked(key, body.as_bytes(), stamp, now.as_i64().unwrap_or(0)))
    }

    async fn put(&self, key: &CacheKey, entry: &Entry, basis: Basis, ttl: Duration) -> Result<bool, Failure> {
        let lease = match basis {
            Basis::News => "news".to_owned(),
            Basis::Loaded(Lease(lease)) => lease.to_string(),
        };
        let kept = ttl.mul_f64(1.0 - rand::random_range(0.0..JITTER)).max(Duration::from_millis(1));
        let args = vec![
            Value::Bytes(entry.body.to_vec().into()),
            millis(kept),
            millis(ttl + STAMP_OUTLIVES),
            Value::String(entry.stamp.seq.to_string().into()),
            Value::String(entry.stamp.at.as_millis().to_string().into()),
            Value::String(tenant_word(entry.stamp.tenant.as_ref()).into()),
            Value::String(lease.into()),
            beginning(),
        ];
        let keys = self.entry_and_stamp(key);
        Ok(self.connection.run(PUT, keys, args).await?.as_i64() == Some(1))
    }

    async fn outdate(&self, key: &CacheKey) -> Result<(), Failure> {
        self.outdate_within(key, STAYS).await
    }

    async fn forget(&self, key: &CacheKey) -> Result<(), Failure> {
        self.outdate_within(key, Duration::ZERO).await
    }

    /// Page by page: a Redis shared with others may hold far more than what is ours.
    async fn clear(&self) -> Result<(), Failure> {
        let mut at = "0".to_owned();
        for _ in 0..MOST_PAGES {
            let args = vec![Value::String(at.into()), Value::String(self.key("*").into())];
            let next = self.connection.run(CLEAR, Vec::new(), args).await?;
            at = next.as_string().ok_or_else(|| Failure::fail("redis: not what was asked for"))?;
            if at == "0" {
                return Ok(());
            }
        }
        Err(Failure::retry("redis: too much to clear"))
    }
}

/// A stamp as it is written: `changes seq moment written_at state tenant`.
struct Written {
    lease: Lease,
    stamp: Stamp,
    /// Milliseconds of the server's clock.
    at: i64,
    outdated: bool,
}

impl Written {
    fn parse(text: &str) -> Option<Written> {
        let words: Vec<&str> = text.split(' ').collect();
        let [changes, seq, moment, at, state, tenant] = words.as_slice() else { return None };
        let tenant = match *tenant {
            NOBODY | UNKNOWN => None,
            tenant => Some(TenantId::parse(tenant).ok()?),
        };
        let stamp = Stamp { tenant, seq: seq.parse().ok()?, at: Timestamp::from_millis(moment.parse().ok()?) };
        Some(Written { lease: Lease(changes.parse().ok()?), stamp, at: at.parse().ok()?, outdated: *state != "good" })
    }
}

/// Nothing without its stamp: somebody else wrote it.
fn looked(key: &CacheKey, body: Option<&[u8]>, written: Option<Written>, now: i64) -> Looked {
    let Some(written) = written else { return Looked { found: None, lease: Lease(0), outdated_for: None } };
    // A clock that was set back tells nothing: as old as can be.
    let age = u64::try_from(now - written.at).map_or(Duration::MAX, Duration::from_millis);
    let body = body.filter(|_| key.admits(written.stamp.tenant.as_ref()));
    let found = body.map(|body| Found { entry: Entry { stamp: written.stamp, body: body.into() }, age });
    Looked { found, lease: written.lease, outdated_for: written.outdated.then_some(age) }
}

/// Words that no tenant can be called.
const NOBODY: &str = "*";
const UNKNOWN: &str = "?";

fn tenant_word(tenant: Option<&TenantId>) -> String {
    tenant.map_or(NOBODY, TenantId::as_str).to_owned()
}

fn millis(time: Duration) -> Value {
    Value::String(time.as_millis().to_string().into())
}

/// Changes are counted from anywhere, so that a place that was flushed does not look as it did before.
fn beginning() -> Value {
    Value::String(rand::random_range(1..u32::MAX).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_that_is_not_ours_is_none() {
        let good = "7 3 1790000000000 1790000000500 good acme";
        let read = Written::parse(good).unwrap();
        assert_eq!((read.lease, read.stamp.seq, read.at, read.outdated), (Lease(7), 3, 1_790_000_000_500, false));
        for bad in ["", "7", "7 3 1 2 good", "x 3 1 2 good acme", "7 3 1 2 good ACME", "7 3 1 2 good acme more"] {
            assert!(Written::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn an_entry_written_in_the_future_is_as_old_as_can_be() {
        let key = CacheKey::Dashboard(TenantId::parse("acme").ok());
        let written = || Written::parse("7 3 1790000000000 5000 good acme");
        let age = |now| looked(&key, Some(b"{}"), written(), now).found.unwrap().age;
        assert_eq!((age(5_250), age(4_000)), (Duration::from_millis(250), Duration::MAX));
    }
}
