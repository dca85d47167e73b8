//! What every cache promises: never older over newer, never another tenant's, and nothing for ever.

use std::time::Duration;

use crate::ids::CallId;
use crate::ports::{Basis, Cache, CacheKey, Entry, Found, Lease, LiveList, Stamp};
use crate::testing::frames::{moment, tenant};

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(300);

/// All promises of a [`Cache`]. `pass` lets some milliseconds go by.
pub async fn cache<C: Cache>(fresh: impl AsyncFn() -> C, pause: impl AsyncFn(&C)) {
    what_was_put_is_found_as_it_was(&fresh().await).await;
    hostile_names_and_bodies_come_back_as_they_went_in(&fresh().await).await;
    news_move_an_entry_forward_only(&fresh().await).await;
    what_was_loaded_stands_unless_the_place_has_changed(&fresh().await).await;
    what_is_out_of_date_stays_so_until_it_is_loaded(&fresh().await).await;
    what_was_never_there_can_be_out_of_date(&fresh().await).await;
    what_is_forgotten_comes_back_by_a_load_alone(&fresh().await).await;
    a_tenant_never_finds_anothers(&fresh().await).await;
    asked_without_a_tenant_the_newest_is_found(&fresh().await).await;
    dashboards_are_each_tenants_own(&fresh().await).await;
    nothing_is_kept_for_ever(&fresh().await, pause).await;
    what_is_cleared_is_gone_and_what_is_under_way_does_not_come_back(&fresh().await).await;
}

/// All promises of a [`LiveList`].
pub async fn live_list<L: LiveList>(list: &L, listed: impl AsyncFn() -> Vec<String>) {
    let id = |id: &str| CallId::parse(id).expect("a test's call id is a call id");
    list.show(&[(id("b"), moment(2)), (id("a"), moment(1))]).await.expect("it works");
    assert_eq!(listed().await, ["a", "b"], "by when they started");
    let changes = [(id("c"), Some(moment(0))), (id("a"), None), (id("unknown"), None)];
    assert_eq!(list.change(&changes).await.expect("it works"), 2);
    assert_eq!(listed().await, ["c", "b"]);
    list.show(&[(id("d"), moment(9))]).await.expect("it works");
    assert_eq!(listed().await, ["d"], "what is shown no more is gone");
    list.show(&[]).await.expect("it works");
    assert_eq!(list.change(&[]).await, Ok(0));
    assert!(listed().await.is_empty());
}

fn entry(owner: &str, seq: u64, body: &str) -> Entry {
    let stamp = Stamp { tenant: Some(tenant(owner)), seq, at: moment(seq) };
    Entry { stamp, body: body.as_bytes().into() }
}

fn call(owner: Option<&str>, id: &str) -> CacheKey {
    CacheKey::Call { tenant: owner.map(tenant), id: CallId::parse(id).expect("a test's call id is a call id") }
}

async fn put(cache: &impl Cache, key: &CacheKey, entry: &Entry, basis: Basis) -> bool {
    cache.put(key, entry, basis, LONG).await.expect("it works")
}

async fn find(cache: &impl Cache, key: &CacheKey) -> Option<Found> {
    cache.get(key).await.expect("it works").found
}

async fn body(cache: &impl Cache, key: &CacheKey) -> Option<String> {
    find(cache, key).await.map(|found| String::from_utf8_lossy(&found.entry.body).into_owned())
}

async fn is_outdated(cache: &impl Cache, key: &CacheKey) -> bool {
    cache.get(key).await.expect("it works").outdated_for.is_some()
}

async fn lease(cache: &impl Cache, key: &CacheKey) -> Basis {
    Basis::Loaded(cache.get(key).await.expect("it works").lease)
}

async fn what_was_put_is_found_as_it_was(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    assert_eq!(find(cache, &key).await, None);
    let first = entry("acme", 3, "{\"seq\":3}");
    assert!(put(cache, &key, &first, Basis::News).await);
    let found = find(cache, &key).await.expect("it was put");
    assert_eq!(found.entry, first);
    assert!(found.age < LONG);
    assert!(!is_outdated(cache, &key).await);
}

