//! Everything about one person: found, counted, and taken out. Texts to them and from them go; their calls and the
//! texts and alerts about them stay, without words; where others name their number, the number goes. What is under way
//! is left and told. The list of opt-outs keeps the number as long as it keeps them from being texted.

use std::collections::BTreeSet;

use engine::alert::Alert;
use engine::call::Forget;
use engine::failure::Failure;
use engine::ids::{CallKey, TenantId};
use engine::phone::PhoneNumber;
use engine::ports::{Counts, Erased, Erasure, UnderWay, Whom};
use engine::traces::Traces;

use super::ground::{Arg, Ground, Line, Statement, Turn, of_call, of_call_and};
use super::mentions::{ATTEMPT_ERRORS, INBOUND, Search, TEXT_ERRORS, TEXTS};
use super::rewriting::Out;
use super::sealing::seal;
use crate::stores::columns::{json, signed};

/// Statements in one transaction.
const AT_ONCE: usize = 256;

const CALLS_OF_NUMBER: &str = "SELECT tenant, id, status, phone_number FROM calls \
    WHERE ($1 = '' OR tenant = $1) AND (phone_number LIKE $2 OR phone_number LIKE $3)";
const CALLS_OF_ID: &str =
    "SELECT tenant, id, status, phone_number FROM calls WHERE ($1 = '' OR tenant = $1) AND id = $2";
const IS_ACTIVE: &str = "SELECT id FROM calls WHERE tenant = $1 AND id = $2 AND status = 'active'";
const ALERTS_OF: &str = "SELECT id, CAST(version AS text), state, data FROM alerts WHERE tenant = $1 AND call_id = $2";
const ALERTS_NAMING: &str = "SELECT id, CAST(version AS text), state, data FROM alerts \
    WHERE ($1 = '' OR tenant = $1) AND (data LIKE $2 OR data LIKE $3)";
const PUT_ALERT: &str = "UPDATE alerts SET data = $2, version = $3 WHERE id = $1 AND version = $4 \
    AND state NOT IN ('open', 'escalated')";
const RECEIPT: &str = "SELECT CAST(seq AS text), what FROM alert_events WHERE alert_id = $1 ORDER BY seq";
/// Texts about them that somebody is still to get, or may have got: to others than themselves.
const PENDING_OF: &str = "SELECT id FROM sms_messages WHERE tenant = $1 AND call_id = $2 AND to_number <> $3 \
    AND (state IN ('queued', 'sending') OR state = 'unknown' AND EXISTS \
    (SELECT 1 FROM sms_attempts WHERE sms_id = id AND check_at IS NOT NULL))";
const PENDING_NAMING: &str = "SELECT id, body FROM sms_messages WHERE ($1 = '' OR tenant = $1) \
    AND (body LIKE $2 OR body LIKE $3) AND state IN ('queued', 'sending')";
const TEXTS_ABOUT: &str = "SELECT id FROM sms_messages WHERE tenant = $1 AND call_id = $2 AND to_number <> $3 \
    AND body <> ''";
const EMPTY_TEXTS_ABOUT: &str = "UPDATE sms_messages SET body = '' WHERE tenant = $1 AND call_id = $2 \
    AND to_number <> $3 AND state NOT IN ('queued', 'sending')";
const TEXTS_TO: &str = "SELECT id, state FROM sms_messages WHERE ($1 = '' OR tenant = $1) AND to_number = $2";
const TEXTS_TO_IN_CALL: &str =
    "SELECT id, state FROM sms_messages WHERE tenant = $1 AND call_id = $2 AND to_number = $3";
const QUARANTINED_OF: &str = "SELECT tenant, call_id, key FROM quarantined_events WHERE tenant = $1 AND call_id = $2";
const QUARANTINED_NAMING: &str = "SELECT tenant, call_id, key, raw FROM quarantined_events \
    WHERE ($1 = '' OR tenant = $1) AND (raw LIKE $2 OR raw LIKE $3)";
const TEXTS_FROM: &str = "SELECT id FROM sms_inbound WHERE ($1 = '' OR tenant = $1) AND from_number = $2";
const ANSWERS_NAMING: &str = "SELECT tenant, key, answer FROM idempotency_keys \
    WHERE ($1 = '' OR tenant = $1) AND (answer LIKE $2 OR answer LIKE $3)";
