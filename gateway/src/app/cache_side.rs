//! The cache in this process and, where the settings name one, the Redis behind it.

use std::sync::Arc;
use std::time::Duration;

use actors::Limits;
use actors::bus::LocalBus;
use actors::cache::{Filler, ReadThrough};
use actors::supervise::{Supervised, supervise};
use engine::failure::Failure;
use engine::ports::Cache;
use secrecy::ExposeSecret;

use crate::cache::local::LocalCache;
use crate::cache::redis::{self, RedisCache, RedisSettings};
use crate::http::{Condition, Probe};
use crate::settings::Settings;
use crate::stores::Store;

/// How often the gauges are set.
const MEASURE: Duration = Duration::from_secs(5);

/// A cache that is read through, and what it is called.
pub(super) struct Opened {
    pub cache: ReadThrough,
    /// For people: never with a password.
    pub place: String,
    local: Arc<LocalCache>,
    redis: Option<Arc<RedisCache>>,
}

/// Also where Redis is away: it is looked for in the background.
pub(super) fn open(settings: &Settings, store: Arc<dyn Store>, limits: &Limits) -> Result<Opened, Failure> {
    let local = Arc::new(LocalCache::new(settings.cache.memory_bytes));
    let url = settings.cache.url.expose_secret();
    let redis = (!url.is_empty()).then(|| RedisCache::new(&redis_settings(settings))).transpose()?.map(Arc::new);
    let behind = redis.clone().map(|redis| redis as Arc<dyn Cache>);
    let place = match &redis {
        Some(_) => format!("in process, {} behind it", redis::describe(url)),
        None => "in process".to_owned(),
    };
    Ok(Opened { cache: ReadThrough::new(local.clone(), behind, store, limits), place, local, redis })
}

impl Opened {
    /// Hears what the bus says from now on, for Redis. None where there is none.
    pub fn filler(&self, bus: &LocalBus) -> Option<Filler> {
        Some(Filler::new(bus, self.cache.clone(), self.redis.clone()?))
    }

    /// A cache that is away makes reads slower and fails none: we are ready all the same.
    pub fn probe(&self) -> Probe {
        let (cache, redis) = (self.cache.clone(), self.redis.clone());
        Probe::telling("cache", move || {
            let Some(redis) = &redis else { return Condition { kind: "in process".to_owned(), troubles: Vec::new() } };
            let trouble = redis.trouble().or_else(|| cache.standing().and_then(|standing| standing.trouble));
            Condition { kind: "redis".to_owned(), troubles: trouble.into_iter().collect() }
        })
    }

    pub fn measuring(&self) -> Supervised {
        let local = self.local.clone();
        supervise("cache_gauges", move || {
            let local = local.clone();
            async move {
                let mut tick = tokio::time::interval(MEASURE);
                loop {
                    tick.tick().await;
                    local.measure();
                }
            }
        })
    }
}

fn redis_settings(settings: &Settings) -> RedisSettings {
    let cache = &settings.cache;
    RedisSettings {
        url: cache.url.expose_secret().to_owned(),
        ca: (!cache.ca_file.is_empty()).then(|| cache.ca_file.clone().into()),
        prefix: cache.prefix.clone(),
        command_within: Duration::from_millis(cache.timeout_ms),
        connect_within: Duration::from_millis(cache.connect_timeout_ms),
    }
}
