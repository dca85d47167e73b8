use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const START: Moment = Duration::from_secs(100);

fn pace(per_second: f64) -> Pace {
    Pace::new(per_second).unwrap()
}

#[test]
fn slots_come_evenly_and_nothing_is_saved_up_while_idle() {
    let mut pace = pace(2.0);
    assert!(pace.opens_at(1, START) <= START);
    pace.takes(1, START);
    assert_eq!(pace.opens_at(1, START), START + SECOND / 2);
    pace.idles();
    let later = START + 10 * SECOND;
    pace.takes(1, later);
    assert_eq!(pace.opens_at(1, later), later + SECOND / 2);
}

#[test]
fn asking_takes_no_slot() {
    let mut pace = pace(1.0);
    pace.takes(1, START);
    assert!((0..100).all(|_| pace.opens_at(1, START) == START + SECOND));
}

#[test]
fn being_a_little_late_does_not_move_the_slots_after() {
    let mut pace = pace(10.0);
    pace.takes(1, START);
    pace.takes(1, START + Duration::from_millis(130));
    assert_eq!(pace.opens_at(1, START), START + Duration::from_millis(200));
    pace.takes(1, START + Duration::from_millis(900));
    assert_eq!(pace.opens_at(1, START), START + Duration::from_millis(950), "more than a little is lost");
}

#[test]
fn a_message_larger_than_the_window_leaves_when_all_is_quiet_and_is_paid_for() {
    let mut pace = pace(2.0);
    pace.takes(1, START);
    assert_eq!(pace.opens_at(5, START), START + SECOND, "not before the window is empty");
    pace.idles();
    pace.takes(5, START + SECOND);
    assert_eq!(pace.opens_at(1, START), START + SECOND + 5 * SECOND / 2);
}

#[test]
fn what_left_by_a_faster_pace_before_a_restart_holds_nothing_up() {
    let mut pace = pace(1.0);
    (0..600).for_each(|n| pace.remembers(1, START - 60 * SECOND + n * SECOND / 10));
    let last = START - SECOND / 10;
    assert_eq!(pace.opens_at(1, START), last + SECOND, "one slot after the last, not nine minutes");
}

#[test]
fn what_is_no_rate_is_no_limit() {
    assert!([0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9].into_iter().all(|rate| Pace::new(rate).is_none()));
}

#[test]
fn a_carrier_that_calls_us_too_fast_halves_the_pace_and_minutes_give_it_back() {
    let mut pace = pace(10.0);
    pace.was_too_fast(START);
    assert!((pace.rate(START) - 5.0).abs() < 1e-9);
    assert!((pace.rate(START + 60 * SECOND) - 5.5).abs() < 1e-9);
    assert!((pace.rate(START + 3600 * SECOND) - 10.0).abs() < 1e-9);
    (0..100).for_each(|_| pace.was_too_fast(START));
    assert!(pace.rate(START) > 0.1, "never to nothing");
}

#[test]
fn a_moment_more_or_less_on_the_way_puts_no_more_into_a_second() {
    let jitter = [0_u64, 3, 1, 2, 0, 3, 2].map(Duration::from_millis);
    for per_second in [1.0, 10.0, 100.0] {
        let mut pace = pace(per_second);
        let (mut now, mut arrived) = (START, Vec::new());
        for on_the_way in jitter.into_iter().cycle().take(20 * per_second as usize) {
            now = now.max(pace.opens_at(1, now));
            pace.takes(1, now);
            pace.answered(now, Duration::from_millis(40) + 2 * on_the_way);
            arrived.push((now + on_the_way, 1));
        }
        arrived.sort();
        assert!(most_within(&arrived, SECOND) <= per_second as u32, "{per_second}");
    }
}

