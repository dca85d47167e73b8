//! Every bound of the running system on one screen. Settings may change them; nothing else invents one.

use std::time::Duration;

use engine::sms::LookUps;
use engine::sms::breaker::Rules;
use engine::sms::schedule::Shares;

#[derive(Clone, Debug)]
pub struct Limits {
    // --- calls
    /// Supervisors among which calls are spread by the hash of their key; a supervisor that dies takes only its share.
    pub shards: usize,
    /// Calls in memory at once. One more is refused as busy.
    pub calls: usize,
    /// Events being decided or committed at once, over all calls.
    pub seats: usize,
    /// Events of one call waiting at once.
    pub seats_per_call: usize,
    /// Deaths of one call within `death_window` after which it is isolated.
    pub deaths: usize,
    pub death_window: Duration,
    /// How long an isolated call is left alone before it may try again.
    pub isolation: Duration,
    /// How long a finished call stays in memory for late and repeated events.
    pub linger: Duration,
    /// How long an event may wait for its answer before the caller is told we are busy.
    pub answer_within: Duration,

    // --- errands
    /// Errands under way at once, in all and of one tenant. One more is not begun, and the agent says so.
    pub errands: usize,
    pub errands_per_tenant: usize,
    /// How long looking up earlier calls may take.
    pub look_up_within: Duration,
    /// Failures in a row after which a business's own endpoint is left alone, and for how long.
    pub endpoint_failures: u32,
    pub endpoint_rest: Duration,

    // --- committer
    /// Events waiting for the committer.
    pub commit_queue: usize,
    /// Frames in one transaction.
    pub commit_batch: usize,

    // --- fan-out
    /// Frames read at once by the relay.
    pub relay_batch: usize,
    /// Updates a slow subscriber may lag behind before it is sent a new snapshot.
    pub live_backlog: usize,

    // --- cache
    /// How long an entry is kept at most.
    pub cache_ttl: Duration,
    /// How long a call is good that nobody says has changed. Longer than it is kept, where everybody would say so.
    pub cache_good_for: Duration,
    /// Reads of the store at once because the cache has no entry.
    pub cache_loads: usize,
    /// The longest the cache behind the front may take to answer.
    pub cache_budget: Duration,
    /// Failures in a row after which it is left alone, and for how long.
    pub cache_failures: u32,
    pub cache_rest: Duration,
    /// After this an entry of the front is compared with the one behind: another node may have changed it.
    pub cache_check_after: Duration,
    /// How long a read waits for the news of a commit before it asks the store.
    pub cache_fill_within: Duration,
    /// How long what is known to be out of date may be shown while the store is slow.
    pub cache_stale_for: Duration,

    // --- text messages
    /// Messages being sent at once.
    pub senders: usize,
    /// Of these for P1 alone, half of them at most: a carrier that hangs then holds up no emergency.
    pub urgent_senders: usize,
    /// Due messages of each priority that the next one is chosen from.
    pub candidates: usize,
    /// The share of the segments that each priority gets while all of them wait.
    pub shares: Shares,
    /// When an account, a number, a route or words are left alone, and for how long.
    pub breakers: Rules,
    /// Messages between the same two numbers, and within which time. Carriers block a pair that exceeds it.
    pub pair: (u32, Duration),
    /// Segments per second to one recipient from all numbers together; alarms to the team are neither held nor counted.
    /// As slow as the slowest number, and what the guard of pairs comes to: more looks like spam to carriers.
    pub recipient_pace: f64,
    /// Recipients of whom it is remembered which number they were written to from.
    pub habits: usize,
    /// Longest sleep of the pool when it knows of nothing due.
    pub pool_tick: Duration,
    /// When an attempt that got no answer is looked for in the carrier's books.
    pub look_ups: LookUps,
    /// How long after the carrier took a message it is asked what became of it, when it does not say so. Each further
    /// question waits three times as long.
    pub sweep_after: Duration,
    /// Questions about one message.
    pub sweeps: u32,
    /// Questions the carrier may be asked besides, as a share of the messages sent; one now and then is always allowed.
    pub sweep_share: f64,
    pub sweep_every: Duration,
    /// How often it is looked which attempts are to be asked about, and how many of a kind are asked about at once.
    pub reconcile_tick: Duration,
    pub reconcile_batch: usize,

    // --- alerts
    /// Alerts whose clock runs in memory at once; the others wait in the store, earliest due first.
    pub alerts: usize,
    /// People of the team phoned at once.
    pub staff_calls: usize,
    /// Posts to channels that are not the carrier at once.
    pub staff_pushes: usize,
    /// How often the store is asked for alerts nobody looks after.
    pub alerts_sweep: Duration,

    // --- silence: how long after its last event a call is looked at
    pub silent_scheduled: Duration,
    pub silent_ringing: Duration,
    pub silent_in_progress: Duration,
    /// How often the reaper looks.
    pub reaper_tick: Duration,
    /// Silent calls closed per look.
    pub reaper_batch: usize,

    // --- several nodes
    /// How often the node that leads says that it is alive, and another one asks whether it may.
    pub lead_renew: Duration,
    /// How long that is trusted: shorter than the store waits before it lets another node lead.
    pub lead_trusted: Duration,

    // --- stopping
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            shards: 16,
            calls: 200_000,
            seats: 8_192,
            seats_per_call: 256,
            deaths: 2,
            death_window: Duration::from_secs(60),
            isolation: Duration::from_secs(300),
            linger: Duration::from_secs(60),
            answer_within: Duration::from_secs(5),
            errands: 512,
            errands_per_tenant: 128,
            look_up_within: Duration::from_secs(1),
            endpoint_failures: 5,
            endpoint_rest: Duration::from_secs(10),
            commit_queue: 8_192,
            commit_batch: 512,
            relay_batch: 512,
            live_backlog: 4_096,
            cache_ttl: Duration::from_secs(3600),
            cache_good_for: Duration::MAX,
            cache_loads: 4,
            cache_budget: Duration::from_millis(50),
            cache_failures: 3,
            cache_rest: Duration::from_secs(1),
            cache_check_after: Duration::from_millis(700),
            cache_fill_within: Duration::from_millis(100),
            cache_stale_for: Duration::from_millis(600),
            senders: 64,
            urgent_senders: 4,
            candidates: 64,
            shares: Shares::default(),
            breakers: Rules::default(),
            pair: (30, Duration::from_secs(30)),
            recipient_pace: 1.0,
            habits: 10_000,
            pool_tick: Duration::from_secs(5),
            look_ups: LookUps::default(),
            sweep_after: Duration::from_secs(300),
            sweeps: 6,
            sweep_share: 0.1,
            sweep_every: Duration::from_secs(5),
            reconcile_tick: Duration::from_secs(1),
            reconcile_batch: 32,
            alerts: 10_000,
            staff_calls: 32,
            staff_pushes: 32,
            alerts_sweep: Duration::from_secs(30),
            silent_scheduled: Duration::from_secs(24 * 3600),
            silent_ringing: Duration::from_secs(300),
            silent_in_progress: Duration::from_secs(2 * 3600),
            reaper_tick: Duration::from_secs(15),
            reaper_batch: 256,
            lead_renew: Duration::from_secs(1),
            lead_trusted: Duration::from_secs(4),
            drain: Duration::from_secs(20),
        }
    }
}
