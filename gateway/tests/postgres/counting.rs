//! What is counted of calls, where several nodes count and others write.

use engine::ports::{Analytics, CallStore, Clock, SystemClock, TenantZone, View};
use engine::testing::frames;
use sqlx::Executor;

use super::database::{Databases, connect, open, server};

#[tokio::test]
async fn one_node_counts_at_a_time_and_nobody_waits_for_it() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let (store, mut other) = (open(&url).await, connect(&url).await);
    let (call, now) = (frames::call("acme", "c1"), SystemClock.now());
    // What another node does, stopped half-way: the view is counted, and the transaction still open.
    other.execute("BEGIN; SELECT pg_try_advisory_xact_lock(1668248164 + 16, 1)").await.unwrap();
    other.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY call_analytics").await.unwrap();
    assert_eq!(store.refresh(View::Days, now).await, Ok(false));
    assert_eq!(store.append(&[frames::frame(&call, 1)]).await, [Ok(())]);
    let today = now.date_in(&jiff::tz::TimeZone::UTC);
    assert_eq!(store.days(None, today, today).await, Ok(Vec::new()));
    assert_eq!(store.refresh(View::Dashboard, now).await, Ok(true), "the other view is nobody's");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(store.refresh(View::Days, now).await, Ok(true));
    databases.dropped().await;
}

#[tokio::test]
async fn a_time_zone_the_database_does_not_know_fails_nobodys_count() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let store = open(&databases.fresh().await).await;
    let zone = |name: &str, zone: &str| TenantZone { tenant: frames::tenant(name), time_zone: zone.into() };
    store.keep_time_zones(&[zone("acme", "Mars/Olympus"), zone("other", "America/Toronto")]).await.unwrap();
    store.append(&[frames::frame(&frames::call("acme", "c1"), 1)]).await;
    for view in View::ALL {
        assert_eq!(store.refresh(view, SystemClock.now()).await, Ok(true));
    }
    databases.dropped().await;
}
