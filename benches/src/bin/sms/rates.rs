//! How much of a number's permitted rate is used, and that it is never exceeded: left alone, and killed every ten
//! seconds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use benches::carrier::{Arrival, most_in_a_second};
use engine::ports::{Clock, SmsFilter, SmsOutbox, SystemClock};
use engine::sms::SmsState;
use tokio::time::sleep_until;

use super::Arguments;
use super::stand::Stand;
use benches::table::Line;

const SECOND: Duration = Duration::from_secs(1);
const KILLED_EVERY: Duration = Duration::from_secs(10);

/// Of the permitted segments, while nobody disturbs.
const USED: f64 = 0.98;
/// The same of a server that is dead and starts six times in between: with less, the limit would not be put to the test.
const USED_KILLED: f64 = 0.95;
/// The same with messages of up to three segments, which do not always fit whole into what is left of a second: no
/// order of these uses more than nine tenths.
const USED_MIXED: f64 = 0.80;

/// A backlog of messages of one segment each: with larger ones no rate fits whole into a second.
pub async fn used(arguments: &Arguments, per_second: u32) -> anyhow::Result<[Line; 2]> {
    let (stand, seconds) = (Stand::new(arguments, per_second)?, arguments.seconds);
    stand.owe((0..per_second * (seconds + 5)).map(short)).await?;
    let _server = stand.serve().await?;
    let first = stand.arrived(1).await?[0].at;
    sleep_until((first + SECOND * (seconds + 1)).into()).await;
    let log = stand.carrier.log();
    let used = used_of(&log, per_second, seconds);
    let rate = format!("{per_second}/s, {seconds} s, no kills");
    Ok([
        Line::new("permitted rate used", rate.as_str(), percent(used)).wants(">= 98 %", used >= USED),
        never_more(&log, per_second, &rate),
    ])
}

/// `kill -9` every ten seconds.
pub async fn killed(
    arguments: &Arguments,
    per_second: u32,
    bodies: impl Fn(u32) -> String,
) -> anyhow::Result<[Line; 3]> {
    let (stand, seconds) = (Stand::new(arguments, per_second)?, arguments.seconds.max(20));
    let owed = stand.owe((0..per_second * (seconds + 15)).map(bodies)).await?;
    let (mut kills, mut first): (u32, Option<Instant>) = (0, None);
    while first.is_none_or(|first| first.elapsed() < SECOND * seconds) {
        let (server, began) = (stand.serve().await?, Instant::now());
        if first.is_none() {
            first = Some(stand.arrived(1).await?[0].at);
        }
        sleep_until((began + KILLED_EVERY).into()).await;
        server.kill();
        kills += 1;
    }
    let log = stand.carrier.log();
    let used = used_of(&log, per_second, seconds);
    let is_mixed = log.iter().any(|arrival| arrival.segments > 1);
    let (size, least) = if is_mixed { (", 1-3 segments", USED_MIXED) } else { ("", USED_KILLED) };
    let rate = format!("{per_second}/s, {seconds} s, {kills} kills{size}");
    Ok([
        Line::new("permitted rate used, kill -9 every 10 s", rate.as_str(), percent(used))
            .wants(format!(">= {:.0} %", least * 100.0), used >= least),
        never_more(&log, per_second, &rate),
        accounts(&stand, &log, owed, &rate).await?,
    ])
}

/// One segment.
pub fn short(number: u32) -> String {
    format!("a routine message, number {number}")
}

/// One to three segments.
pub fn mixed(number: u32) -> String {
    format!("{}{number}", "a routine message, number ".repeat([1, 12, 1, 1, 7, 1][number as usize % 6]))
}

/// Segments in the first `seconds` of those that were permitted.
fn used_of(log: &[Arrival], per_second: u32, seconds: u32) -> f64 {
    let Some(first) = log.first() else { return 0.0 };
    let within = log.iter().take_while(|arrival| arrival.at < first.at + SECOND * seconds);
    f64::from(within.map(|arrival| arrival.segments).sum::<u32>()) / f64::from(per_second * seconds)
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn never_more(log: &[Arrival], limit: u32, rate: &str) -> Line {
    let (most, from) = most_in_a_second(log);
    if most > limit {
        let begin = log[0].at;
        let at = |arrival: &Arrival| format!("{:.1}", arrival.at.duration_since(begin).as_secs_f64() * 1000.0);
        let window: Vec<String> = log[from..].iter().take(most as usize).map(at).collect();
        eprintln!("{rate}: {most} segments in a second, arrived at {} ms", window.join(", "));
    }
    Line::new("most segments in any second", rate, format!("{most}, {} messages sent", log.len()))
        .wants(format!("<= {limit}"), most <= limit && !log.is_empty())
}

/// What the store of the killed server says beside what the carrier took.
async fn accounts(stand: &Stand, log: &[Arrival], owed: u32, rate: &str) -> anyhow::Result<Line> {
    let store = stand.store().await?;
    let failed = |failure| anyhow!("{failure}");
    store.recover(SystemClock.now()).await.map_err(failed)?;
    let everything = SmsFilter { limit: usize::MAX >> 1, ..SmsFilter::default() };
    let messages = store.list(&everything).await.map_err(failed)?;
    let unknown = SmsFilter { state: Some(SmsState::Unknown), ..everything };
    let held = store.list(&unknown).await.map_err(failed)?.len();
    store.close().await;
    let mut arrivals: HashMap<&str, usize> = HashMap::new();
    log.iter().for_each(|arrival| *arrivals.entry(&arrival.to).or_default() += 1);
    let taken = |to: &str| arrivals.get(to).copied().unwrap_or(0);
    let doubled = log.len() - arrivals.len();
    // A message is lost when it is not there, when it is said to be sent and was not, or when it was and still waits.
    let is_lost = |state: SmsState, taken: usize| match state {
        SmsState::Unknown => false,
        SmsState::Queued => taken > 0,
        _ => taken == 0,
    };
    let lost = messages.iter().filter(|sms| is_lost(sms.state, taken(sms.to.as_str()))).count();
    let lost = lost + (owed as usize).saturating_sub(messages.len());
    let measured = format!("{lost} lost, {doubled} doubled, {held} unknown, held");
    Ok(Line::new("what became of them", rate, measured).wants("0 lost, 0 doubled", lost + doubled == 0))
}
