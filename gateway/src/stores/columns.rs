//! Rows as the engine's types, whichever database they came from. What cannot be read names its column, never its
//! value.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use engine::alert::{Alert, AlertBrief, AlertState, Entry};
use engine::call::{Call, CallView, Fact, SmsCounts};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, TenantId};
use engine::ports::{
    Audited, Begun, Candidate, Dashboard, DayFigures, InboundSms, LearnedPace, OptOut, OptOutSource, Recorded,
    StoredFrame,
};
use engine::sms::dispatch::Past;
use engine::sms::{Attempt, AttemptToken, Sms, SmsState};
use engine::time::Timestamp;
use serde::de::DeserializeOwned;

/// What a driver's row must be able to tell. Each is `None` where the column is empty.
pub trait Columns {
    /// The database, as its failures name it.
    const STORE: &'static str;

    fn maybe_text(&self, column: &str) -> Result<Option<Cow<'_, str>>, Failure>;
    fn maybe_integer(&self, column: &str) -> Result<Option<i64>, Failure>;
    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, Failure>;
    fn maybe_flag(&self, column: &str) -> Result<Option<bool>, Failure>;
    fn real(&self, column: &str) -> Result<f64, Failure>;

    fn text(&self, column: &str) -> Result<Cow<'_, str>, Failure> {
        present::<Self, _>(column, self.maybe_text(column)?)
    }

    fn time(&self, column: &str) -> Result<Timestamp, Failure> {
        present::<Self, _>(column, self.maybe_time(column)?)
    }

    fn flag(&self, column: &str) -> Result<bool, Failure> {
        present::<Self, _>(column, self.maybe_flag(column)?)
    }

    fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Failure> {
        present::<Self, _>(column, self.maybe_number(column)?)
    }

    fn maybe_number<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>, Failure> {
        self.maybe_integer(column)?.map(|integer| integer.try_into().map_err(|_| Self::unreadable(column))).transpose()
    }

    /// As text that means something.
    fn maybe<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Failure> {
        self.maybe_text(column)?.map(|text| parse(&text).ok_or_else(|| Self::unreadable(column))).transpose()
    }

    fn known<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
        present::<Self, _>(column, self.maybe(column, parse)?)
    }

    fn parsed<T: FromStr>(&self, column: &str) -> Result<T, Failure> {
        self.known(column, |text| text.parse().ok())
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Failure> {
        self.known(column, |text| serde_json::from_str(text).ok())
    }

    fn boxed(&self, column: &str) -> Result<Box<str>, Failure> {
        self.text(column).map(Box::from)
    }

    fn maybe_boxed(&self, column: &str) -> Result<Option<Box<str>>, Failure> {
        Ok(self.maybe_text(column)?.map(Box::from))
    }

    fn unreadable(column: &str) -> Failure {
        Failure::fail(format!("{}: column {column} cannot be read", Self::STORE))
    }
}

fn present<C: Columns + ?Sized, T>(column: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| C::unreadable(column))
}

pub fn tenant(row: &impl Columns) -> Result<TenantId, Failure> {
    row.known("tenant", |text| TenantId::parse(text).ok())
}

/// Empty where a row belongs to no tenant in particular.
pub fn tenant_or_none(row: &impl Columns) -> Result<Option<TenantId>, Failure> {
    if row.text("tenant")?.is_empty() { Ok(None) } else { tenant(row).map(Some) }
}

/// The call a row of `calls` (`id`) or of another table (`call_id`) is about.
pub fn call_key(row: &impl Columns, id: &str) -> Result<CallKey, Failure> {
    Ok(CallKey { tenant: tenant(row)?, call: row.known(id, |text| CallId::parse(text).ok())? })
}

pub fn state(row: &impl Columns) -> Result<Call, Failure> {
    row.json("state")
}

pub fn recorded(row: &impl Columns) -> Result<Recorded, Failure> {
    Ok(Recorded { facts: facts(row)?, answer: row.json("answer")? })
}

