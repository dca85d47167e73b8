//! Walks of a roster on paused time, with a wall clock that can be set apart from it.

mod answers;
mod deadman;
mod nodes;
mod push;
mod undelivered;

use std::sync::atomic::{AtomicI64, Ordering};

use engine::alert::{CallName, Fate, Reason};
use engine::call::EventKind;
use engine::ids::CallKey;
use engine::playbook::Playbook;
use engine::ports::{AlertStore, AlertsWanted, Bell, CallOutcome, Clock, Election, Heard, Replies, Reply, SmsOutbox};
use engine::testing::fixtures;
use engine::testing::memory::{MemoryProvider, MemoryPusher, MemoryStore, MemoryTelephony};
use engine::time::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::deadman::Watch;
use crate::system::{Ports, Senders, System};
use crate::tenants::Tenants;

/// A minute for an answer; the owner by text and phone, then the two others by text; everything twice.
const PLAYBOOK: &str = r#"
tenant = "acme"
name = "Acme Drains"
language = "en"
[contacts]
owner = { phone = "+15145550110" }
on_call = { phone = "+15145550111", language = "fr" }
boss = { phone = "+15145550112" }
[rosters.emergency]
repeat = 1
steps = [{ contacts = ["owner"], by = ["sms", "call"] }, { contacts = ["on_call", "boss"] }]
[priorities.P1]
reason = "emergency"
phrases = ["flood"]
roster = "emergency"
text_within_s = 0
acknowledge_within_s = 60
[priorities.P2]
reason = "municipal"
phrases = ["city of"]
text = ["boss"]
text_within_s = 120
[priorities.P3]
reason = "roots"
phrases = ["roots"]
text = ["owner"]
text_within_s = 3600
[priorities.P4]
reason = "standard"
text = ["owner"]
text_within_s = 1800
[reception]
assistant = "assistant-acme"
[templates.alert]
en = "{{ business }} {{ priority }}: {{ message }}"
fr = "{{ business }} {{ priority }}: {{ message }}"
"#;

/// The wall clock: time as it passes, and by how much it was set.
struct SetClock {
    born: Instant,
    set_by_ms: AtomicI64,
}

impl SetClock {
    fn set_by(&self, hours: i64) {
        self.set_by_ms.fetch_add(hours * 3_600_000, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let passed = self.born.elapsed().as_millis() as i64 + self.set_by_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(fixtures::at(0).as_millis() + passed)
    }
}

/// What outlives a process: the store, the telephone network, time.
struct World {
    memory: Arc<MemoryStore>,
    telephony: Arc<MemoryTelephony>,
    pusher: Arc<MemoryPusher>,
    provider: Arc<MemoryProvider>,
    clock: Arc<SetClock>,
    watch: Option<Watch>,
    tenants: Tenants,
    born: Instant,
}

impl World {
    fn new() -> World {
        World::of(PLAYBOOK)
    }

    fn of(playbook: &str) -> World {
        let born = Instant::now();
        World {
            memory: Arc::default(),
            telephony: Arc::default(),
            pusher: Arc::default(),
            provider: Arc::default(),
            clock: Arc::new(SetClock { born, set_by_ms: AtomicI64::new(0) }),
            tenants: Tenants::new([Playbook::parse(playbook, "acme.toml").unwrap()]),
            watch: None,
            born,
        }
    }

    async fn start(&self) -> System {
        self.start_with(Limits::default(), None, None).await
    }

    async fn start_with(
        &self,
        limits: Limits,
        election: Option<Arc<dyn Election>>,
        bell: Option<Arc<dyn Bell>>,
    ) -> System {
        let feed = LocalBus::new(limits.live_backlog);
        let ports = Ports {
            calls: self.memory.clone(),
            outbox: self.memory.clone(),
            ledger: self.memory.clone(),
            opt_outs: self.memory.clone(),
            provider: self.provider.clone(),
            reports: None,
            bus: Arc::new(feed.clone()),
            feed,
            outside: None,
            cache: None,
            control: None,
            forwarder: Arc::new(crate::testing::TestForwarder::default()),
            alerts: self.memory.clone(),
            telephony: self.telephony.clone(),
            pusher: self.pusher.clone(),
            clock: self.clock.clone(),
            watch: self.watch.clone(),
            election,
            bell,
        };
        let senders = Senders { names: vec!["+15005550006".to_owned()], per_second: None, ..Senders::default() };
        System::start(ports, self.tenants.clone(), senders, limits).await.unwrap()
    }

    async fn alert(&self) -> Alert {
        let alerts = self.memory_alerts().await;
        assert_eq!(alerts.len(), 1, "one alert per call and reason");
        alerts.into_iter().next().unwrap()
    }

