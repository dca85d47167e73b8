//! Tenants are walls, also where their calls share an id and so a key.

use std::sync::Arc;

use actors::Limits;
use engine::testing::frames;

use crate::server::{connected, fresh_prefix, test_server, until};
use crate::stand::{Counted, Stand};

#[tokio::test]
async fn a_tenant_is_never_shown_anothers_call_of_the_same_id() {
    let stand = Stand::new(None, Limits::default());
    let (ours, theirs) = (frames::call("acme", "shared"), frames::call("other", "shared"));
    stand.commit(&theirs, 1).await;
    assert_eq!(stand.read(&ours).await, None);
    stand.commit(&ours, 1).await;
    for call in [&ours, &theirs, &ours] {
        assert_eq!(stand.read(call).await.expect("both are there").tenant, call.tenant);
    }
}

#[tokio::test]
async fn a_shared_key_in_redis_shows_nobody_anothers_call() {
    let Some(url) = test_server() else { return };
    let prefix = fresh_prefix();
    let redis = Arc::new(connected(&url, &prefix).await);
    let store = Arc::<Counted>::default();
    let (ours, theirs) = (frames::call("acme", "shared"), frames::call("other", "shared"));
    let first = Stand::over(store.clone(), Some(redis.clone()), Limits::default());
    for call in [&ours, &theirs] {
        first.record(call, 1).await;
        first.read(call).await.expect("it is in the store");
    }
    until("in Redis", async || crate::server::cli(&url, &["EXISTS", &format!("{prefix}:call:shared")]) == "1").await;
    // Whoever has the key: a process that has nothing else must not show it to the other.
    for call in [&ours, &theirs] {
        let second = Stand::over(store.clone(), Some(redis.clone()), Limits::default());
        assert_eq!(second.read(call).await.expect("it is in the store").tenant, call.tenant);
    }
}

#[tokio::test]
async fn whoever_may_see_all_tenants_is_shown_the_call_that_changed_last() {
    let stand = Stand::new(None, Limits::default());
    let (ours, theirs) = (frames::call("acme", "shared"), frames::call("other", "shared"));
    stand.commit(&theirs, 1).await;
    stand.commit(&ours, 1).await;
    stand.commit(&theirs, 2).await;
    let shown = stand.read_of(None, &ours.call).await.unwrap().expect("it is there");
    assert_eq!((shown.tenant, shown.seq), (theirs.tenant, 2));
}
