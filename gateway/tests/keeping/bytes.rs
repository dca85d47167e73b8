//! The embedded store's files, byte by byte.

use std::path::Path;
use std::sync::Arc;

use engine::call::{Call, Fact, Frame, Phase, Role};
use engine::ids::CallKey;
use engine::ports::{CallStore, Erasure, Forgets, Retention, Whom};
use engine::testing::{contracts, frames};
use gateway::stores::sqlite::SqliteStore;

/// Whether these bytes are in any file of the directory: which ones.
pub fn files_with(dir: &Path, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let times = memchr::memmem::find_iter(&bytes, wanted.as_bytes()).count();
            if times > 0 {
                found.push(format!("{} ({times} times)", path.display()));
            }
        }
    }
    found
}

/// Long and short frames, so that pages are split and cells move.
async fn talk(store: &SqliteStore, call: &CallKey, from: &str, said: &str, turns: u64) {
    for seq in 1..=turns {
        let words = said.repeat(usize::try_from(seq * 7 % 23 + 1).unwrap());
        let phase = if seq == turns { Phase::Ended } else { Phase::InProgress };
        let state = Call {
            from: Some(from.into()),
            summary: Some(words.as_str().into()),
            caller_name: Some(said.into()),
            ..frames::state(seq, phase)
        };
        let facts = vec![Fact::Spoke { role: Role::Caller, text: words.into() }];
        let frame = Frame { facts, state: Arc::new(state), ..frames::frame(call, seq) };
        assert_eq!(store.append(&[frame]).await, [Ok(())]);
    }
}

#[tokio::test]
async fn nothing_is_left_in_the_files_of_whoever_was_erased() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("cordboard.db"), 2).await.unwrap();
    for n in 0..40_u64 {
        let others = frames::call("acme", &format!("other-{n}"));
        talk(&store, &others, "+15145550177", "the weather is fine today. ", 3 + n % 9).await;
        if n % 4 == 0 {
            let theirs = frames::call("acme", &format!("theirs-{n}"));
            talk(&store, &theirs, contracts::CALLER, contracts::SAID, 4 + n % 11).await;
        }
    }
    contracts::called(&store, &frames::call("acme", "texted")).await;
    let left = || ["5145550142", "514-555-0142", contracts::SAID].map(|wanted| files_with(dir.path(), wanted));
    assert!(left().iter().all(|files| !files.is_empty()), "it was there");
    let whom = Whom::Number(contracts::CALLER.parse().unwrap());
    let erased = store.forget(&Erasure { tenant: None, whom, at: frames::moment(500) }).await.unwrap();
    assert_eq!(erased.counts.calls, 11);
    assert_eq!(left(), [(); 3].map(|()| Vec::<String>::new()));
    assert!(!files_with(dir.path(), "the weather is fine").is_empty(), "of the others everything is there");
}

#[tokio::test]
async fn words_whose_time_is_over_are_gone_from_the_file_when_it_is_next_folded_in() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cordboard.db");
    let store = SqliteStore::open(&file, 2).await.unwrap();
    let call = frames::call("acme", "c1");
    talk(&store, &call, contracts::CALLER, contracts::SAID, 30).await;
    while !store.quieten(&call.tenant, frames::moment(1_000), 8).await.unwrap().is_nothing() {}
    store.close().await;
    let bytes = std::fs::read(&file).unwrap();
    let words = format!("{0}{0}", contracts::SAID);
    assert_eq!(memchr::memmem::find_iter(&bytes, words.as_bytes()).count(), 0);
}
