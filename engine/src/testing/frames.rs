//! Frames made by hand, for tests of what stores and passes them on without asking what they mean.

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Answer, Call, Fact, Frame, Phase, Role};
use crate::ids::{CallId, CallKey, EventKey, SmsId, TenantId};
use crate::priority::Priority;
use crate::sms::NewSms;
use crate::time::Timestamp;

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a test's tenant is a tenant")
}

pub fn call(tenant_name: &str, id: &str) -> CallKey {
    CallKey { tenant: tenant(tenant_name), call: CallId::parse(id).expect("a test's call id is a call id") }
}

/// So many seconds after the moment at which all tests begin.
pub fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000).plus(Duration::from_secs(seconds))
}

/// The call's frame `seq`: somebody spoke, nothing to say. Its key is `ev:SEQ`, its moment `moment(seq)`.
pub fn frame(call: &CallKey, seq: u64) -> Frame {
    Frame {
        call: call.clone(),
        seq,
        key: EventKey::new(format!("ev:{seq}")),
        at: moment(seq),
        decided_at: moment(seq),
        facts: vec![Fact::Spoke { role: Role::Caller, text: format!("line {seq} of {call}").into() }],
        answer: Answer::Ack,
        texts: Vec::new(),
        state: Arc::new(state(seq, Phase::InProgress)),
    }
}

/// Frames `from` to `to`, both included.
pub fn frames(call: &CallKey, from: u64, to: u64) -> Vec<Frame> {
    (from..=to).map(|seq| frame(call, seq)).collect()
}

/// A frame that leaves its call in `phase`.
pub fn frame_in(call: &CallKey, seq: u64, phase: Phase) -> Frame {
    Frame { state: Arc::new(state(seq, phase)), ..frame(call, seq) }
}

/// A frame that owes texts.
pub fn frame_owing(call: &CallKey, seq: u64, texts: Vec<NewSms>) -> Frame {
    Frame { texts, ..frame(call, seq) }
}

/// An inbound call after `seq` frames.
pub fn state(seq: u64, phase: Phase) -> Call {
    Call {
        phase,
        from: Some("+15145550142".into()),
        to: Some("+15145550100".into()),
        direction: Some(crate::call::Direction::Inbound),
        seq,
        updated_at: moment(seq),
        ..Call::new("testline", moment(0))
    }
}

/// A text owed at once, worth sending for an hour. One `reason` is one message.
pub fn text(call: &CallKey, reason: &str, priority: Priority) -> NewSms {
    let to = "+15145550110";
    NewSms {
        id: SmsId::derive(call, reason, to),
        tenant: call.tenant.clone(),
        call: Some(call.call.clone()),
        alert: None,
        to: to.parse().expect("a test's number is a number"),
        contact: "owner".into(),
        body: format!("{priority}: {reason}").into(),
        segments: 1,
        priority,
        due_at: moment(0),
        expires_at: moment(3600),
        created_at: moment(0),
        suppressed: None,
    }
}
