//! Every metric the actors move, with its help text.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

pub(crate) mod alerts;
pub(crate) mod analytics;
pub(crate) mod bus;
pub(crate) mod cache;
pub(crate) mod retention;
pub(crate) mod sms;

const CALLS_ACTIVE: &str = "cordboard_calls_active";
const CALLS_STARTED: &str = "cordboard_calls_started_total";
const CALLS_NOT_OPENED: &str = "cordboard_calls_not_opened_total";
const CALLS_ENDED: &str = "cordboard_calls_ended_total";
const CALL_DURATION: &str = "cordboard_call_duration_seconds";
const TOOL_CALLS: &str = "cordboard_tool_calls_total";
const TOOL_DURATION: &str = "cordboard_tool_duration_seconds";
const ERRANDS: &str = "cordboard_errands";
const ERRANDS_ENDED: &str = "cordboard_errands_ended_total";
const DUPLICATES: &str = "cordboard_webhook_duplicates_total";
const KEY_CONFLICTS: &str = "cordboard_webhook_key_conflicts_total";
const ACTORS: &str = "cordboard_actors";
const LEADING: &str = "cordboard_leading";
const RESTARTS: &str = "cordboard_actor_restarts_total";
const MAILBOX_WAIT: &str = "cordboard_mailbox_wait_seconds";
const COMMIT_SECONDS: &str = "cordboard_commit_seconds";
const COMMIT_FRAMES: &str = "cordboard_commit_frames";
const COMMIT_FAILURES: &str = "cordboard_commit_failures_total";
const LIVE_RESETS: &str = "cordboard_live_resets_total";
const QUARANTINED: &str = "cordboard_events_quarantined_total";

/// Who can die, and of what. Counted from the start: Prometheus sees no increase in a counter that begins at one.
const MORTALS: [(&str, &str); 15] = [
    ("call", "panic"),
    ("calls", "panic"),
    ("committer", "panic"),
    ("relay", "panic"),
    ("live_feed", "panic"),
    ("reaper", "panic"),
    ("alert", "panic"),
    ("alerts", "died"),
    ("sms_pool", "died"),
    ("sms_sender", "failed"),
    ("sms_sender", "ended"),
    ("sms_reports", "panic"),
    ("sms_reconciler", "panic"),
    ("bell", "panic"),
    ("listener", "panic"),
];

/// Describes the metrics of this crate to the recorder. Call once, after the recorder is installed.
pub fn describe() {
    describe_gauge!(CALLS_ACTIVE, "Calls neither ended nor lost, by priority");
    describe_counter!(CALLS_STARTED, "Calls heard of for the first time");
    describe_counter!(CALLS_NOT_OPENED, "Events about a call never heard of that nobody understands");
    describe_counter!(CALLS_ENDED, "Calls that ended, by group of their reason");
    describe_histogram!(CALL_DURATION, Unit::Seconds, "How long calls lasted");
    describe_counter!(TOOL_CALLS, "Tools the agents called, by tool and outcome");
    describe_histogram!(TOOL_DURATION, Unit::Seconds, "Time a tool took to answer, asking others included");
    describe_gauge!(ERRANDS, "Tool calls that are asking somebody now, by kind");
    describe_counter!(ERRANDS_ENDED, "What came of asking somebody, by kind and outcome");
    describe_counter!(DUPLICATES, "Events delivered again");
    describe_counter!(
        KEY_CONFLICTS,
        "Tool calls with an id seen before and other arguments: the first answer was given"
    );
    describe_gauge!(ACTORS, "Actors and supervised tasks alive, by kind");
    describe_counter!(RESTARTS, "Actors and tasks that had to be started again, by kind and reason");
    describe_gauge!(LEADING, "1 on the node that sends texts and walks alerts, 0 on those that share its store");
    describe_histogram!(MAILBOX_WAIT, Unit::Seconds, "Time a message waited to be looked at, by kind");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "Time of one group commit");
    describe_histogram!(COMMIT_FRAMES, "Frames in one group commit");
    describe_counter!(COMMIT_FAILURES, "Frames that were not committed, by why");
    describe_counter!(LIVE_RESETS, "Times the live feed had to start again from the store, by why");
    describe_counter!(QUARANTINED, "Events put aside because they kept killing their call");
    begin_at_zero();
    alerts::describe();
    analytics::describe();
    bus::describe();
    retention::describe();
    cache::describe();
    sms::describe();
}

