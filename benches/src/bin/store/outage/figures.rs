//! What each part of the run was like, as lines of the table.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use benches::carrier::Arrival;
use benches::table::Line;
use benches::words::said_in;
use hdrhistogram::Histogram;

use super::callers::{Answer, Class};
use super::watch::Look;

/// What a webhook may take in all. Source: docs/reliability.md.
const TOOLS_WITHIN: Duration = Duration::from_millis(400);
const FACTS_WITHIN: Duration = Duration::from_millis(1_500);
/// An emergency that is texted later than this waited for something.
const TEXTS_WITHIN: Duration = Duration::from_secs(5);
/// Until `/readyz` must have noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// A part of the run.
pub struct Phase {
    pub name: String,
    pub from: Instant,
    pub until: Instant,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Healthy,
    /// Without Postgres.
    Away,
    /// It is there again, and the spool is being emptied.
    Back,
}

/// What everybody saw.
pub struct Seen<'a> {
    pub answers: &'a [Answer],
    pub looks: &'a [Look],
    /// When texts with a word arrived, by that word.
    pub arrivals: HashMap<&'a str, Vec<Instant>>,
}

/// When texts arrived, by the call they are of, the earliest first.
pub fn arrivals(log: &[Arrival]) -> HashMap<&str, Vec<Instant>> {
    let mut arrivals: HashMap<&str, Vec<Instant>> = HashMap::new();
    for arrival in log {
        if let Some(word) = said_in(&arrival.body) {
            arrivals.entry(word).or_default().push(arrival.at);
        }
    }
    arrivals
}

impl Phase {
    pub fn lines(&self, seen: &Seen<'_>) -> Vec<Line> {
        let answers: Vec<&Answer> = seen.answers.iter().filter(|answer| self.has(answer.due)).collect();
        let looks: Vec<&Look> = seen.looks.iter().filter(|look| self.has(look.at)).collect();
        let mut lines = vec![
            self.answered(&answers, &looks),
            self.waited("tools", &answers, Class::Tool, TOOLS_WITHIN),
            self.waited("facts", &answers, Class::Fact, FACTS_WITHIN),
            self.texted(&answers, seen),
            self.ready(&looks),
        ];
        if self.kind == Kind::Back {
            lines.push(self.emptied(&looks));
        }
        lines
    }

    fn has(&self, at: Instant) -> bool {
        (self.from..self.until).contains(&at)
    }

    fn line(&self, what: &str, under: String, measured: String) -> Line {
        Line::new(&format!("{}: {what}", self.name), under, measured)
    }

    fn answered(&self, answers: &[&Answer], looks: &[&Look]) -> Line {
        let failed = answers.iter().filter(|answer| answer.status != Some(200)).count();
        let apologies = answers.iter().filter(|answer| answer.apology && !answer.asks_the_past).count();
        let blank = answers.iter().filter(|answer| answer.apology && answer.asks_the_past).count();
        let seconds = (self.until - self.from).as_secs_f64();
        let under = format!("{} in {seconds:.0} s, {:.0}/s", answers.len(), answers.len() as f64 / seconds);
        // The machine may be so busy that Postgres is late: then, and only then, /readyz said so.
        let blank_wrongly = if looks.iter().all(|look| look.is_ok) { blank } else { 0 };
        let kept = !answers.is_empty() && failed + apologies + blank_wrongly == 0;
        let measured = format!("{failed} not 200, {apologies} apologies, {blank} blank look-ups");
        self.line("webhooks", under, measured).wants("0, 0", kept)
    }

    fn waited(&self, what: &str, answers: &[&Answer], class: Class, within: Duration) -> Line {
        let waits: Vec<Duration> = answers.iter().filter(|it| it.class == class).map(|it| it.latency).collect();
        let late = waits.iter().filter(|wait| **wait > within).count();
        let under = format!("{}, {late} of them late", waits.len());
        let kept = late == 0 && !waits.is_empty();
        self.line(what, under, quantiles(waits)).wants(format!("<= {} ms", within.as_millis()), kept)
    }

    /// From the webhook's due time to the first byte of each text it leads to at once.
    fn texted(&self, answers: &[&Answer], seen: &Seen<'_>) -> Line {
        let (mut owed, mut waits) = (0, Vec::new());
        for answer in answers {
            let Some((word, texts)) = &answer.owed else { continue };
            owed += texts;
            let arrived = seen.arrivals.get(word.as_str()).map_or(&[][..], Vec::as_slice);
            let first = arrived.iter().take(usize::try_from(*texts).unwrap_or(usize::MAX));
            waits.extend(first.map(|at| at.saturating_duration_since(answer.due)));
        }
        let late = waits.iter().filter(|wait| **wait > TEXTS_WITHIN).count();
        let kept = waits.len() as u64 == owed && late == 0;
        let under = format!("{} of {owed} left, {late} late", waits.len());
        let wanted = format!("all, <= {} s", TEXTS_WITHIN.as_secs());
        self.line("P1 texts", under, quantiles(waits)).wants(wanted, kept)
    }

    fn ready(&self, looks: &[&Look]) -> Line {
        let not_ready = looks.iter().filter(|look| look.code != 200).count();
        let noticed = looks.iter().find(|look| !look.is_ok).map(|look| look.at - self.from);
        let silent = looks.iter().filter(|look| look.at - self.from > NOTICED_WITHIN && look.is_ok).count();
        let whys: BTreeSet<&str> = looks.iter().map(|look| look.why.as_str()).filter(|why| !why.is_empty()).collect();
        whys.iter().for_each(|why| println!("{}: /readyz said: {why}", self.name));
        let most = looks.iter().map(|look| look.frames).max().unwrap_or(0);
        let under = format!("{} looks, {not_ready} not 200", looks.len());
        let after = noticed.map_or_else(|| "ok".to_owned(), |after| format!("degraded after {} ms", after.as_millis()));
        let kept = not_ready == 0 && !looks.is_empty();
        let line = self.line("/readyz", under, format!("{after}, at most {most} frames wait"));
        match self.kind {
            Kind::Away => {
                line.wants("200, degraded, why", kept && noticed.is_some() && silent == 0 && !whys.is_empty())
            }
            Kind::Healthy | Kind::Back => line.wants("200", kept),
        }
    }

    fn emptied(&self, looks: &[&Look]) -> Line {
        let most = looks.iter().map(|look| look.frames).max().unwrap_or(0);
        let home = looks.last().is_some_and(|look| look.is_ok);
        let took = (self.until - self.from).as_secs_f64();
        self.line("spool empty", format!("{most} frames"), format!("{took:.1} s after its return")).wants("empty", home)
    }
}

/// In milliseconds.
pub fn quantiles(waits: impl IntoIterator<Item = Duration>) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are valid");
    for wait in waits {
        histogram.saturating_record(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX));
    }
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    format!("p50 {:.1} p99 {:.1} p99.9 {:.0} max {:.0} ms", at(0.5), at(0.99), at(0.999), at(1.0))
}
