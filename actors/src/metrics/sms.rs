//! What the SMS pool, its senders and the delivery reports move.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use engine::ports::OptOutSource;
use engine::priority::Priority;
use engine::sms::breaker::FuseKind;
use engine::sms::{SendOutcome, SmsState, Wish};

pub const MESSAGES: &str = "cordboard_sms_messages_total";
const LOST: &str = "cordboard_sms_lost_total";
pub const QUEUE_DEPTH: &str = "cordboard_sms_queue_depth";
pub const SEND_SECONDS: &str = "cordboard_sms_send_seconds";
pub const DELIVERY_SECONDS: &str = "cordboard_sms_delivery_seconds";
pub const SLOT_WAIT_SECONDS: &str = "cordboard_sms_slot_wait_seconds";
pub const BREAKER_OPEN: &str = "cordboard_sms_breaker_open";
pub const UNKNOWN: &str = "cordboard_sms_unknown";
pub const RESOLVED: &str = "cordboard_sms_unknown_resolved_total";
pub const CONTRADICTIONS: &str = "cordboard_sms_contradictions_total";
pub const BOOKS_ASKED: &str = "cordboard_sms_checks_total";
const INBOUND: &str = "cordboard_sms_inbound_total";
const REPLIES: &str = "cordboard_sms_replies_total";
const OPT_OUTS: &str = "cordboard_sms_opt_outs_total";
const STAFF_OPT_OUTS: &str = "cordboard_sms_staff_opt_outs_total";
pub const PROVIDER_REQUESTS: &str = "cordboard_provider_requests_total";

/// Describes the metrics of the SMS pool, its senders and the delivery reports.
pub fn describe() {
    describe_counter!(MESSAGES, "Text messages that reached a state, by state");
    describe_counter!(LOST, "Text messages given up: undelivered, failed or expired for good, by priority");
    describe_gauge!(QUEUE_DEPTH, "Text messages waiting to be sent, by priority");
    describe_histogram!(SEND_SECONDS, Unit::Seconds, "Time the carrier took to answer one attempt");
    describe_histogram!(DELIVERY_SECONDS, Unit::Seconds, "From owed to reported delivered, by priority");
    describe_histogram!(SLOT_WAIT_SECONDS, Unit::Seconds, "From due to handed over, by priority");
    describe_gauge!(BREAKER_OPEN, "Circuit breakers that are not closed, by kind: messages wait for them");
    describe_gauge!(UNKNOWN, "Text messages of which nobody knows whether they left");
    describe_counter!(
        RESOLVED,
        "Text messages that were unknown and are no more, or are held for people, by what did it"
    );
    describe_counter!(CONTRADICTIONS, "Delivery reports that told another end than the one before");
    describe_counter!(BOOKS_ASKED, "Times a carrier was asked what became of an attempt, by what it knew");
    describe_counter!(PROVIDER_REQUESTS, "Attempts by carrier and how they ended");
    describe_counter!(INBOUND, "Texts that came in, by what they were taken for");
    describe_counter!(REPLIES, "Texts that answered something, by what came of it");
    describe_counter!(OPT_OUTS, "Numbers that opted out, by how that was known");
    describe_counter!(STAFF_OPT_OUTS, "Numbers of the team that opted out: they get no alerts any more");
    counter!(STAFF_OPT_OUTS).absolute(0);
    for priority in Priority::ALL {
        counter!(LOST, "priority" => priority.as_str()).absolute(0);
    }
    for state in SmsState::ALL {
        counter!(MESSAGES, "state" => state.as_str()).absolute(0);
    }
}

/// The carrier that will be asked: how its answers are counted is known before the first of them.
pub fn provider(name: &'static str) {
    for outcome in ["accepted", "not_sent", "throttled", "rejected", "unknown"] {
        counter!(PROVIDER_REQUESTS, "provider" => name, "outcome" => outcome).absolute(0);
    }
}

/// Nothing more is tried for a message of this priority, and it did not arrive.
pub fn lost(priority: Priority) {
    counter!(LOST, "priority" => priority.as_str()).increment(1);
}

/// A message is now in `state`.
pub fn moved(state: SmsState) {
    counter!(MESSAGES, "state" => state.as_str()).increment(1);
}

pub fn sent(provider: &'static str, outcome: &SendOutcome, took: Duration) {
    counter!(PROVIDER_REQUESTS, "provider" => provider, "outcome" => outcome.as_str()).increment(1);
    histogram!(SEND_SECONDS).record(took);
}

pub fn delivered(priority: Priority, took: Duration) {
    histogram!(DELIVERY_SECONDS, "priority" => priority.as_str()).record(took);
}

/// What ended the uncertainty about a message, or the search for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedBy {
    Callback,
    Listing,
    Operator,
    /// Believed lost and sent again.
    Resent,
    /// Believed lost and left to people.
    Held,
}

impl ResolvedBy {
    const fn as_str(self) -> &'static str {
        match self {
            ResolvedBy::Callback => "callback",
            ResolvedBy::Listing => "listing",
            ResolvedBy::Operator => "operator",
            ResolvedBy::Resent => "resent",
            ResolvedBy::Held => "held",
        }
    }
}

pub fn resolved(by: ResolvedBy) {
    counter!(RESOLVED, "by" => by.as_str()).increment(1);
}

pub fn unknown(count: u64) {
    gauge!(UNKNOWN).set(count as f64);
}

pub fn contradicted() {
    counter!(CONTRADICTIONS).increment(1);
}

/// `knew`: `found`, `absent`, `unclear` or `failed`.
pub fn checked(knew: &'static str) {
    counter!(BOOKS_ASKED, "outcome" => knew).increment(1);
}

pub fn slot_waited(priority: Priority, wait: Duration) {
    histogram!(SLOT_WAIT_SECONDS, "priority" => priority.as_str()).record(wait);
}

pub fn breakers(open: [(FuseKind, usize); 4]) {
    for (kind, count) in open {
        gauge!(BREAKER_OPEN, "kind" => kind.as_str()).set(count as f64);
    }
}

pub fn came_in(wish: Wish) {
    counter!(INBOUND, "wish" => wish.as_str()).increment(1);
}

pub fn replied(outcome: &'static str) {
    counter!(REPLIES, "outcome" => outcome).increment(1);
}

pub fn opted_out(source: OptOutSource) {
    counter!(OPT_OUTS, "source" => source.as_str()).increment(1);
}

pub fn staff_opted_out() {
    counter!(STAFF_OPT_OUTS).increment(1);
}

pub fn depth(depth: [(Priority, u64); 4]) {
    for (priority, waiting) in depth {
        gauge!(QUEUE_DEPTH, "priority" => priority.as_str()).set(waiting as f64);
    }
}

pub fn alive(kind: &'static str, count: usize) {
    gauge!(super::ACTORS, "kind" => kind).set(count as f64);
}
