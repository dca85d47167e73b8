//! Frames per second of the group commit, 1 to 256 frames a batch, beside one frame per transaction in the same run.
//! Both sync to disk before they return.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::call::{Answer, Call, Fact, Frame, Phase, Role};
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::CallStore;
use engine::time::Timestamp;
use gateway::stores::sqlite::SqliteStore;

/// A call's first frame: what most webhooks of a busy minute are.
fn frame(number: u64) -> Frame {
    let at = Timestamp::from_millis(1_787_000_000_000);
    let mut state = Call::new("bench", at);
    state.phase = Phase::InProgress;
    state.from = Some("+15145550142".into());
    state.seq = 1;
    Frame {
        call: CallKey {
            tenant: TenantId::parse("bench").expect("a short id"),
            call: CallId::parse(&format!("call-{number}")).expect("a short id"),
        },
        seq: 1,
        key: EventKey::new("tr:caller:1"),
        at,
        decided_at: at,
        facts: vec![
            Fact::Status { phase: Phase::InProgress },
            Fact::Spoke { role: Role::Caller, text: "il y a de l'eau partout dans le sous-sol".into() },
        ],
        answer: Answer::Ack,
        texts: Vec::new(),
        state: Arc::new(state),
    }
}

fn commit(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = runtime.block_on(SqliteStore::open(&directory.path().join("bench.db"), 1)).expect("a store");
    let mut next = 0_u64;
    let mut fresh = |count: usize| -> Vec<Frame> {
        next += count as u64;
        (next - count as u64..next).map(frame).collect()
    };
    let mut group = criterion.benchmark_group("commit");
    for batch in [1, 4, 16, 64, 256] {
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::new("grouped", batch), |bencher| {
            bencher.iter(|| {
                let frames = fresh(batch);
                let results = runtime.block_on(store.append(&frames));
                assert!(results.iter().all(Result::is_ok));
            });
        });
        group.bench_function(BenchmarkId::new("one_by_one", batch), |bencher| {
            bencher.iter(|| {
                for frame in fresh(batch) {
                    let results = runtime.block_on(store.append(std::slice::from_ref(&frame)));
                    assert!(results.iter().all(Result::is_ok));
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = commit
}
criterion_main!(benches);
