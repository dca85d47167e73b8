//! A home that stops, falls silent or cuts its connections: everything is recorded, and is at home afterwards, once.

use std::time::Duration;

use engine::call::Frame;
use engine::ids::EventKey;
use engine::ports::{AppendError, CallStore, ClaimRequest, SmsOutbox};
use engine::priority::Priority;
use engine::sms::{SendOutcome, Sms, SmsState, settle};
use engine::testing::frames::{call, frame, frame_owing, frames, moment, text};
use gateway::stores::Store;
use gateway::stores::postgres::{PostgresSettings, PostgresStore};
use gateway::stores::spooled::{OutageSms, SpoolSettings, Spooled};
use sqlx::PgConnection;
use tempfile::TempDir;

use super::database::{self, Databases, server};
use super::proxy::{Proxy, Trouble};
use super::spooled::spool;

/// A database behind a proxy, a spool before it, and the database without the proxy.
pub struct World {
    databases: Databases,
    directory: TempDir,
    pub proxy: Proxy,
    url: String,
    /// The same, by way of the proxy.
    proxied: String,
    pub home: PostgresStore,
}

impl World {
    pub async fn new() -> Option<World> {
        let databases = Databases::on(server()?);
        let url = databases.fresh().await;
        let proxy = Proxy::before(&url).await;
        let home = database::open(&url).await;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let proxied = proxy.url_of(&url);
        Some(World { databases, directory, proxy, url, proxied, home })
    }

    /// The same spool every time, as after a restart.
    pub async fn node(&self) -> Spooled {
        self.node_with(spool(&self.directory, "spool.db")).await
    }

    async fn node_with(&self, spool: SpoolSettings) -> Spooled {
        let home = PostgresSettings {
            acquire_within: Duration::from_millis(1_500),
            statement_within: Duration::from_secs(2),
            ..database::settings(&self.proxied)
        };
        // Longer than a busy machine takes, and not so long that silence takes for ever to be noticed.
        let spool = SpoolSettings { patience: Duration::from_secs(2), ..spool };
        Spooled::open(&home, spool).await.expect("a store opens")
    }

    /// Appending waits for whoever holds this lock.
    async fn nobody_appends(&self) -> PgConnection {
        let mut holder = database::connect(&self.url).await;
        sqlx::query("SELECT pg_advisory_lock(1668248164, 0)").execute(&mut holder).await.expect("it is held");
        holder
    }

    pub async fn over(self) {
        self.databases.dropped().await;
    }
}

