//! What a [`CallHistory`] promises.

use std::sync::Arc;

use crate::call::{Call, Frame, Phase};
use crate::ids::CallKey;
use crate::ports::{CallHistory, CallStore, CallsWanted, PlaceInHistory};
use crate::priority::Priority;
use crate::testing::frames::{call, frame, moment, state, tenant};

pub async fn calls_are_listed_newest_first_page_by_page<S: CallStore + CallHistory>(store: &S) {
    // Two of them began at one moment, and two are of one name.
    let calls = [("acme", "c1", 10), ("acme", "c2", 20), ("acme", "c3", 20), ("other", "c3", 20), ("acme", "c4", 30)];
    for (tenant, id, at) in calls {
        begin(store, &call(tenant, id), at).await;
    }
    let whole = names(&page(store, &CallsWanted { limit: 9, ..CallsWanted::default() }).await);
    assert_eq!(whole, ["acme/c4", "other/c3", "acme/c3", "acme/c2", "acme/c1"]);

    let mut wanted = CallsWanted { limit: 2, ..CallsWanted::default() };
    let mut seen = Vec::new();
    loop {
        let found = page(store, &wanted).await;
        let Some(last) = found.last() else { break };
        wanted.after = Some(PlaceInHistory::of(last));
        seen.extend(names(&found));
        // What begins meanwhile moves no page.
        begin(store, &call("acme", &format!("later-{}", seen.len())), 99).await;
    }
    assert_eq!(seen, whole);
}

pub async fn a_list_shows_the_calls_that_were_asked_for<S: CallStore + CallHistory>(store: &S) {
    let of = |phase, at, change: fn(&mut Call)| {
        let mut call = Call { started_at: moment(at), ..state(1, phase) };
        change(&mut call);
        call
    };
    for (tenant, id, state) in [
        ("acme", "live", of(Phase::InProgress, 10, |call| call.priority = Some(Priority::P1))),
        ("acme", "ended", of(Phase::Ended, 20, |call| call.priority = Some(Priority::P1))),
        ("acme", "broken", of(Phase::Ended, 30, |call| call.ended_fault = Some(crate::call::Fault::Provider))),
        ("acme", "lost", of(Phase::Lost, 40, |call| call.priority = Some(Priority::P2))),
        ("other", "theirs", of(Phase::Ringing, 50, |call| call.from = Some("+15145550149".into()))),
    ] {
        store.append(&[Frame { state: Arc::new(state), ..frame(&call(tenant, id), 1) }]).await;
    }
    let all = CallsWanted { limit: 9, ..CallsWanted::default() };
    let of_tenant = |name: &str| CallsWanted { tenant: Some(tenant(name)), ..all.clone() };
    let of_priority = |priority| CallsWanted { priority: Some(priority), ..all.clone() };
    let caller: Option<Box<str>> = Some("+15145550149".into());
    for (wanted, expected) in [
        (of_tenant("acme"), &["acme/lost", "acme/broken", "acme/ended", "acme/live"][..]),
        (of_tenant("nobody"), &[]),
        (CallsWanted { live: Some(true), ..all.clone() }, &["other/theirs", "acme/live"]),
        (CallsWanted { live: Some(false), ..all.clone() }, &["acme/lost", "acme/broken", "acme/ended"]),
        (CallsWanted { live: Some(false), ..of_tenant("acme") }, &["acme/lost", "acme/broken", "acme/ended"]),
        (CallsWanted { live: Some(true), ..of_tenant("acme") }, &["acme/live"]),
        (of_priority(Priority::P1), &["acme/ended", "acme/live"]),
        (CallsWanted { live: Some(false), ..of_priority(Priority::P1) }, &["acme/ended"]),
        (CallsWanted { live: Some(true), ..of_priority(Priority::P1) }, &["acme/live"]),
        (CallsWanted { tenant: Some(tenant("other")), ..of_priority(Priority::P1) }, &[]),
        (CallsWanted { number: caller.clone(), ..all.clone() }, &["other/theirs"]),
        (CallsWanted { number: caller, ..of_tenant("acme") }, &[]),
        (
            CallsWanted { since: Some(moment(20)), until: Some(moment(40)), ..all.clone() },
            &["acme/broken", "acme/ended"],
        ),
        (CallsWanted { since: Some(moment(40)), until: Some(moment(40)), ..all.clone() }, &[]),
        (CallsWanted { since: Some(moment(40)), ..of_tenant("acme") }, &["acme/lost"]),
    ] {
        assert_eq!(names(&page(store, &wanted).await), expected, "{wanted:?}");
    }
}

async fn begin(store: &impl CallStore, key: &CallKey, at: u64) {
    let begun = Call { started_at: moment(at), ..state(1, Phase::Ringing) };
    assert_eq!(store.append(&[Frame { state: Arc::new(begun), ..frame(key, 1) }]).await, [Ok(())]);
}

async fn page(store: &impl CallHistory, wanted: &CallsWanted) -> Vec<Arc<crate::call::CallView>> {
    store.calls(wanted).await.unwrap()
}

fn names(calls: &[Arc<crate::call::CallView>]) -> Vec<String> {
    calls.iter().map(|call| format!("{}/{}", call.tenant, call.id)).collect()
}