pub fn view(key: &CallKey, state: &Call, counts: SmsCounts, alert: Option<AlertBrief>) -> Arc<CallView> {
    state.view(&key.tenant, &key.call, counts, alert)
}

pub fn frame(row: &impl Columns) -> Result<StoredFrame, Failure> {
    Ok(StoredFrame {
        position: row.number("position")?,
        call: call_key(row, "call_id")?,
        seq: row.number("seq")?,
        at: row.time("at")?,
        decided_at: row.time("decided_at")?,
        facts: facts(row)?,
    })
}

/// A frame whose facts cannot be read is shown without them: it must not hide its neighbours, nor stop the relay.
fn facts(row: &impl Columns) -> Result<Vec<Fact>, Failure> {
    Ok(serde_json::from_str(&row.text("facts")?).unwrap_or_else(|_| {
        let position = row.number("position").unwrap_or(0_i64);
        tracing::error!(frame.position = position, "facts of a frame cannot be read");
        Vec::new()
    }))
}

pub fn sms_state(row: &impl Columns) -> Result<SmsState, Failure> {
    row.known("state", SmsState::parse)
}

pub fn sms(row: &impl Columns) -> Result<Sms, Failure> {
    Ok(Sms {
        id: row.parsed("id")?,
        tenant: tenant(row)?,
        call: row.maybe("call_id", |text| CallId::parse(text).ok())?,
        alert: row.maybe("alert_id", |text| text.parse().ok())?,
        to: row.parsed("to_number")?,
        contact: row.boxed("contact")?,
        from: row.maybe_boxed("from_number")?,
        body: row.boxed("body")?,
        segments: row.number("segments")?,
        priority: row.parsed("priority")?,
        state: sms_state(row)?,
        attempts: row.number("attempts")?,
        provider_id: row.maybe_boxed("provider_id")?,
        error_code: row.maybe_number("error_code")?,
        error: row.maybe_boxed("error")?,
        possible_duplicate: row.flag("possible_duplicate")?,
        due_at: row.time("due_at")?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The message, and the number of its newest attempt.
pub fn sms_and_last_attempt(row: &impl Columns) -> Result<(Sms, u32), Failure> {
    Ok((sms(row)?, row.number("last_attempt")?))
}

pub fn attempt(row: &impl Columns) -> Result<Attempt, Failure> {
    Ok(Attempt {
        sms: row.parsed("sms_id")?,
        number: row.number("attempt")?,
        sender: row.boxed("sender")?,
        token: row.known("token", AttemptToken::parse)?,
        started_at: row.time("started_at")?,
        answered_at: row.maybe_time("answered_at")?,
        outcome: row.maybe("outcome", SmsState::parse)?,
        counts: row.maybe_flag("counts")?,
        http_status: row.maybe_number("http_status")?,
        provider_id: row.maybe_boxed("provider_id")?,
        error_code: row.maybe_number("error_code")?,
        error: row.maybe_boxed("error")?,
        check_at: row.maybe_time("check_at")?,
        checks: row.number("checks")?,
        absent_at: row.maybe_time("absent_at")?,
    })
}

/// What was read of the queue: of each tenant no more than its `part`, unless `all`. `None`: that was too little of some,
/// while others owe less than theirs.
pub fn candidates<R: Columns>(read: &[R], per_class: usize, all: bool) -> Result<Option<Vec<Candidate>>, Failure> {
    if let Some(last) = read.last().filter(|_| read.len() < per_class && !all) {
        let [turn, part] = ["turn", "part"].map(|column| last.number::<usize>(column));
        if turn? >= part? {
            return Ok(None);
        }
    }
    read.iter().map(candidate).collect::<Result<_, _>>().map(Some)
}

/// `tried`: the senders of its earlier attempts, one a line.
fn candidate(row: &impl Columns) -> Result<Candidate, Failure> {
    let tried = row.maybe_text("tried")?;
    Ok(Candidate {
        id: row.parsed("id")?,
        tenant: tenant(row)?,
        to: row.parsed("to_number")?,
        call: row.maybe("call_id", |text| CallId::parse(text).ok())?,
        contact: row.boxed("contact")?,
        priority: row.parsed("priority")?,
        due_at: row.time("due_at")?,
        expires_at: row.time("expires_at")?,
        segments: row.number("segments")?,
        created_at: row.time("created_at")?,
        attempts: row.number("attempts")?,
        tried: tried.map(|senders| senders.split('\n').map(Box::from).collect()).unwrap_or_default(),
    })
}

pub fn begun(row: &impl Columns) -> Result<Begun, Failure> {
    let attempt = Past {
        tenant: tenant(row)?,
        to: row.parsed("to_number")?,
        sender: row.boxed("sender")?,
        segments: row.number("segments")?,
    };
    let (at, ended_at) = (row.time("started_at")?, row.maybe_time("answered_at")?);
    Ok(Begun { attempt, at, ended_at, answered: row.flag("answered")? })
}

pub fn pace(row: &impl Columns) -> Result<LearnedPace, Failure> {
    Ok(LearnedPace { sender: row.boxed("sender")?, factor: row.real("factor")?, at: row.time("updated_at")? })
}

pub fn inbound(row: &impl Columns) -> Result<InboundSms, Failure> {
    Ok(InboundSms {
        id: row.boxed("id")?,
        tenant: tenant_or_none(row)?,
        from: row.parsed("from_number")?,
        to: row.boxed("to_number")?,
        body: row.boxed("body")?,
        wish: row.boxed("wish")?,
        at: row.time("received_at")?,
    })
}

pub fn opt_out(row: &impl Columns) -> Result<OptOut, Failure> {
    Ok(OptOut {
        tenant: tenant_or_none(row)?,
        number: row.parsed("number")?,
        source: row.known("source", OptOutSource::parse)?,
        at: row.time("at")?,
        message: row.maybe_boxed("message")?,
    })
}

pub fn alert(row: &impl Columns) -> Result<Alert, Failure> {
    row.json("data")
}

pub fn brief(row: &impl Columns) -> Result<AlertBrief, Failure> {
    let state = row.known("state", AlertState::parse)?;
    Ok(AlertBrief { id: row.parsed("id")?, state, priority: row.parsed("priority")? })
}

pub fn entry(row: &impl Columns) -> Result<Entry, Failure> {
    Ok(Entry { seq: row.number("seq")?, at: row.time("at")?, what: row.json("what")? })
}

pub fn dashboard(row: &impl Columns) -> Result<Dashboard, Failure> {
    Ok(Dashboard {
        calls_today: row.number("calls_today")?,
        p1_active: row.number("p1_active")?,
        recent_avg_duration_s: row.real("recent_avg_duration_s")?,
        unique_callers_24h: row.number("unique_callers_24h")?,
        refreshed_at: row.maybe_time("refreshed_at")?,
    })
}

pub fn day(row: &impl Columns) -> Result<DayFigures, Failure> {
    Ok(DayFigures {
        date: row.parsed("date")?,
        total_calls: row.number("total_calls")?,
        avg_duration_s: row.real("avg_duration_s")?,
        urgent_calls: row.number("urgent_calls")?,
        completed_calls: row.number("completed_calls")?,
        failed_calls: row.number("failed_calls")?,
    })
}

pub fn audited(row: &impl Columns) -> Result<Audited, Failure> {
    Ok(Audited {
        position: row.number("position")?,
        at: row.time("at")?,
        by: row.boxed("by")?,
        tenant: tenant_or_none(row)?,
        action: row.boxed("action")?,
        subject: row.boxed("subject")?,
        detail: row.json("detail")?,
    })
}

/// What is recorded as JSON.
pub fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("what we record is text, numbers and lists")
}

/// As databases count: what is beyond is as good as the last.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
