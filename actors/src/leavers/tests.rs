//! What the carrier teaches, on memory ports.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use engine::ports::{CallStore, SmsOutbox};
use engine::priority::Priority;
use engine::sms::{AttemptToken, NewSms};
use engine::testing::memory::{ManualClock, MemoryBus, MemoryProvider, MemoryStore};
use engine::testing::{fixtures, frames};

use super::*;

struct World {
    store: Arc<MemoryStore>,
    leavers: Leavers,
    owed: NewSms,
}

async fn world() -> World {
    let store = Arc::new(MemoryStore::default());
    let leavers = Leavers::new(store.clone(), Arc::new(MemoryBus::default()), Tenants::new([fixtures::playbook()]));
    let call = frames::call("acme", "c1");
    let owed = frames::text(&call, "a", Priority::P1);
    let frame = frames::frame_owing(&call, 1, vec![owed.clone()]);
    CallStore::append(&*store, &[frame]).await;
    World { store, leavers, owed }
}

impl World {
    async fn is_out(&self) -> bool {
        self.store.is_opted_out(Some(&frames::tenant("acme")), &self.owed.to).await.unwrap()
    }
}

/// Knows one code, and refuses with it.
fn carrier(class: ErrorClass) -> MemoryProvider {
    MemoryProvider::answering(move |_| Some(SendOutcome::Rejected { code: 21610, class, message: "opted out".into() }))
}

#[tokio::test]
async fn a_carriers_refusal_teaches_who_has_opted_out() {
    for (class, is_out) in [(ErrorClass::Blocked, false), (ErrorClass::OptedOut, true)] {
        let world = world().await;
        let clock = Arc::new(ManualClock::at(frames::moment(0)));
        let listening = Listening { provider: Arc::new(carrier(class)), leavers: world.leavers.clone(), clock };
        let sms = SmsOutbox::find(&*world.store, None, world.owed.id).await.unwrap().unwrap();
        let token = AttemptToken::from_bits([1; 16]);
        let attempt = Attempt::new(sms.id, 1, "+15145550199".into(), token, frames::moment(0));
        let left = Arc::new(AtomicBool::new(false));
        let leaves = left.clone();
        listening.send_timed(&sms, &attempt, Arc::new(move || leaves.store(true, SeqCst))).await;
        assert_eq!(world.is_out().await, is_out, "{class:?}");
        assert!(left.load(SeqCst), "and the pool hears when it left");
    }
}
