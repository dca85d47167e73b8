//! Who is told that there is something to do.

use std::collections::BTreeSet;
use std::pin::pin;

use super::poll_once;
use crate::ids::AlertId;
use crate::ports::{Bell, Ear};
use crate::testing::frames::tenant;

fn alert(nonce: &str) -> AlertId {
    AlertId::without_call(&tenant("acme"), nonce)
}

/// Until all of them were heard, in however many rings.
async fn hears(ear: &mut dyn Ear, wanted: impl IntoIterator<Item = AlertId>) {
    let mut wanted: BTreeSet<AlertId> = wanted.into_iter().collect();
    while !wanted.is_empty() {
        let heard = ear.heard().await.unwrap();
        assert!(heard.iter().all(|alert| wanted.remove(alert)), "nobody rang for that: {heard:?}");
    }
}

pub async fn who_listens_hears_the_other_node(first: &impl Bell, second: &impl Bell) {
    let mut ear = first.listen().await.unwrap();
    second.ring(&[]).await.unwrap();
    assert_eq!(ear.heard().await.unwrap(), [], "texts alone");
    second.ring(&[alert("a"), alert("b")]).await.unwrap();
    hears(&mut *ear, [alert("a"), alert("b")]).await;
}

pub async fn what_was_rung_before_somebody_listened_is_heard_by_nobody(first: &impl Bell, second: &impl Bell) {
    second.ring(&[alert("a")]).await.unwrap();
    let mut ear = first.listen().await.unwrap();
    second.ring(&[alert("b")]).await.unwrap();
    hears(&mut *ear, [alert("b")]).await;
}

pub async fn what_is_rung_while_nobody_waits_is_heard_by_the_next_wait(first: &impl Bell, second: &impl Bell) {
    let mut ear = first.listen().await.unwrap();
    second.ring(&[alert("a")]).await.unwrap();
    second.ring(&[alert("b")]).await.unwrap();
    hears(&mut *ear, [alert("a"), alert("b")]).await;
}

pub async fn a_wait_that_is_given_up_loses_nothing(first: &impl Bell, second: &impl Bell) {
    let mut ear = first.listen().await.unwrap();
    assert!(poll_once(&mut pin!(ear.heard())).await.is_none(), "nobody rang");
    second.ring(&[alert("a")]).await.unwrap();
    hears(&mut *ear, [alert("a")]).await;
}

pub async fn very_many_alerts_are_all_heard(first: &impl Bell, second: &impl Bell) {
    let mut ear = first.listen().await.unwrap();
    let many: Vec<AlertId> = (0..1_000).map(|n| alert(&n.to_string())).collect();
    second.ring(&many).await.unwrap();
    hears(&mut *ear, many).await;
}