#[test]
fn an_answer_that_took_longer_makes_its_message_count_from_later_on() {
    let mut pace = pace(1.0);
    pace.takes(1, START);
    pace.answered(START, Duration::from_millis(100));
    assert_eq!(pace.opens_at(1, START), START + SECOND + EDGE, "the quickest says next to nothing");
    let second = START + SECOND + EDGE;
    pace.takes(1, second);
    pace.answered(second, Duration::from_millis(109));
    let delay = pace.opens_at(1, second) - (second + SECOND);
    assert!(delay > Duration::from_millis(5) && delay < Duration::from_millis(10), "{delay:?}");
    let third = pace.opens_at(1, second);
    pace.takes(1, third);
    pace.answered(third, 10 * SECOND);
    assert_eq!(pace.opens_at(1, third), third + SECOND + DOUBT, "a slow carrier costs no more than that");
}

/// The most segments in any window of `within`, of messages not larger than it.
fn most_within(sent: &[(Moment, u32)], within: Duration) -> u32 {
    let window = |(index, (start, _)): (usize, &(Moment, u32))| {
        sent[index..].iter().take_while(|(at, _)| *at < *start + within).map(|(_, cost)| cost).sum::<u32>()
    };
    sent.iter().enumerate().map(window).max().unwrap_or(0)
}

/// Sends `costs`, each at the moment it may or `late` after; a pause of `idle` before it lets slots pass unused.
fn send(pace: &mut Pace, traffic: &[(u32, u64, u64)]) -> Vec<(Moment, u32)> {
    let mut now = START;
    let mut sent = Vec::new();
    for (cost, late_us, idle_ms) in traffic {
        if *idle_ms > 0 {
            now = now.max(pace.opens_at(*cost, now)) + Duration::from_millis(*idle_ms);
            pace.idles();
        }
        now = now.max(pace.opens_at(*cost, now)) + Duration::from_micros(*late_us);
        pace.takes(*cost, now);
        sent.push((now, *cost));
    }
    sent
}

proptest! {
    #[test]
    fn no_second_holds_more_than_the_limit_whatever_the_traffic(
        limit in 1_u32..40,
        traffic in prop::collection::vec((1_u32..4, 0_u64..80_000, prop_oneof![4 => Just(0), 1 => 1_u64..3_000]), 1..300),
    ) {
        let mut pace = pace(f64::from(limit));
        let sent = send(&mut pace, &traffic);
        // One message may be larger than the limit; then it is alone in its second.
        let largest = sent.iter().map(|(_, cost)| *cost).max().unwrap_or(0);
        prop_assert!(most_within(&sent, SECOND) <= limit.max(largest));
        for (at, cost) in sent.iter().filter(|(_, cost)| *cost > limit) {
            let beside = sent.iter().filter(|(other, _)| *other > *at && *other < *at + SECOND).count();
            prop_assert!(beside == 0, "{cost} segments were not alone");
        }
    }

    #[test]
    fn with_a_backlog_nearly_all_of_the_rate_is_used_though_every_message_is_a_little_late(
        limit in prop_oneof![Just(1_u32), Just(10), Just(100), 2_u32..200],
        seed in prop::collection::vec(0_u64..4_000, 64),
    ) {
        let mut pace = pace(f64::from(limit));
        let traffic: Vec<_> = (0..60 * limit as usize).map(|n| (1, seed[n % seed.len()], 0)).collect();
        let sent = send(&mut pace, &traffic);
        let took = sent[sent.len() - 1].0 - sent[0].0;
        let used = (sent.len() - 1) as f64 / f64::from(limit) / took.as_secs_f64();
        prop_assert!(used >= 0.99, "{used}");
    }

    #[test]
    fn a_restart_that_takes_up_what_was_claimed_keeps_the_limit(
        limit in 1_u32..30,
        lives in prop::collection::vec((1_usize..200, 0_u64..400), 2..6),
    ) {
        let (mut now, mut sent) = (START, Vec::<(Moment, u32)>::new());
        for (messages, away_ms) in lives {
            let mut pace = pace(f64::from(limit));
            let since = now.saturating_sub(2 * SECOND);
            sent.iter().filter(|(at, _)| *at >= since).for_each(|(at, cost)| pace.takes(*cost, *at));
            now += Duration::from_millis(away_ms);
            for _ in 0..messages {
                now = now.max(pace.opens_at(1, now));
                pace.takes(1, now);
                sent.push((now, 1));
            }
        }
        prop_assert!(most_within(&sent, SECOND) <= limit);
    }
}