const OPTED_OUT: &str = "SELECT tenant FROM opted_out WHERE number = $2 AND ($1 = '' OR tenant IN ($1, ''))";
/// What counts no longer. What is in force stays, with the number: nobody could keep to it otherwise.
const FORGET_WISHES: &str = "DELETE FROM opt_outs WHERE number = $2 AND ($1 = '' OR tenant = $1) \
    AND position NOT IN (SELECT position FROM opted_out WHERE number = $2)";

/// What an erasure comes to: found first, and then written.
#[derive(Default)]
struct Plan {
    /// What is counted as it is found: each thing once.
    counts: Counts,
    /// Calls, texts and alerts that are under way.
    live: BTreeSet<CallKey>,
    pending: BTreeSet<String>,
    running: BTreeSet<String>,
    /// Theirs, of which something is under way: left as they are.
    busy: BTreeSet<CallKey>,
    /// Whose caller is forgotten.
    own: BTreeSet<CallKey>,
    /// In which the number is named.
    naming: BTreeSet<CallKey>,
    /// Texts to them.
    gone: BTreeSet<String>,
    /// Texts about them.
    about: BTreeSet<String>,
    alerts: BTreeSet<String>,
    quarantined: BTreeSet<(String, String, String)>,
    /// In transactions of their own: what belongs together.
    groups: Vec<Vec<Statement>>,
}

impl Plan {
    fn counts(&self) -> Counts {
        let of = |count: usize| count as u64;
        Counts {
            calls: of(self.own.len()),
            mentions: of(self.naming.len()),
            texts: of(self.gone.len()),
            texts_about: of(self.about.len()),
            alerts: of(self.alerts.len()),
            quarantined: of(self.quarantined.len()),
            ..self.counts
        }
    }

    fn under_way(&self) -> UnderWay {
        let of = |count: usize| count as u64;
        UnderWay { calls: of(self.live.len()), texts: of(self.pending.len()), alerts: of(self.running.len()) }
    }
}

pub async fn look(ground: &impl Ground, erasure: &Erasure) -> Result<Erased, Failure> {
    let plan = Finder::of(ground, erasure).plan().await?;
    Ok(Erased { counts: plan.counts(), under_way: plan.under_way(), calls: plan.own.into_iter().collect() })
}

pub async fn forget(ground: &impl Ground, erasure: &Erasure) -> Result<Erased, Failure> {
    let finder = Finder::of(ground, erasure);
    let plan = finder.plan().await?;
    let mut under_way = plan.under_way();
    let traces = finder.traces.clone();
    let mut changed = Vec::new();
    let caller = Out { what: Forget::Caller, number: traces.as_ref() };
    let number = traces.as_ref().map(Out::number);
    let own = plan.own.iter().map(|call| (call, caller));
    let naming = plan.naming.iter().filter_map(|call| number.map(|out| (call, out)));
    for (call, out) in own.chain(naming) {
        if seal(ground, call, out, erasure.at).await? {
            changed.push(call.clone());
        } else {
            under_way.calls += 1;
        }
    }
    for group in &plan.groups {
        for some in group.chunks(AT_ONCE) {
            if ground.write(Turn::Any, some).await?.is_none() {
                // It began to be sent, or to run, since it was found.
                under_way.texts += 1;
            }
        }
    }
    ground.scrub().await?;
    Ok(Erased { counts: plan.counts(), under_way, calls: changed })
}

struct Finder<'a, G> {
    ground: &'a G,
    erasure: &'a Erasure,
    /// '' is every tenant.
    tenant: &'a str,
    number: Option<&'a PhoneNumber>,
    traces: Option<Traces>,
}