/// What alarms is there before it first happens.
fn begin_at_zero() {
    for (kind, reason) in MORTALS {
        counter!(RESTARTS, "kind" => kind, "reason" => reason).absolute(0);
    }
    for why in ["conflict", "refused", "unavailable"] {
        counter!(COMMIT_FAILURES, "why" => why).absolute(0);
    }
    for why in ["lagged", "slow"] {
        counter!(LIVE_RESETS, "why" => why).absolute(0);
    }
    for plain in [CALLS_STARTED, CALLS_NOT_OPENED, DUPLICATES, KEY_CONFLICTS, QUARANTINED] {
        counter!(plain).absolute(0);
    }
}

pub(crate) fn restarted(kind: &'static str, reason: &'static str) {
    counter!(RESTARTS, "kind" => kind, "reason" => reason).increment(1);
}

/// One actor alive, for as long as it is held.
pub(crate) struct Alive(&'static str);

pub(crate) fn alive(kind: &'static str) -> Alive {
    gauge!(ACTORS, "kind" => kind).increment(1.0);
    Alive(kind)
}

impl Drop for Alive {
    fn drop(&mut self) {
        gauge!(ACTORS, "kind" => self.0).decrement(1.0);
    }
}

pub(crate) fn leading(leads: bool) {
    gauge!(LEADING).set(if leads { 1.0 } else { 0.0 });
}

pub(crate) fn waited(kind: &'static str, wait: Duration) {
    histogram!(MAILBOX_WAIT, "kind" => kind).record(wait);
}

pub(crate) fn committed(frames: usize, took: Duration) {
    histogram!(COMMIT_SECONDS).record(took);
    histogram!(COMMIT_FRAMES).record(frames as f64);
}

pub(crate) fn not_committed(why: &'static str) {
    counter!(COMMIT_FAILURES, "why" => why).increment(1);
}

pub(crate) fn duplicate() {
    counter!(DUPLICATES).increment(1);
}

pub(crate) fn key_conflict() {
    counter!(KEY_CONFLICTS).increment(1);
}

pub(crate) fn tool_called(name: &str, outcome: &'static str, took: Duration) {
    counter!(TOOL_CALLS, "tool" => name.to_owned(), "outcome" => outcome).increment(1);
    histogram!(TOOL_DURATION, "tool" => name.to_owned()).record(took);
}

/// One errand under way, for as long as it is held.
pub(crate) struct UnderWay(&'static str);

pub(crate) fn errand(kind: &'static str) -> UnderWay {
    gauge!(ERRANDS, "kind" => kind).increment(1.0);
    UnderWay(kind)
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        gauge!(ERRANDS, "kind" => self.0).decrement(1.0);
    }
}

pub(crate) fn errand_ended(kind: &'static str, outcome: &'static str) {
    counter!(ERRANDS_ENDED, "kind" => kind, "outcome" => outcome).increment(1);
}

pub(crate) fn call_started() {
    counter!(CALLS_STARTED).increment(1);
}

pub(crate) fn call_not_opened() {
    counter!(CALLS_NOT_OPENED).increment(1);
}

/// `group` comes from the platform file's closed list.
pub(crate) fn call_ended(group: &str, duration_s: Option<u32>) {
    counter!(CALLS_ENDED, "group" => group.to_owned()).increment(1);
    if let Some(seconds) = duration_s {
        histogram!(CALL_DURATION).record(f64::from(seconds));
    }
}

pub(crate) fn calls_active(priority: &'static str, count: usize) {
    gauge!(CALLS_ACTIVE, "priority" => priority).set(count as f64);
}

pub(crate) fn live_reset(why: &'static str) {
    counter!(LIVE_RESETS, "why" => why).increment(1);
}

pub(crate) fn quarantined() {
    counter!(QUARANTINED).increment(1);
}