async fn hostile_names_and_bodies_come_back_as_they_went_in(cache: &impl Cache) {
    for id in ["*", "a b", "a\nb", "a\0b", "{}", "é:ß", "acme:c1", &"x".repeat(128)] {
        let key = call(Some("acme"), id);
        let hostile = Entry { body: [0, 13, 10, 255, 0].into(), ..entry("acme", 1, "") };
        assert!(put(cache, &key, &hostile, Basis::News).await, "{id:?}");
        assert_eq!(find(cache, &key).await.map(|found| found.entry), Some(hostile), "{id:?}");
    }
}

async fn news_move_an_entry_forward_only(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    assert!(put(cache, &key, &entry("acme", 5, "five"), Basis::News).await);
    assert!(!put(cache, &key, &entry("acme", 4, "four"), Basis::News).await);
    assert!(!put(cache, &key, &entry("acme", 5, "again"), Basis::News).await, "may be older than what is there");
    assert!(put(cache, &key, &entry("acme", 6, "six"), Basis::News).await);
    assert_eq!(body(cache, &key).await.as_deref(), Some("six"));
}

async fn what_was_loaded_stands_unless_the_place_has_changed(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    let (mine, theirs) = (lease(cache, &key).await, lease(cache, &key).await);
    assert!(put(cache, &key, &entry("acme", 5, "mine"), mine).await);
    assert!(!put(cache, &key, &entry("acme", 5, "theirs"), theirs).await, "it was read before mine was put");
    let again = lease(cache, &key).await;
    assert!(put(cache, &key, &entry("acme", 5, "again"), again).await);
    let late = lease(cache, &key).await;
    assert!(put(cache, &key, &entry("acme", 6, "news"), Basis::News).await);
    assert!(!put(cache, &key, &entry("acme", 5, "late"), late).await);
    let backward = lease(cache, &key).await;
    assert!(!put(cache, &key, &entry("acme", 5, "backward"), backward).await, "never older over newer");
    assert_eq!(body(cache, &key).await.as_deref(), Some("news"));
}

async fn what_is_out_of_date_stays_so_until_it_is_loaded(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    put(cache, &key, &entry("acme", 1, "one"), Basis::News).await;
    let before = lease(cache, &key).await;
    cache.outdate(&key).await.expect("it works");
    assert!(!put(cache, &key, &entry("acme", 1, "before"), before).await, "it was read before");
    put(cache, &key, &entry("acme", 2, "two"), Basis::News).await;
    assert!(is_outdated(cache, &key).await, "news may be older than that");
    let after = lease(cache, &key).await;
    assert!(put(cache, &key, &entry("acme", 2, "after"), after).await);
    assert_eq!(body(cache, &key).await.as_deref(), Some("after"));
    assert!(!is_outdated(cache, &key).await);
}

async fn what_was_never_there_can_be_out_of_date(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    let before = lease(cache, &key).await;
    cache.outdate(&key).await.expect("it works");
    put(cache, &key, &entry("acme", 7, "news"), Basis::News).await;
    assert!(is_outdated(cache, &key).await);
    assert!(!put(cache, &key, &entry("acme", 7, "before"), before).await);
    let after = lease(cache, &key).await;
    assert!(put(cache, &key, &entry("acme", 7, "after"), after).await);
    assert!(!is_outdated(cache, &key).await);
}

async fn what_is_forgotten_comes_back_by_a_load_alone(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    put(cache, &key, &entry("acme", 1, "one"), Basis::News).await;
    let under_way = lease(cache, &key).await;
    cache.forget(&key).await.expect("it works");
    assert_eq!(find(cache, &key).await, None);
    assert_eq!(find(cache, &key.of_anybody()).await, None);
    assert!(!put(cache, &key, &entry("acme", 1, "under way"), under_way).await);
    assert!(!put(cache, &key, &entry("acme", 2, "news"), Basis::News).await);
    assert_eq!(find(cache, &key).await, None);
    let loaded = lease(cache, &key).await;
    assert!(put(cache, &key, &entry("acme", 1, "loaded"), loaded).await);
    assert_eq!(body(cache, &key).await.as_deref(), Some("loaded"));
}

