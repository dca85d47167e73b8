//! MB/s of reading one webhook, beside building a `serde_json::Value` of it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::time::Timestamp;

fn webhook_parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("webhook_parse");
    for kilobytes in [2, 40, 400, 1_500] {
        let body = benches::tool_calls_body(kilobytes);
        let now = Timestamp::from_millis(1_787_000_020_000);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::new("ours", kilobytes), &body, |bencher, body| {
            bencher.iter(|| gateway::platforms::vapi::parse(body, now).expect("a body of ours"));
        });
        group.bench_with_input(BenchmarkId::new("serde_json_value", kilobytes), &body, |bencher, body| {
            bencher.iter(|| serde_json::from_slice::<serde_json::Value>(body).expect("a body of ours"));
        });
    }
    group.finish();
}

criterion_group!(benches, webhook_parse);
criterion_main!(benches);