impl<'a, G: Ground> Finder<'a, G> {
    fn of(ground: &'a G, erasure: &'a Erasure) -> Finder<'a, G> {
        let number = match &erasure.whom {
            Whom::Number(number) => Some(number),
            Whom::Call(_) => None,
        };
        let tenant = erasure.tenant.as_ref().map_or("", TenantId::as_str);
        Finder { ground, erasure, tenant, number, traces: number.map(Traces::of) }
    }

    async fn plan(&self) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        self.own_calls(&mut plan).await?;
        if let (Some(number), Some(traces)) = (self.number, &self.traces) {
            let search = Search { tenant: self.tenant, traces };
            self.texts_of(number, &mut plan).await?;
            self.naming_calls(&search, &mut plan).await?;
            self.naming_words(&search, &mut plan).await?;
            self.wishes(number, &mut plan).await?;
        }
        Ok(plan)
    }

    async fn own_calls(&self, plan: &mut Plan) -> Result<(), Failure> {
        let lines = match (&self.erasure.whom, &self.traces) {
            (Whom::Call(call), _) => {
                self.ground.read(CALLS_OF_ID, vec![self.tenant.into(), call.as_str().into()]).await?
            }
            (Whom::Number(_), Some(traces)) => {
                let search = Search { tenant: self.tenant, traces };
                let mut lines = self.ground.read(CALLS_OF_NUMBER, search.args()).await?;
                lines.retain(|line| traces.is_number(line.text(3)));
                lines
            }
            (Whom::Number(_), None) => Vec::new(),
        };
        for line in lines {
            let call = line.call(0)?;
            if line.text(2) == "active" {
                plan.live.insert(call);
                continue;
            }
            let theirs = self.number.map_or_else(|| line.text(3), PhoneNumber::as_str).to_owned();
            let is_free = self.of_call(&call, &theirs, plan).await?;
            let calls = if is_free { &mut plan.own } else { &mut plan.busy };
            calls.insert(call);
        }
        Ok(())
    }

    /// What hangs on a call of theirs. False: something of it is under way.
    async fn of_call(&self, call: &CallKey, theirs: &str, plan: &mut Plan) -> Result<bool, Failure> {
        let args = || of_call_and(call, [theirs.into()]);
        let pending = self.ground.read(PENDING_OF, args()).await?;
        let alerts = self.ground.read(ALERTS_OF, of_call(call)).await?;
        let running: Vec<&Line> = alerts.iter().filter(|line| is_running(line)).collect();
        if !pending.is_empty() || !running.is_empty() {
            plan.pending.extend(pending.iter().map(key));
            plan.running.extend(running.into_iter().map(key));
            return Ok(false);
        }
        let out = Out { what: Forget::Caller, number: self.traces.as_ref() };
        for alert in &alerts {
            plan.alerts.insert(key(alert));
            plan.groups.push(self.alert(alert, out).await?);
        }
        let about = self.ground.read(TEXTS_ABOUT, args()).await?;
        plan.about.extend(about.iter().map(key));
        plan.groups.push(vec![Statement::new(EMPTY_TEXTS_ABOUT, args())]);
        let events = self.ground.read(QUARANTINED_OF, of_call(call)).await?;
        quarantined(&events, plan);
        if self.number.is_none() {
            let to = self.ground.read(TEXTS_TO_IN_CALL, args()).await?;
            texts_to(&to, plan);
        }
        Ok(true)
    }

    async fn texts_of(&self, number: &PhoneNumber, plan: &mut Plan) -> Result<(), Failure> {
        let args = || vec![self.tenant.into(), number.as_str().into()];
        texts_to(&self.ground.read(TEXTS_TO, args()).await?, plan);
        let from = self.ground.read(TEXTS_FROM, args()).await?;
        plan.counts.texts_from += count(&from);
        let gone = |line: &Line| Statement::new("DELETE FROM sms_inbound WHERE id = $1", [line.text(0).into()]);
        plan.groups.push(from.iter().map(gone).collect());
        Ok(())
    }

    async fn naming_calls(&self, search: &Search<'_>, plan: &mut Plan) -> Result<(), Failure> {
        for call in search.calls(self.ground).await? {
            if plan.own.contains(&call) || plan.busy.contains(&call) {
                continue;
            }
            if self.ground.read(IS_ACTIVE, of_call(&call)).await?.is_empty() {
                plan.naming.insert(call);
            } else {
                plan.live.insert(call);
            }
        }
        Ok(())
    }

    async fn naming_words(&self, search: &Search<'_>, plan: &mut Plan) -> Result<(), Failure> {
        let ground = self.ground;
        for (id, put) in TEXTS.masking(ground, search).await? {
            // Those of their own calls are emptied, those to them are gone.
            if !plan.gone.contains(&id) && plan.about.insert(id) {
                plan.groups.push(vec![put]);
            }
        }
        for words in [TEXT_ERRORS, ATTEMPT_ERRORS, INBOUND] {
            let puts = words.masking(ground, search).await?;
            plan.groups.push(puts.into_iter().map(|(_, put)| put).collect());
        }
        let pending = ground.read(PENDING_NAMING, search.args()).await?;
        let pending = pending.iter().filter(|line| search.traces.in_text(line.text(1))).map(key);
        plan.pending.extend(pending.filter(|id| !plan.gone.contains(id)).collect::<Vec<_>>());
        for alert in ground.read(ALERTS_NAMING, search.args()).await? {
            if !search.traces.in_text(alert.text(3)) {
                continue;
            }
            if is_running(&alert) {
                plan.running.insert(key(&alert));
            } else if plan.alerts.insert(key(&alert)) {
                plan.groups.push(self.alert(&alert, Out::number(search.traces)).await?);
            }
        }
        let mut events = ground.read(QUARANTINED_NAMING, search.args()).await?;
        events.retain(|line| search.traces.in_text(line.text(3)));
        quarantined(&events, plan);
        for line in ground.read(ANSWERS_NAMING, search.args()).await? {
            if search.traces.in_text(line.text(2)) {
                let key = [line.text(0).into(), line.text(1).into()];
                plan.counts.other += 1;
                let sql = "DELETE FROM idempotency_keys WHERE tenant = $1 AND key = $2";
                plan.groups.push(vec![Statement::new(sql, key)]);
            }
        }
        Ok(())
    }

    async fn wishes(&self, number: &PhoneNumber, plan: &mut Plan) -> Result<(), Failure> {
        let args = || -> Vec<Arg> { vec![self.tenant.into(), number.as_str().into()] };
        plan.counts.opt_outs_kept = count(&self.ground.read(OPTED_OUT, args()).await?);
        plan.groups.push(vec![Statement::new(FORGET_WISHES, args())]);
        Ok(())
    }

    /// The alert and its receipt without the words, only from the version that was read.
    async fn alert(&self, line: &Line, out: Out<'_>) -> Result<Vec<Statement>, Failure> {
        let (id, version) = (line.text(0), line.number(1)?);
        let Some(alert) = out.alert(line.text(3)) else {
            tracing::error!(alert.id = id, "alert cannot be read");
            return Ok(Vec::new());
        };
        let alert = Alert { version: alert.version + 1, ..alert };
        let put = [id.into(), json(&alert).into(), signed(alert.version).into(), version.into()];
        let mut statements = vec![Statement::new(PUT_ALERT, put).touching(1)];
        for entry in self.ground.read(RECEIPT, vec![id.into()]).await? {
            if let Some(what) = out.entry(entry.text(1)) {
                let args = [id.into(), entry.number(0)?.into(), what.into()];
                let sql = "UPDATE alert_events SET what = $3 WHERE alert_id = $1 AND seq = $2";
                statements.push(Statement::new(sql, args));
            }
        }
        Ok(statements)
    }
}

