//! The limits of this deployment: those of the settings, and what several nodes change.

use std::time::Duration;

use actors::Limits;
use secrecy::ExposeSecret;

use super::public_url;
use crate::settings::{LimitSettings, Settings, SmsProviderName};

/// How often texts and alerts are looked for that other nodes wrote.
const LOOK_FOR_OTHERS: Duration = Duration::from_secs(1);
/// What another node has changed is shown after this, where only the store knows.
const SEEN_WITHIN: Duration = Duration::from_millis(700);

/// `shared`: with other nodes. What they commit they ring for, and a ring may be lost, so it is looked for too; what they
/// text shows in calls, and is told of by Redis alone.
pub(super) fn of(settings: &Settings, shared: bool) -> Limits {
    let otherwise = Limits::default();
    let (pool_tick, alerts_sweep) = match shared {
        true => (LOOK_FOR_OTHERS, LOOK_FOR_OTHERS),
        false => (otherwise.pool_tick, otherwise.alerts_sweep),
    };
    let alone = !shared || !settings.cache.url.expose_secret().is_empty();
    let LimitSettings { calls, seats, seats_per_call, commit_queue, commit_batch, .. } = settings.limits;
    let limits = &settings.limits;
    Limits {
        calls,
        seats,
        seats_per_call,
        commit_queue,
        commit_batch,
        answer_within: Duration::from_millis(limits.answer_within_ms),
        linger: Duration::from_secs(limits.linger_s),
        silent_scheduled: Duration::from_secs(limits.silent_scheduled_s),
        silent_ringing: Duration::from_secs(limits.silent_ringing_s),
        silent_in_progress: Duration::from_secs(limits.silent_in_progress_s),
        cache_ttl: Duration::from_secs(settings.cache.ttl_s),
        cache_loads: settings.cache.loads,
        cache_budget: Duration::from_millis(settings.cache.timeout_ms),
        cache_good_for: if alone { otherwise.cache_good_for } else { SEEN_WITHIN },
        pool_tick,
        alerts_sweep,
        senders: settings.sms.senders,
        sweep_after: sweep_after(settings),
        drain: Duration::from_secs(settings.drain_s),
        ..otherwise
    }
}

/// Where no callback can arrive, asking is the only way to learn what became of a message.
fn sweep_after(settings: &Settings) -> Duration {
    let sms = &settings.sms;
    let hears = sms.provider == SmsProviderName::Sandbox || public_url(settings).is_some();
    Duration::from_secs(if hears { sms.sweep_after_s } else { sms.poll_after_s })
}