/// Until home has everything.
pub async fn home_again(node: &Spooled) {
    let returned = async {
        while !node.troubles().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let returned = tokio::time::timeout(Duration::from_secs(60), returned).await;
    assert!(returned.is_ok(), "{:?}", node.troubles());
}

async fn seqs(store: &impl CallStore, name: &str) -> Vec<u64> {
    let timeline = store.timeline(&call("acme", name), 0, 1_000).await.expect("it can be read");
    timeline.iter().map(|frame| frame.seq).collect()
}

fn to(count: u64) -> Vec<u64> {
    (1..=count).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_while_home_is_gone_is_there_afterwards_once() {
    for mode in [Trouble::Refuse, Trouble::BlackHole, Trouble::Reset] {
        let Some(world) = World::new().await else { return };
        let node = world.node().await;
        let (before, during) = (call("acme", "before"), call("acme", "during"));
        assert_eq!(node.append(&frames(&before, 1, 3)).await, [Ok(()), Ok(()), Ok(())]);
        world.proxy.set(mode).await;
        for seq in 4..=9 {
            assert_eq!(
                node.append(&[frame(&before, seq), frame(&during, seq - 3)]).await,
                [Ok(()), Ok(())],
                "{mode:?}"
            );
        }
        assert!(node.ping().await.is_ok() && node.troubles()[0].contains("12 frames wait"), "{:?}", node.troubles());
        assert_eq!(node.load(&during).await.unwrap().unwrap().state.seq, 6, "known from the spool");
        world.proxy.heal().await;
        home_again(&node).await;
        assert_eq!(node.append(&[frame(&before, 10)]).await, [Ok(())]);
        assert_eq!(seqs(&world.home, "before").await, to(10), "{mode:?}");
        assert_eq!(seqs(&world.home, "during").await, to(6), "{mode:?}");
        assert_eq!(world.home.load(&during).await.unwrap().unwrap().state.seq, 6);
        node.close().await;
        world.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_which_nobody_knows_what_was_committed_has_every_frame_once() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let c1 = call("acme", "c1");
    assert_eq!(node.append(&[frame(&c1, 1)]).await, [Ok(())]);
    // As if the first had been committed without anybody being told.
    world.proxy.set(Trouble::BlackHole).await;
    assert_eq!(world.home.append(&[frame(&c1, 2)]).await, [Ok(())]);
    assert_eq!(node.append(&frames(&c1, 2, 4)).await, [Ok(()), Ok(()), Ok(())]);
    world.proxy.heal().await;
    home_again(&node).await;
    assert_eq!(seqs(&world.home, "c1").await, to(4));
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_went_on_elsewhere_is_joined() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let c1 = call("acme", "c1");
    assert_eq!(node.append(&frames(&c1, 1, 2)).await, [Ok(()), Ok(())]);
    world.proxy.set(Trouble::Refuse).await;
    assert_eq!(node.append(&frames(&c1, 3, 5)).await, [Ok(()), Ok(()), Ok(())]);
    let theirs = |seq| Frame { key: EventKey::new(format!("theirs:{seq}")), ..frame(&c1, seq) };
    assert_eq!(world.home.append(&[theirs(3), theirs(4)]).await, [Ok(()), Ok(())]);
    world.proxy.heal().await;
    home_again(&node).await;
    let timeline = world.home.timeline(&c1, 0, 99).await.unwrap();
    assert_eq!(timeline.iter().map(|frame| frame.seq).collect::<Vec<_>>(), to(7));
    for key in ["ev:3", "ev:4", "ev:5", "theirs:3", "theirs:4"] {
        assert!(world.home.recorded(&c1, &EventKey::new(key)).await.unwrap().is_some(), "{key}");
    }
    assert_eq!(world.home.load(&c1).await.unwrap().unwrap().state.seq, 7);
    // Whoever still has the call in memory as it was here is told that it has moved on.
    assert_eq!(node.append(&[frame(&c1, 6)]).await, [Err(AppendError::Conflict)]);
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_text_leaves_while_home_is_gone_and_arrives_there_as_it_is() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let c1 = call("acme", "c1");
    world.proxy.set(Trouble::BlackHole).await;
    let (urgent, other) = (text(&c1, "flood", Priority::P1), text(&c1, "quote", Priority::P3));
    assert_eq!(node.append(&[frame_owing(&c1, 1, vec![urgent.clone(), other.clone()])]).await, [Ok(())]);
    let due = node.candidates(moment(1), 10).await.unwrap().due;
    assert_eq!(due.iter().flatten().map(|candidate| candidate.id).collect::<Vec<_>>(), [urgent.id], "p1 alone");
    let asked = [ClaimRequest { id: urgent.id, sender: "+15145550100".into() }];
    let claim = node.claim(&asked, moment(2)).await.unwrap().remove(0).expect("claimed");
    let accepted = settle(&claim.sms, &SendOutcome::Accepted { provider_id: "X1".into() }, 0, moment(3));
    node.settle(urgent.id, claim.attempt.number, &accepted, moment(3)).await.unwrap();
    world.proxy.heal().await;
    home_again(&node).await;
    let find = async |id| SmsOutbox::find(&world.home, None, id).await.unwrap().expect("it is at home");
    assert_eq!(find(urgent.id).await.state, SmsState::Accepted);
    let attempts = world.home.attempts(urgent.id).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.token.clone()).collect::<Vec<_>>(), [claim.attempt.token]);
    assert_eq!(find(other.id).await.state, SmsState::Queued, "it waits for its turn at home");
    assert_eq!(node.candidates(moment(4), 10).await.unwrap().due[2].len(), 1);
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_being_sent_when_home_goes_is_settled_and_nobody_sends_it_again() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let c1 = call("acme", "c1");
    let urgent = text(&c1, "flood", Priority::P1);
    assert_eq!(node.append(&[frame_owing(&c1, 1, vec![urgent.clone()])]).await, [Ok(())]);
    let asked = [ClaimRequest { id: urgent.id, sender: "+15145550100".into() }];
    let claim = node.claim(&asked, moment(2)).await.unwrap().remove(0).expect("claimed at home");
    world.proxy.set(Trouble::Refuse).await;
    let accepted = settle(&claim.sms, &SendOutcome::Accepted { provider_id: "X1".into() }, 0, moment(3));
    assert!(node.settle(urgent.id, 1, &accepted, moment(3)).await.unwrap().moved);
    assert!(node.candidates(moment(4), 10).await.unwrap().due.iter().all(Vec::is_empty));
    world.proxy.heal().await;
    home_again(&node).await;
    let sms: Sms = SmsOutbox::find(&world.home, None, urgent.id).await.unwrap().expect("it is at home");
    assert_eq!((sms.state, sms.attempts), (SmsState::Accepted, 1));
    assert_eq!(world.home.attempts(urgent.id).await.unwrap().len(), 1);
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_without_home_finds_everything_again() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    assert_eq!(node.append(&frames(&c1, 1, 2)).await, [Ok(()), Ok(())]);
    world.proxy.set(Trouble::Refuse).await;
    assert_eq!(node.append(&[frame(&c1, 3), frame(&c2, 1)]).await, [Ok(()), Ok(())]);
    // Not closed: as after a kill, the write-ahead log is all there is.
    drop(node);
    let again = world.node().await;
    assert!(again.troubles()[0].contains("2 frames wait"), "{:?}", again.troubles());
    assert_eq!(again.load(&c1).await.unwrap().unwrap().state.seq, 3);
    assert_eq!(again.append(&[frame(&c1, 4)]).await, [Ok(())]);
    world.proxy.heal().await;
    home_again(&again).await;
    assert_eq!((seqs(&world.home, "c1").await, seqs(&world.home, "c2").await), (to(4), to(1)));
    again.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_the_frames_sees_each_through_an_outage() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let c1 = call("acme", "c1");
    let (mut position, mut seen) = (node.last_position().await.unwrap(), Vec::new());
    let mut follow = async |upto: u64| {
        while seen.last() != Some(&upto) {
            let read = node.frames_after(position, 2).await.unwrap();
            position = read.last().map_or(position, |(frame, _)| frame.position);
            seen.extend(read.iter().map(|(frame, _)| frame.seq));
        }
        seen.clone()
    };
    assert_eq!(node.append(&frames(&c1, 1, 3)).await, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(follow(3).await, to(3));
    world.proxy.set(Trouble::Refuse).await;
    assert_eq!(node.append(&frames(&c1, 4, 6)).await, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(follow(6).await, to(6), "shown from the spool");
    world.proxy.heal().await;
    home_again(&node).await;
    assert_eq!(node.append(&[frame(&c1, 7)]).await, [Ok(())]);
    let mut all = follow(7).await;
    all.dedup();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, to(7), "each at least once");
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_facts_first() {
    let Some(world) = World::new().await else { return };
    let node = world.node_with(SpoolSettings { max_frames: 10, ..spool(&world.directory, "spool.db") }).await;
    world.proxy.set(Trouble::Refuse).await;
    let c1 = call("acme", "c1");
    assert!(node.append(&frames(&c1, 1, 10)).await.iter().all(Result::is_ok));
    let asked = |seq| Frame {
        answer: engine::call::Answer::Tool(engine::call::ToolAnswer::Result("done".into())),
        ..frame(&c1, seq)
    };
    assert!(matches!(node.append(&[frame(&c1, 11)]).await[..], [Err(AppendError::Unavailable(_))]));
    assert_eq!(node.append(&[asked(11)]).await, [Ok(())]);
    assert!(matches!(node.append(&[asked(12)]).await[..], [Err(AppendError::Unavailable(_))]));
    world.proxy.heal().await;
    home_again(&node).await;
    assert_eq!(node.append(&[frame(&c1, 12)]).await, [Ok(())]);
    assert_eq!(seqs(&world.home, "c1").await, to(12));
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_hold_no_text_leaves_and_with_all_every_one_may() {
    for (outage_sms, leave) in [(OutageSms::Hold, 0), (OutageSms::P1, 1), (OutageSms::All, 4)] {
        let Some(world) = World::new().await else { return };
        let node = world.node_with(SpoolSettings { outage_sms, ..spool(&world.directory, "spool.db") }).await;
        world.proxy.set(Trouble::Refuse).await;
        for (n, priority) in Priority::ALL.into_iter().enumerate() {
            let key = call("acme", &format!("c{n}"));
            assert_eq!(node.append(&[frame_owing(&key, 1, vec![text(&key, "r", priority)])]).await, [Ok(())]);
        }
        let due = node.candidates(moment(1), 10).await.unwrap().due;
        assert_eq!(due.iter().flatten().count(), leave, "{outage_sms:?}");
        world.proxy.heal().await;
        home_again(&node).await;
        assert_eq!(node.candidates(moment(1), 10).await.unwrap().due.iter().flatten().count(), 4, "{outage_sms:?}");
        node.close().await;
        world.over().await;
    }
}

/// Another node may be sending it already: if home is back in a moment, once was enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_text_that_home_may_have_as_well_waits_a_moment_and_the_next_ones_do_not() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let mut holder = world.nobody_appends().await;
    let (doubtful, certain) = (call("acme", "c1"), call("acme", "c2"));
    let due = async |at| {
        let [urgent, ..] = node.candidates(at, 10).await.unwrap().due;
        urgent.into_iter().map(|candidate| candidate.call).collect::<Vec<_>>()
    };
    for call in [&doubtful, &certain] {
        let owing = frame_owing(call, 1, vec![text(call, "r", Priority::P1)]);
        assert_eq!(node.append(&[owing]).await, [Ok(())]);
    }
    assert_eq!(due(moment(0)).await, [Some(certain.call.clone())]);
    assert_eq!(due(moment(1)).await.len(), 2);
    sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut holder).await.unwrap();
    home_again(&node).await;
    assert_eq!(due(moment(1)).await.len(), 2);
    node.close().await;
    world.over().await;
}

/// Home may have committed a text while its answer is on the way to us: whoever sent it then would send it twice if the
/// answer is late and the text goes on in the spool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_sent_by_nobody_before_it_is_known_where_it_is() {
    let Some(world) = World::new().await else { return };
    let patient = SpoolSettings { patience: Duration::from_secs(60), ..spool(&world.directory, "spool.db") };
    let node = Spooled::open(&database::settings(&world.proxied), patient).await.expect("a store opens");
    let call = call("acme", "c1");
    let owed = text(&call, "a", Priority::P1);
    let mut holder = world.nobody_appends().await;
    let frames = [frame_owing(&call, 1, vec![owed.clone()])];
    let appending = node.append(&frames);
    let mut appending = std::pin::pin!(appending);
    let begun = futures_util::poll!(&mut appending);
    assert!(begun.is_pending());
    // As if the transaction had ended, and only its answer were missing.
    world.home.submit(&engine::sms::NewSms { call: None, ..owed.clone() }, None).await.unwrap();
    let request = ClaimRequest { id: owed.id, sender: "+15145550199".into() };
    let claim = async || node.claim(std::slice::from_ref(&request), moment(20)).await.unwrap().remove(0).is_ok();
    assert!(!claim().await && node.candidates(moment(20), 9).await.unwrap().due.iter().all(Vec::is_empty));
    sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut holder).await.unwrap();
    assert_eq!(appending.await, [Ok(())]);
    assert!(claim().await);
    node.close().await;
    world.over().await;
}