/// Each with its attempts, unless it is being sent.
fn texts_to(lines: &[Line], plan: &mut Plan) {
    for line in lines {
        if line.text(1) == "sending" {
            plan.pending.insert(key(line));
            continue;
        }
        plan.gone.insert(key(line));
        let of = |sql| Statement::new(sql, [line.text(0).into()]);
        plan.groups.push(vec![
            of("DELETE FROM sms_attempts WHERE sms_id = $1"),
            of("DELETE FROM sms_messages WHERE id = $1 AND state <> 'sending'").touching(1),
        ]);
    }
}

fn quarantined(lines: &[Line], plan: &mut Plan) {
    let sql = "DELETE FROM quarantined_events WHERE tenant = $1 AND call_id = $2 AND key = $3";
    let gone = |line: &Line| Statement::new(sql, [line.text(0).into(), line.text(1).into(), line.text(2).into()]);
    let key = |line: &Line| (line.text(0).to_owned(), line.text(1).to_owned(), line.text(2).to_owned());
    plan.quarantined.extend(lines.iter().map(key));
    plan.groups.push(lines.iter().map(gone).collect());
}

fn key(line: &Line) -> String {
    line.text(0).to_owned()
}

fn is_running(alert: &Line) -> bool {
    ["open", "escalated"].contains(&alert.text(2))
}

fn count(lines: &[Line]) -> u64 {
    lines.len() as u64
}
