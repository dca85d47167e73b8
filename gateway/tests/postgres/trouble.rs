//! What a server far away can do to a store: die in a commit, refuse a row, keep everybody waiting.

use std::sync::Arc;
use std::time::Duration;

use engine::call::{Call, Frame, Phase};
use engine::ids::EventKey;
use engine::ports::{
    AlertStore, AppendError, CallStore, ClaimRequest, NotClaimed, OptOut, OptOutSource, OptOuts, SmsOutbox,
};
use engine::priority::Priority;
use engine::sms::SmsState;
use engine::testing::frames::{call, frame, frame_owing, frames, moment, state, tenant, text};
use gateway::stores::postgres::{PostgresSettings, PostgresStore};
use sqlx::{Connection, Executor};

use super::database::{Databases, connect, open, server, settings};
use super::proxy::Proxy;

/// Whoever has it in a frame's key is cut off after it was sent, before the answer comes.
const CUT: &str = "cut-the-answer";

#[tokio::test]
async fn a_commit_whose_connection_died_is_known_by_its_own_ids() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let proxy = Proxy::before(&url).await;
    let (near, far) = (open(&url).await, open(&proxy.url_of(&url)).await);
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    assert_eq!(far.append(&[frame(&c1, 1)]).await, [Ok(())]);
    for (cuts, seq) in [(1, 2), (2, 3)] {
        proxy.lose_answers(CUT, cuts);
        let named = |key, n| Frame { key: EventKey::new(format!("{CUT} {n}")), ..frame(key, n) };
        let stale = named(&c2, 9);
        let owing = Frame {
            key: EventKey::new(format!("{CUT} {seq}")),
            ..frame_owing(&c1, seq, vec![text(&c1, &format!("r{seq}"), Priority::P1)])
        };
        assert_eq!(far.append(&[owing, stale]).await, [Ok(()), Err(AppendError::Conflict)], "cut {cuts} times");
        assert_eq!(proxy.answers_to_lose(), 0, "the proxy had something to cut");
    }
    let seqs: Vec<_> = near.timeline(&c1, 0, 9).await.unwrap().iter().map(|frame| frame.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert_eq!(near.latest(None, 9).await.unwrap().len(), 2, "each text once");
    databases.dropped().await;
}

#[tokio::test]
async fn a_rivals_frame_is_not_taken_for_ours() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let store = open(&databases.fresh().await).await;
    let c1 = call("acme", "c1");
    assert_eq!(store.append(&frames(&c1, 1, 2)).await, [Ok(()), Ok(())]);
    // Word for word the same, decided by somebody else.
    assert_eq!(store.append(&frames(&c1, 1, 2)).await, [Err(AppendError::Conflict), Err(AppendError::Conflict)]);
    databases.dropped().await;
}

#[tokio::test]
async fn a_row_that_is_refused_leaves_its_neighbours_alone() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let store = open(&databases.fresh().await).await;
    let calls: Vec<_> = (0..40).map(|n| call("acme", &format!("c{n}"))).collect();
    // Longer than an index takes, however it is packed.
    let endless: String = (0..6_000).map(|n: u32| char::from_u32(0x4e00 + n * 7919 % 20_000).unwrap()).collect();
    let bad = |n| [7, 8, 31].contains(&n);
    let batch = calls.iter().enumerate().map(|(n, key)| match bad(n) {
        true => Frame {
            state: Arc::new(Call { from: Some(endless.as_str().into()), ..state(1, Phase::Ringing) }),
            ..frame(key, 1)
        },
        false => frame(key, 1),
    });
    let verdicts = store.append(&batch.collect::<Vec<_>>()).await;
    for (n, verdict) in verdicts.iter().enumerate() {
        assert_eq!(matches!(verdict, Err(AppendError::Refused(_))), bad(n), "{n}: {verdict:?}");
        assert_eq!(store.load(&calls[n]).await.unwrap().is_some(), !bad(n));
    }
    databases.dropped().await;
}

