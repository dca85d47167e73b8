//! The pool killed between any two of its steps, again and again on the same store: nothing is lost, nobody is told
//! twice, and what is unknown is found, sent again or held. KILLS in the environment says how often.

mod carrier;
mod gate;
mod lives;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use engine::ids::SmsId;
use engine::ports::{Checks, SmsFilter, SmsOutbox};
use engine::priority::Priority;
use engine::sms::{Sms, SmsState};
use engine::testing::memory::MemoryStore;
use engine::time::Timestamp;
use gateway::stores::sqlite::SqliteStore;

use self::lives::{Ends, Lives};

/// On the memory store, and on the one that syncs to disk.
const KILLS: (u64, u64) = (500, 100);

fn kills(usually: u64) -> u64 {
    std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).map_or(usually, |kills: u64| kills.max(usually))
}

#[test]
fn kills_between_any_two_steps_on_the_memory_store() {
    let store = Arc::<MemoryStore>::default();
    let lives = Lives::new(41, move || {
        let store: Arc<dyn SmsOutbox> = store.clone();
        async move { store }
    });
    holds("the memory store", &lives.story(kills(KILLS.0)));
}

#[test]
fn kills_between_any_two_steps_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cordboard.db");
    holds("sqlite", &Lives::new(43, move || opened(file.clone())).story(kills(KILLS.1)));
}

/// The test can fail: a claim that is only believed to be committed is noticed.
#[test]
fn a_claim_that_is_not_committed_is_noticed() {
    let store = Arc::<MemoryStore>::default();
    let mut lives = Lives::new(47, move || {
        let store: Arc<dyn SmsOutbox> = store.clone();
        async move { store }
    });
    lives.without_claim_rows();
    let told = broken_promises(&lives.story(20));
    assert!(told.iter().any(|broken| broken.contains("times")), "nobody noticed: {told:?}");
}

async fn opened(file: impl AsRef<Path>) -> Arc<dyn SmsOutbox> {
    Arc::new(SqliteStore::open(file.as_ref(), 2).await.expect("the store opens again"))
}

/// And tells it in one line.
fn holds(store: &str, ends: &Ends) {
    assert_eq!(broken_promises(ends), Vec::<String>::new());
    let count = |state| ends.messages.iter().filter(|sms| sms.state == state).count();
    let (kills, owed, again) =
        (ends.kills, ends.owed, ends.messages.iter().filter(|sms| sms.possible_duplicate).count());
    let (delivered, held) = (count(SmsState::Delivered), count(SmsState::Unknown));
    println!(
        "kills on {store}: {kills} kills, {owed} texts: 0 lost, 0 doubled, {delivered} delivered, {held} unknown, held \
         and listed, {again} sent again as a possible duplicate"
    );
    // Without these the story would prove nothing.
    assert!(kills * 4 > owed as u64, "only {kills} lives were cut");
    assert!(delivered * 4 > owed && held > 0, "{delivered} delivered, {held} held");
    assert!(again > 0, "none was sent again");
}

/// What each message suffered, in words.
fn broken_promises(ends: &Ends) -> Vec<String> {
    let mut taken: HashMap<SmsId, usize> = HashMap::new();
    ends.carrier.taken().into_iter().for_each(|id| *taken.entry(id).or_default() += 1);
    let mut broken: Vec<String> =
        ends.messages.iter().filter_map(|sms| wrong(sms, taken.get(&sms.id).copied().unwrap_or(0))).collect();
    if ends.messages.len() != ends.owed {
        broken.push(format!("{} owed, {} there", ends.owed, ends.messages.len()));
    }
    let held = ends.messages.iter().filter(|sms| sms.state == SmsState::Unknown).count();
    if ends.listed_unknown != held {
        broken.push(format!("{held} unknown, {} listed", ends.listed_unknown));
    }
    if ends.still_to_ask > 0 {
        broken.push(format!("{} attempts still searched for", ends.still_to_ask));
    }
    broken
}

fn wrong(sms: &Sms, taken: usize) -> Option<String> {
    let id = sms.id;
    let urgent = sms.priority <= Priority::P2;
    match sms.state {
        // The carrier's books show everything at once, so even one that was sent again is there once.
        _ if taken > 1 => Some(format!("{id} was taken {taken} times")),
        SmsState::Delivered if taken == 0 => Some(format!("{id} is said to be delivered and was never taken")),
        SmsState::Unknown if taken == 1 => Some(format!("{id} is held though the carrier has it")),
        SmsState::Unknown if urgent && !sms.possible_duplicate => Some(format!("{id} is urgent and was held")),
        SmsState::Delivered | SmsState::Unknown => None,
        other => Some(format!("{id} ended {other:?}")),
    }
}

/// Everything that is stored, or what is in one state.
async fn all_of(store: &dyn SmsOutbox, state: Option<SmsState>) -> Vec<Sms> {
    store.list(&SmsFilter { state, limit: usize::MAX >> 1, ..SmsFilter::default() }).await.expect("a list")
}

async fn to_ask(store: &dyn SmsOutbox, which: Checks) -> usize {
    store.checks(which, Timestamp::MAX, 10_000).await.expect("a list").len()
}