    async fn memory_alerts(&self) -> Vec<Alert> {
        self.memory.alerts(&AlertsWanted { limit: 10, ..AlertsWanted::default() }).await.unwrap()
    }

    /// Who was texted, and how many seconds of real time after the start, oldest first.
    async fn texted(&self) -> Vec<(String, String)> {
        let mut texts = self.memory.latest(None, 100).await.unwrap();
        texts.sort_by_key(|sms| (sms.created_at, sms.contact.clone()));
        texts.into_iter().map(|sms| (sms.contact.to_string(), sms.body.to_string())).collect()
    }

    async fn names(&self) -> Vec<String> {
        self.texted().await.into_iter().map(|(name, _)| name).collect()
    }

    /// Lets so many seconds pass since the beginning.
    async fn at(&self, seconds: u64) {
        tokio::time::sleep_until(self.born + Duration::from_secs(seconds)).await;
        settle().await;
    }

    /// Just before and just after this second.
    async fn around(&self, seconds: u64) -> (usize, usize) {
        tokio::time::sleep_until(self.born + Duration::from_secs(seconds) - Duration::from_millis(2)).await;
        settle().await;
        let before = self.names().await.len();
        tokio::time::sleep_until(self.born + Duration::from_secs(seconds) + Duration::from_millis(2)).await;
        settle().await;
        (before, self.names().await.len())
    }
}

async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// As a kill would: nothing more is done, and nothing is said.
async fn kill(system: System) {
    system.alerts.stopping.store(true, Ordering::SeqCst);
    let actor = system.alerts.actor.read().clone().expect("it leads");
    let _ = actor.kill_and_wait(None).await;
    system.stop(Instant::now()).await;
}

fn key() -> CallKey {
    fixtures::key("c1")
}

async fn tell(system: &System, n: u64, kind: EventKind) {
    system.calls.apply(&key(), "test", vec![fixtures::event(kind, n)]).await.unwrap();
    settle().await;
}

async fn alarm(system: &System, n: u64, priority: &str, message: &str) {
    let id = format!("tc{n}");
    let asked = fixtures::tool_call(&id, "sendSMSAlert", json!({"priority": priority, "message": message}));
    tell(system, n, asked).await;
}

/// A text from this number, and what is said back.
async fn says(system: &System, number: &str, words: &str) -> Option<String> {
    let (from, at) = (number.parse().unwrap(), Timestamp::from_millis(0));
    let tenants = system.tenants.in_force().playbooks.iter().map(|playbook| playbook.tenant.clone()).collect();
    let reply = Reply { tenants, from, body: words.into(), message: "m1".into(), at };
    match system.alerts.hear(&reply).await.unwrap() {
        Heard::Answered { say } => Some(say),
        Heard::NothingOpen => None,
    }
}

#[tokio::test(start_paused = true)]
async fn with_nobody_answering_the_whole_roster_is_walked_exactly_on_time() {
    let world = World::new();
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    assert_eq!(world.names().await, ["owner"], "the first step is told with the call's own frame");
    assert_eq!(world.telephony.placed().len(), 1, "and phoned at once");
    assert_eq!(world.around(60).await, (1, 3));
    assert_eq!(world.alert().await.state, AlertState::Escalated);
    assert_eq!(world.around(120).await, (3, 4));
    assert_eq!(world.telephony.placed().len(), 2);
    assert_eq!(world.around(180).await, (4, 6));
    assert_eq!(world.around(240).await, (6, 6));
    let alert = world.alert().await;
    assert_eq!((alert.state, alert.next_at), (AlertState::Unanswered, None));
    world.at(4_000).await;
    assert_eq!(world.names().await.len(), 6, "then nobody is told any more");
    assert_eq!(world.names().await, ["owner", "boss", "on_call", "owner", "boss", "on_call"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_a_reply_and_the_api_each_stop_it_and_tell_the_others_once() {
    for how in [How::Keypress, How::Reply, How::Api] {
        let world = World::new();
        if how == How::Keypress {
            world.telephony.will("owner", CallOutcome::Answered { answer: Some(Answer::Take) });
        }
        let system = world.start().await;
        alarm(&system, 1, "P1", "water").await;
        if how != How::Keypress {
            world.at(61).await;
        }
        match how {
            How::Reply => drop(says(&system, "+15145550111", "J'y vais!").await.unwrap()),
            How::Api => drop(system.alerts.acknowledge(world.alert().await.id, "jo", how).await.unwrap().unwrap()),
            _ => {}
        }
        settle().await;
        let alert = world.alert().await;
        let taken = alert.acknowledged.expect("somebody took it");
        assert_eq!((alert.state, taken.how), (AlertState::Acknowledged, how));
        world.at(1_000).await;
        let said: Vec<String> = world
            .texted()
            .await
            .into_iter()
            .filter(|(_, body)| body.contains("tak") || body.contains("occupe"))
            .map(|(name, _)| name)
            .collect();
        let others: &[&str] = match how {
            How::Keypress => &[],
            How::Reply => &["boss", "owner"],
            _ => &["boss", "on_call", "owner"],
        };
        assert_eq!(said, others, "{how:?}");
        assert_eq!(world.telephony.placed().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_passes_it_on_has_the_next_step_told_at_once() {
    let world = World::new();
    world.telephony.will("owner", CallOutcome::Answered { answer: Some(Answer::Pass) });
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    world.at(1).await;
    assert_eq!(world.names().await, ["boss", "on_call", "owner"], "all within the same millisecond");
    assert_eq!(world.around(60).await.0, 3, "and a whole minute is waited for them");
}

#[tokio::test(start_paused = true)]
async fn an_answering_machine_takes_nothing_and_a_late_answer_counts() {
    let world = World::new();
    world.telephony.will("owner", CallOutcome::Machine);
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    world.at(300).await;
    let alert = world.alert().await;
    assert_eq!(alert.state, AlertState::Unanswered);
    assert_eq!(says(&system, "+15145550199", "ok").await, None, "a stranger");
    assert!(says(&system, "+15145550110", "ok").await.is_some());
    let taken = world.alert().await;
    assert_eq!((taken.id, taken.state), (alert.id, AlertState::Acknowledged));
}

#[tokio::test(start_paused = true)]
async fn a_key_leads_to_whoever_pressed_it_also_after_a_restart_and_says_what_came_of_it() {
    let world = World::new();
    world.telephony.will("owner", CallOutcome::Unknown { why: "cut".into() });
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    let alert = world.alert().await;
    let name: CallName = world.telephony.placed()[0].id.parse().unwrap();
    drop(system);
    let system = world.start().await;
    let press = async |tenant: &str, answer| {
        system.alerts.keyed(&name, |whose| whose.as_str() == tenant, answer).await.unwrap()
    };
    assert_eq!(press("somebody-else", Answer::Take).await, None, "another business's account proves nothing here");
    assert!(press(alert.tenant.as_str(), Answer::Pass).await.is_some());
    assert!(world.alert().await.state.is_running());
    let said = press(alert.tenant.as_str(), Answer::Take).await.unwrap();
    let taken = world.alert().await.acknowledged.unwrap();
    assert_eq!((&*taken.by, taken.how), ("owner", How::Keypress));
    assert_eq!(said, "Noted, thank you: it is yours.");
    let other = CallName::new(alert.id, alert.place, "nobody");
    assert_eq!(system.alerts.keyed(&other, |_| true, Answer::Take).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn kills_between_any_two_steps_tell_nobody_twice_and_delay_nothing() {
    let world = World::new();
    let mut system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    let mut walked = Vec::new();
    for second in (20..=260).step_by(20) {
        world.at(second).await;
        walked.push(world.names().await.len());
        kill(system).await;
        system = world.start().await;
        settle().await;
        assert_eq!(world.names().await.len(), *walked.last().unwrap(), "a start tells nobody anything new");
    }
    assert_eq!(walked, [1, 1, 3, 3, 3, 4, 4, 4, 6, 6, 6, 6, 6]);
    assert_eq!(world.telephony.placed().len(), 2);
    assert_eq!(world.alert().await.state, AlertState::Unanswered);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_moves_no_deadline_nor_does_a_kill_after_it() {
    for (hours, killed) in [(1, false), (-1, false), (1, true), (-1, true)] {
        let world = World::new();
        let mut system = world.start().await;
        alarm(&system, 1, "P1", "water").await;
        world.at(30).await;
        world.clock.set_by(hours);
        world.at(33).await;
        if killed {
            kill(system).await;
            system = world.start().await;
        }
        let (before, after) = world.around(60).await;
        assert_eq!((before, after), (1, 3), "{hours} h, killed: {killed}");
        world.clock.set_by(-hours);
        assert_eq!(world.around(120).await, (3, 4), "{hours} h, killed: {killed}");
        drop(system);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_while_nothing_ran_skips_no_step_and_holds_nobody_up_for_longer_than_a_step() {
    for (hours, told_at) in [(1, 30), (-1, 90)] {
        let world = World::new();
        let system = world.start().await;
        alarm(&system, 1, "P1", "water").await;
        world.at(30).await;
        kill(system).await;
        world.clock.set_by(hours);
        let _system = world.start().await;
        world.at(told_at + 1).await;
        assert_eq!(world.names().await.len(), 3, "{hours} h: one step, not all that seem overdue");
        assert_eq!(world.around(told_at + 60).await, (3, 4), "{hours} h");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_says_waits_for_the_agent_and_is_told_once() {
    let world = World::new();
    let system = world.start().await;
    let heard = fixtures::tool_call("t0", "classifyPriority", json!({"description": "a flood"}));
    tell(&system, 1, heard).await;
    assert_eq!((world.alert().await.state, world.names().await.len()), (AlertState::Open, 0));
    world.at(10).await;
    alarm(&system, 2, "P1", "water at 12 Example Street").await;
    world.at(40).await;
    assert_eq!(world.names().await, ["owner"], "the agent said it itself, and that was enough");
    assert!(world.alert().await.words.message.contains("Example Street"));
    assert_eq!(world.around(70).await, (1, 3), "a minute after the owner was told");
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_never_says_is_told_after_a_while_or_when_the_call_is_over() {
    for (ends, told_at) in [(false, 20), (true, 5)] {
        let world = World::new();
        let system = world.start().await;
        tell(&system, 1, fixtures::tool_call("t0", "classifyPriority", json!({"description": "a flood"}))).await;
        world.at(5).await;
        if ends {
            tell(&system, 2, EventKind::Ended(fixtures::hung_up())).await;
        }
        world.at(told_at).await;
        assert_eq!(world.names().await, ["owner"], "ends: {ends}");
        assert_eq!(world.telephony.placed().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_more_urgent_word_begins_the_roster_of_its_own_priority() {
    let world = World::new();
    let system = world.start().await;
    alarm(&system, 1, "P2", "the city is calling").await;
    assert_eq!(world.names().await, ["boss"]);
    world.at(10).await;
    alarm(&system, 2, "P1", "it floods").await;
    let alert = world.alert().await;
    assert_eq!((alert.priority, alert.reason), (Priority::P1, Reason::Call));
    assert_eq!(world.names().await, ["boss", "owner"]);
    assert_eq!(world.around(70).await, (2, 4));
}

#[tokio::test(start_paused = true)]
async fn an_alert_nobody_has_to_answer_closes_by_itself() {
    let world = World::new();
    let system = world.start().await;
    alarm(&system, 1, "P4", "a slow sink").await;
    world.at(3 * 3600).await;
    assert_eq!(world.alert().await.state, AlertState::Open);
    world.at(5 * 3600).await;
    assert_eq!(world.alert().await.state, AlertState::Resolved);
    assert_eq!(world.names().await, ["owner"]);
    drop(system);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_is_unknown_and_never_placed_again() {
    let world = World::new();
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    kill(system).await;
    // As a kill leaves it between the claim and the end of the call.
    let alert = world.alert().await;
    let mut cut = alert.clone();
    cut.version += 1;
    let call = cut.told.iter_mut().find(|told| told.by == engine::alert::Way::Call).unwrap();
    call.fate = Fate::Dialling;
    let change = engine::alert::Change { alert: cut, entries: Vec::new(), texts: Vec::new() };
    assert!(world.memory.write(&change).await.unwrap());
    let _system = world.start().await;
    world.at(50).await;
    assert_eq!(world.telephony.placed().len(), 1);
    let call = world.alert().await.told.into_iter().find(|told| told.by == engine::alert::Way::Call).unwrap();
    assert_eq!(call.fate, Fate::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_drill_walks_the_roster_and_says_that_it_is_one() {
    let world = World::new();
    let system = world.start().await;
    let tenant = key().tenant;
    let alert = system.alerts.drill(&tenant, Priority::P1, "n1").await.unwrap().unwrap();
    settle().await;
    assert_eq!(alert.reason, Reason::Drill);
    world.at(61).await;
    let texted = world.texted().await;
    assert_eq!(texted.len(), 3);
    assert!(texted.iter().all(|(_, body)| body.contains("TEST")), "{texted:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_works_for_two_businesses_answers_the_one_that_told_them_last() {
    for last in ["acme", "beta"] {
        let playbooks = ["acme", "beta"].map(|tenant| {
            let text = PLAYBOOK.replace("\"acme\"", &format!("\"{tenant}\"")).replace("assistant-acme", tenant);
            Playbook::parse(&text, "business.toml").unwrap()
        });
        let world = World { tenants: Tenants::new(playbooks), ..World::new() };
        let system = world.start().await;
        let first = if last == "acme" { "beta" } else { "acme" };
        for (n, tenant) in [first, last].into_iter().enumerate() {
            world.at(1 + n as u64).await;
            let tenant = TenantId::parse(tenant).unwrap();
            system.alerts.drill(&tenant, Priority::P1, "n1").await.unwrap().unwrap();
            settle().await;
        }
        assert!(says(&system, "+15145550110", "1").await.is_some());
        let alerts = world.memory_alerts().await;
        let taken: Vec<&str> = alerts.iter().filter(|it| !it.state.is_running()).map(|it| it.tenant.as_str()).collect();
        assert_eq!(taken, [last]);
    }
}