#[tokio::test]
async fn no_crowd_of_readers_keeps_a_call_from_being_recorded() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let quick = PostgresSettings {
        acquire_within: Duration::from_millis(300),
        statement_within: Duration::from_millis(500),
        ..settings(&url)
    };
    let store = Arc::new(PostgresStore::open(&quick).await.unwrap());
    let mut holder = connect(&url).await;
    holder.execute("BEGIN; LOCK TABLE alerts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let crowd: Vec<_> = (0..30)
        .map(|_| {
            tokio::spawn({
                let store = store.clone();
                async move { store.running(9).await }
            })
        })
        .collect();
    assert_eq!(store.append(&[frame(&call("acme", "c1"), 1)]).await, [Ok(())]);
    for waiting in crowd {
        assert!(waiting.await.unwrap().expect_err("nobody answers them").is_retry(), "it ends, and may be tried again");
    }
    holder.close().await.unwrap();
    assert!(store.running(9).await.is_ok(), "the connections are still good");
    databases.dropped().await;
}

#[tokio::test]
async fn whoever_follows_the_frames_of_two_nodes_misses_none() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let nodes = [Arc::new(open(&url).await), Arc::new(open(&url).await)];
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let node = nodes[writer % 2].clone();
            tokio::spawn(async move {
                let key = call("acme", &format!("w{writer}"));
                for seq in 1..=25 {
                    assert_eq!(node.append(&[frame(&key, seq)]).await, [Ok(())]);
                }
            })
        })
        .collect();
    let (mut position, mut seen) = (0, Vec::new());
    while seen.len() < 200 {
        let read = nodes[0].frames_after(position, 50).await.unwrap();
        position = read.last().map_or(position, |(frame, _)| frame.position);
        seen.extend(read.into_iter().map(|(frame, _)| (frame.call, frame.seq)));
        let over = writers.iter().all(|writer| writer.is_finished());
        assert!(
            !over || position < nodes[0].last_position().await.unwrap() || seen.len() == 200,
            "{} seen",
            seen.len()
        );
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 200);
    databases.dropped().await;
}

#[tokio::test]
async fn a_text_written_while_its_recipient_opts_out_is_never_claimed() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let store = open(&url).await;
    let c1 = call("acme", "c1");
    let owed = text(&c1, "flood", Priority::P1);
    assert_eq!(store.append(&[frame_owing(&c1, 1, vec![owed.clone()])]).await, [Ok(())]);
    let mut writer = connect(&url).await;
    writer.execute("BEGIN; UPDATE sms_messages SET state = 'cancelled'").await.unwrap();
    writer.execute("COMMIT").await.unwrap();
    // Back in the queue in a transaction the opt-out cannot see.
    writer.execute("BEGIN; UPDATE sms_messages SET state = 'queued', body = body || '.'").await.unwrap();
    let out = OptOut {
        tenant: Some(tenant("acme")),
        number: owed.to.clone(),
        source: OptOutSource::Keyword,
        at: moment(1),
        message: None,
    };
    assert!(store.add(&out).await.unwrap().suppressed.is_empty());
    writer.execute("COMMIT").await.unwrap();
    let asked = [ClaimRequest { id: owed.id, sender: "+15145550100".into() }];
    assert_eq!(store.claim(&asked, moment(2)).await.unwrap(), [Err(NotClaimed::Gone)]);
    let sms = SmsOutbox::find(&store, None, owed.id).await.unwrap().unwrap();
    assert_eq!(sms.state, SmsState::Suppressed);
    databases.dropped().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_trusted_is_refused_with_what_to_do() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    for (statement, complaint) in [
        ("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1", "newer version of cordboard"),
        (
            "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$",
            "synchronous_commit is off",
        ),
    ] {
        let url = databases.fresh().await;
        connect(&url).await.execute(statement).await.unwrap();
        let refused = PostgresStore::open(&settings(&url)).await.err().expect("refused").to_string();
        assert!(refused.contains(complaint), "{refused}");
    }
    databases.dropped().await;
}
