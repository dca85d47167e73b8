//! How soon an emergency reaches the carrier: at a rate of calls, and behind a long queue.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use benches::carrier::Arrival;
use benches::server::Server;
use benches::words::{said_in, word};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::Arguments;
use super::stand::{SOON, Stand};
use benches::table::Line;

const SECOND: Duration = Duration::from_secs(1);

/// From asking to the first byte, besides what the pace of the number asks for.
const AT_MOST: Duration = Duration::from_millis(30);

/// Emergencies that come one after the other behind the same queue, at other moments of its slots.
const BEHIND: u32 = 12;
const APART: Duration = Duration::from_millis(1_037);

/// From the webhook's first byte to that of every text it leads to: whoever is told at once, each of them.
pub async fn at_rate(arguments: &Arguments) -> anyhow::Result<Line> {
    let stand = Stand::new(arguments, 1_000)?;
    let server = stand.serve().await?;
    // The first one opens connections.
    stand.emergency(&server, "warm-up", "aaaa").send().await?.error_for_status()?;
    stand.arrived(1).await?;
    sleep(SECOND).await;
    let texts_each = stand.carrier.arrived();
    let (rate, seconds) = (arguments.calls_per_second, arguments.call_seconds);
    let (begin, calls) = asked(&stand, &server, rate, seconds).await?;
    let expected = texts_each * calls.len();
    let log = stand.log_when(SOON, |log| log.len() >= texts_each + expected).await;
    let arrived = log.iter().filter_map(|arrival| Some((arrival.at, calls.get(said_in(&arrival.body)?)?.0)));
    let texts = histogram(arrived.map(|(at, asked)| at.saturating_duration_since(asked)))?;
    let webhooks = histogram(calls.values().map(|(_, answered)| *answered))?;
    let ms = |of: &Histogram<u64>, at: f64| of.value_at_quantile(at) as f64 / 1000.0;
    let (p50, p99, most) = (ms(&texts, 0.5), ms(&texts, 0.99), ms(&texts, 1.0));
    let last = calls.values().map(|(asked, _)| *asked).max().context("calls")?;
    let really = f64::from(rate * seconds - 1) / last.duration_since(begin).as_secs_f64();
    let measured = format!("p50 {p50:.1}, p99 {p99:.1}, max {most:.0} ms; answer {:.1}", ms(&webhooks, 0.99));
    let all = texts.len() == expected as u64 && really > 0.98 * f64::from(rate);
    let under = format!("{really:.0} calls/s, {seconds} s, {} of {expected} texts", texts.len());
    let kept = all && p99 <= AT_MOST.as_secs_f64() * 1000.0;
    Ok(Line::new("P1: webhook to first byte at the carrier", under, measured)
        .wants(format!("p99 <= {} ms", AT_MOST.as_millis()), kept))
}

/// When each call's webhook was sent, and what its answer took, by what the caller said.
type Asked = HashMap<String, (Instant, Duration)>;

/// Calls at an even rate, whether the ones before are answered or not. Also returns when they began.
async fn asked(stand: &Stand, server: &Server, rate: u32, seconds: u32) -> anyhow::Result<(Instant, Asked)> {
    let begin = Instant::now() + SECOND / 2;
    let mut calls = JoinSet::new();
    for number in 0..rate * seconds {
        let due = begin + SECOND * number / rate;
        let request = stand.emergency(server, &format!("emergency-{number}"), &word(number));
        calls.spawn(async move {
            sleep_until(due.into()).await;
            let sent = Instant::now();
            let answer = request.send().await.and_then(reqwest::Response::error_for_status);
            answer.map(|_| (word(number), (sent, sent.elapsed())))
        });
    }
    let mut asked = Asked::new();
    while let Some(call) = calls.join_next().await {
        let (said, call) = call?.context("a tool call is answered")?;
        asked.insert(said, call);
    }
    Ok((begin, asked))
}

/// In microseconds.
fn histogram(waits: impl Iterator<Item = Duration>) -> anyhow::Result<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    for wait in waits {
        histogram.saturating_record(u64::try_from(wait.as_micros())?);
    }
    Ok(histogram)
}

/// Emergencies behind a queue of bulk that takes a quarter of an hour.
pub async fn behind_bulk(arguments: &Arguments) -> anyhow::Result<Line> {
    const PER_SECOND: u32 = 10;
    let stand = Stand::new(arguments, PER_SECOND)?;
    let queued = stand.owe((0..arguments.bulk).map(|_| "a routine message".to_owned())).await?;
    let server = stand.serve().await?;
    stand.arrived(2 * PER_SECOND as usize).await?;
    let (mut overtaken, mut longest, mut kept) = (0, Duration::ZERO, true);
    for number in 0..BEHIND {
        let said = word(number);
        let sent = Instant::now();
        stand.emergency(&server, &format!("emergency-{number}"), &said).send().await?.error_for_status()?;
        let answered = Instant::now();
        let is_it = |arrival: &Arrival| said_in(&arrival.body) == Some(&said);
        let log = stand.log_when(SOON, |log| log.iter().any(is_it)).await;
        let first = log.iter().position(is_it).context("the emergency never reached the carrier")?;
        let before = log[..first].iter().filter(|arrival| arrival.at > answered).count();
        let waited = log[first].at.saturating_duration_since(sent);
        // A text of two segments takes two slots.
        let its_slots = SECOND * log[first].segments / PER_SECOND;
        kept &= before <= 1 && waited <= its_slots + AT_MOST;
        (overtaken, longest) = (overtaken.max(before), longest.max(waited));
        sleep(APART).await;
    }
    let left = queued as usize - stand.carrier.arrived().min(queued as usize);
    let measured = format!("at most {overtaken} before it, {} ms ({BEHIND} P1)", longest.as_millis());
    Ok(Line::new("P1 behind bulk", format!("{queued} P4, {left} at the end"), measured)
        .wants("<= 1 slot", kept && left > 0))
}
