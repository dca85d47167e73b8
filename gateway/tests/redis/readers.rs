//! What many readers cost the store, and what they are shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::Limits;
use engine::testing::frames;
use tokio::task::JoinSet;

use crate::stand::Stand;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_one_call_asks_the_store_once() {
    let stand = Arc::new(Stand::new(None, Limits::default()));
    let call = frames::call("acme", "wanted");
    stand.record(&call, 1).await;
    stand.store.slow.store(true, Ordering::SeqCst);
    let mut crowd = JoinSet::new();
    for _ in 0..200 {
        let (stand, call) = (stand.clone(), call.clone());
        crowd.spawn(async move { stand.read(&call).await.expect("it is there").seq });
    }
    assert_eq!(crowd.join_all().await, [1; 200]);
    assert_eq!(stand.store.finds(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_many_calls_asks_for_a_few_at_a_time() {
    let stand = Arc::new(Stand::new(None, Limits { cache_loads: 3, ..Limits::default() }));
    let calls: Vec<_> = (0..100).map(|n| frames::call("acme", &format!("c{n}"))).collect();
    for call in &calls {
        stand.record(call, 1).await;
    }
    stand.store.slow.store(true, Ordering::SeqCst);
    let mut crowd = JoinSet::new();
    for call in calls {
        let stand = stand.clone();
        crowd.spawn(async move { stand.read(&call).await.is_some() });
    }
    assert!(crowd.join_all().await.into_iter().all(|found| found));
    assert_eq!((stand.store.finds(), stand.store.at_once.load(Ordering::SeqCst)), (100, 3));
}

#[tokio::test]
async fn a_commit_is_shown_to_whoever_reads_after_its_answer() {
    let stand = Stand::new(None, Limits::default());
    let call = frames::call("acme", "c1");
    stand.commit(&call, 1).await;
    assert_eq!(stand.read(&call).await.expect("it is there").seq, 1);
    // The news of the second commit are still on their way.
    stand.record(&call, 2).await;
    assert_eq!(stand.read(&call).await.expect("it is there").seq, 2);
    // And where they come while somebody waits for them, the store is not asked.
    stand.record(&call, 3).await;
    let finds = stand.store.finds();
    let (shown, ()) = tokio::join!(stand.read(&call), stand.tell(&call));
    assert_eq!((shown.expect("it is there").seq, stand.store.finds()), (3, finds));
}

#[tokio::test]
async fn a_text_that_moves_is_counted_at_once() {
    let stand = Stand::new(None, Limits::default());
    let call = frames::call("acme", "c1");
    stand.commit(&call, 1).await;
    assert_eq!(stand.read(&call).await.expect("it is there").sms.queued, 0);
    stand.text(&call, "water").await;
    assert_eq!(stand.read(&call).await.expect("it is there").sms.queued, 1);
    let finds = stand.store.finds();
    assert_eq!(stand.read(&call).await.expect("it is there").sms.queued, 1);
    assert_eq!(stand.store.finds(), finds, "and then it is known");
}

#[tokio::test]
async fn what_was_erased_is_read_from_the_store_again() {
    let stand = Stand::new(None, Limits::default());
    let call = frames::call("acme", "c1");
    stand.commit(&call, 1).await;
    stand.cache.forget(&call).await.unwrap();
    let finds = stand.store.finds();
    stand.read(&call).await.expect("it is in the store");
    assert_eq!(stand.store.finds(), finds + 1);
    stand.cache.forget_all().await.unwrap();
    stand.read(&call).await.expect("it is in the store");
    assert_eq!(stand.store.finds(), finds + 2);
}