async fn a_tenant_never_finds_anothers(cache: &impl Cache) {
    put(cache, &call(Some("acme"), "c1"), &entry("acme", 1, "of acme"), Basis::News).await;
    assert_eq!(find(cache, &call(Some("other"), "c1")).await, None);
    put(cache, &call(Some("other"), "c1"), &entry("other", 2, "of other"), Basis::News).await;
    assert_eq!(body(cache, &call(Some("other"), "c1")).await.as_deref(), Some("of other"));
    let of_acme = body(cache, &call(Some("acme"), "c1")).await;
    assert!(of_acme.is_none_or(|body| body == "of acme"), "one of the two may have to give way");
}

async fn asked_without_a_tenant_the_newest_is_found(cache: &impl Cache) {
    let anybodys = call(None, "c1");
    put(cache, &call(Some("acme"), "c1"), &entry("acme", 5, "of acme"), Basis::News).await;
    put(cache, &call(Some("other"), "c1"), &entry("other", 6, "of other"), Basis::News).await;
    assert_eq!(body(cache, &anybodys).await.as_deref(), Some("of other"));
    put(cache, &call(Some("acme"), "c1"), &entry("acme", 4, "late"), Basis::News).await;
    assert_eq!(body(cache, &anybodys).await.as_deref(), Some("of other"));
    let basis = lease(cache, &anybodys).await;
    assert!(put(cache, &anybodys, &entry("acme", 9, "loaded"), basis).await);
    assert_eq!(body(cache, &anybodys).await.as_deref(), Some("loaded"));
    assert_eq!(body(cache, &call(Some("acme"), "c1")).await.as_deref(), Some("loaded"));
}

async fn dashboards_are_each_tenants_own(cache: &impl Cache) {
    let keys = [Some("acme"), Some("other"), None].map(|owner| CacheKey::Dashboard(owner.map(tenant)));
    for key in &keys {
        let CacheKey::Dashboard(owner) = key else { unreachable!("made so") };
        let stamp = Stamp { tenant: owner.clone(), seq: 1, at: moment(1) };
        let figures = Entry { stamp, body: key.name().as_bytes().into() };
        assert!(put(cache, key, &figures, Basis::Loaded(Lease(cache.get(key).await.expect("it works").lease.0))).await);
    }
    for key in &keys {
        assert_eq!(body(cache, key).await, Some(key.name()));
    }
}

async fn nothing_is_kept_for_ever<C: Cache>(cache: &C, pause: impl AsyncFn(&C)) {
    let key = call(Some("acme"), "c1");
    let short = Duration::from_millis(40);
    assert_eq!(cache.put(&key, &entry("acme", 1, "one"), Basis::News, short).await, Ok(true));
    // An entry that never goes is found by whoever runs the tests.
    while find(cache, &key).await.is_some() {
        pause(cache).await;
    }
}

async fn what_is_cleared_is_gone_and_what_is_under_way_does_not_come_back(cache: &impl Cache) {
    let key = call(Some("acme"), "c1");
    put(cache, &key, &entry("acme", 1, "one"), Basis::News).await;
    put(cache, &call(Some("acme"), "c2"), &entry("acme", 1, "one"), Basis::News).await;
    let under_way = lease(cache, &key).await;
    cache.clear().await.expect("it works");
    assert_eq!(find(cache, &key).await, None);
    assert_eq!(find(cache, &call(None, "c2")).await, None);
    assert!(!put(cache, &key, &entry("acme", 1, "under way"), under_way).await);
    let after = lease(cache, &key).await;
    assert!(put(cache, &key, &entry("acme", 1, "after"), after).await);
}
