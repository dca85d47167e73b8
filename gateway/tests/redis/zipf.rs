//! The promise in figures: calls that are read as things are read, a few of them often and most of them seldom, while
//! they change.

use std::collections::HashMap;
use std::sync::Arc;

use actors::Limits;
use engine::ids::CallKey;
use engine::ports::Cache;
use engine::testing::frames;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::server::{connected, fresh_prefix, test_server};
use crate::stand::Stand;

const KEYS: usize = 10_000;
const READS: usize = 20_000;
/// One change for so many reads, and of so many changes one is a text that moves.
const READS_PER_CHANGE: usize = 20;
const CHANGES_PER_TEXT: usize = 10;
/// What one question about one call costs a store: the call, its texts, its alert.
const STATEMENTS_PER_FIND: usize = 3;
const MOST_STATEMENTS: usize = 20;

/// Ranks by Zipf's law: the second is asked for half as often as the first, the third a third.
struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    fn over(keys: usize) -> Zipf {
        let shares = (1..=keys).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        });
        Zipf { sums: shares.collect() }
    }

    fn draw(&self, random: &mut StdRng) -> usize {
        let place = random.random_range(0.0..*self.sums.last().expect("there are keys"));
        self.sums.partition_point(|sum| *sum <= place)
    }
}

async fn statements_per_1000_reads(behind: Option<Arc<dyn Cache>>) -> usize {
    let stand = Stand::new(behind, Limits::default());
    let calls: Vec<CallKey> = (0..KEYS).map(|n| frames::call("acme", &format!("call-{n}"))).collect();
    for call in &calls {
        stand.commit(call, 1).await;
    }
    let (zipf, mut random) = (Zipf::over(KEYS), StdRng::seed_from_u64(7));
    let (mut seqs, mut texts) = (HashMap::<usize, u64>::new(), HashMap::<usize, u32>::new());
    let before = stand.store.finds();
    for n in 0..READS {
        if n % READS_PER_CHANGE == 0 {
            let at = zipf.draw(&mut random);
            if (n / READS_PER_CHANGE).is_multiple_of(CHANGES_PER_TEXT) {
                stand.text(&calls[at], &format!("text-{n}")).await;
                *texts.entry(at).or_default() += 1;
            } else {
                let seq = seqs.entry(at).or_insert(1);
                *seq += 1;
                stand.commit(&calls[at], *seq).await;
            }
        }
        let at = zipf.draw(&mut random);
        let shown = stand.read(&calls[at]).await.expect("it is there");
        // Not a second old: not old at all.
        assert_eq!(shown.seq, seqs.get(&at).copied().unwrap_or(1));
        assert_eq!(shown.sms.queued, texts.get(&at).copied().unwrap_or(0));
    }
    let finds = stand.store.finds() - before;
    finds * STATEMENTS_PER_FIND * 1_000 / READS
}

#[tokio::test]
async fn a_thousand_reads_cost_the_store_less_than_twenty_statements() {
    let statements = statements_per_1000_reads(None).await;
    assert!((1..=MOST_STATEMENTS).contains(&statements), "{statements}: some, since texts move, and few");
}

#[tokio::test]
async fn they_cost_no_more_with_redis_behind() {
    let Some(url) = test_server() else { return };
    let redis: Arc<dyn Cache> = Arc::new(connected(&url, &fresh_prefix()).await);
    let statements = statements_per_1000_reads(Some(redis)).await;
    assert!((1..=MOST_STATEMENTS).contains(&statements), "{statements}: some, since texts move, and few");
}
