//! An emergency that nobody answers, on the wall clock: every step of its roster on time at the carrier, while the
//! server is killed and its clock is set an hour forward and back.
//!
//! The clock is set by libfaketime, where it is installed (Debian: `faketime`); what the carrier's clock says is real.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use benches::carrier::Arrival;
use benches::server::Server;
use serde_json::Value;
use tokio::time::sleep_until;

use super::Arguments;
use super::stand::Stand;
use benches::table::Line;

/// Its first step tells two people, its second one a third, and it is gone through three times.
const PLAYBOOK: &str = include_str!("../../../../config/playbooks/boreal.toml");
const TOLD_BY_STEP: [&[&str]; 2] = [&["+15145550110", "+15145550111"], &["+14505550112"]];
const STEPS: u32 = 6;

const WAIT: Duration = Duration::from_secs(10);
const ON_TIME: Duration = Duration::from_secs(1);

/// Seconds after the emergency.
const KILLED_AT: [u64; 3] = [5, 27, 44];
/// The server's clock from then on.
const CLOCK_AT: [(u64, &str); 2] = [(13, "+3600s"), (35, "-3600s")];

enum Act {
    Kill,
    SetClock(&'static str),
}

pub async fn on_time(arguments: &Arguments) -> anyhow::Result<Line> {
    let stand = Stand::new(arguments, 100)?;
    let clock = Clock::new(&stand)?;
    let settings = clock.settings(&stand)?;
    let mut server = stand.serve_with(&settings).await?;
    let asked = Instant::now();
    stand.emergency(&server, "walk", "walk").send().await?.error_for_status()?;
    for (at, act) in acts() {
        sleep_until((asked + Duration::from_secs(at)).into()).await;
        match act {
            Act::SetClock(offset) => clock.set(offset)?,
            Act::Kill => {
                server.kill();
                server = stand.serve_with(&settings).await?;
            }
        }
    }
    sleep_until((asked + WAIT * STEPS + ON_TIME).into()).await;
    let state = state(&stand, &server).await?;
    let (late, wrong) = compared(&stand.carrier.log(), asked);
    let under = format!("{STEPS} steps, {} kills, {}", KILLED_AT.len(), clock.told());
    let measured = format!("latest {} ms late, {wrong} wrong, then {state}", late.as_millis());
    Ok(Line::new("an emergency nobody answers", under, measured)
        .wants("<= 1 s, unanswered", late <= ON_TIME && wrong == 0 && state == "unanswered"))
}

fn acts() -> Vec<(u64, Act)> {
    let kills = KILLED_AT.into_iter().map(|at| (at, Act::Kill));
    let clock = CLOCK_AT.into_iter().map(|(at, offset)| (at, Act::SetClock(offset)));
    let mut acts: Vec<_> = kills.chain(clock).collect();
    acts.sort_by_key(|(at, _)| *at);
    acts
}

/// How late the latest text was, and how many were missing, too many or early.
fn compared(log: &[Arrival], asked: Instant) -> (Duration, usize) {
    let (mut latest, mut wrong, mut expected) = (Duration::ZERO, 0, 0);
    for step in 0..STEPS {
        let due = asked + WAIT * step;
        let whom = TOLD_BY_STEP[step as usize % TOLD_BY_STEP.len()];
        expected += whom.len();
        for to in whom {
            // Half a wait around: nobody is told by two steps within that.
            let near =
                |arrival: &&Arrival| arrival.to == *to && arrival.at + WAIT / 2 > due && arrival.at < due + WAIT / 2;
            let told: Vec<&Arrival> = log.iter().filter(near).collect();
            match told[..] {
                [one] if one.at + Duration::from_millis(20) > due => {
                    latest = latest.max(one.at.saturating_duration_since(due))
                }
                _ => wrong += 1,
            }
        }
    }
    (latest, wrong + log.len().abs_diff(expected))
}

async fn state(stand: &Stand, server: &Server) -> anyhow::Result<String> {
    let token = std::fs::read_to_string(stand.data.path().join("admin-token"))?;
    let request = reqwest::Client::builder().no_proxy().build()?.get(format!("{}/api/alerts", server.url));
    let answer: Value = request.bearer_auth(token.trim()).send().await?.error_for_status()?.json().await?;
    let state = answer["items"][0]["state"].as_str().context("there is an alert")?;
    Ok(state.to_owned())
}

/// The clock the server sees.
struct Clock {
    library: Option<PathBuf>,
    offset: PathBuf,
}

impl Clock {
    fn new(stand: &Stand) -> anyhow::Result<Clock> {
        let clock = Clock { library: library(), offset: stand.data.path().join("clock") };
        clock.set("+0s")?;
        Ok(clock)
    }

    fn set(&self, offset: &str) -> anyhow::Result<()> {
        let next = self.offset.with_extension("next");
        std::fs::write(&next, offset)?;
        Ok(std::fs::rename(next, &self.offset)?)
    }

    fn settings(&self, stand: &Stand) -> anyhow::Result<Vec<(&'static str, String)>> {
        let playbooks = stand.data.path().join("rosters");
        std::fs::create_dir_all(&playbooks)?;
        let wait = format!("acknowledge_within_s = {}", WAIT.as_secs());
        std::fs::write(playbooks.join("boreal.toml"), PLAYBOOK.replace("acknowledge_within_s = 300", &wait))?;
        let mut settings = vec![("CORDBOARD_PLAYBOOKS__DIR", playbooks.display().to_string())];
        if let Some(library) = &self.library {
            settings.extend([
                ("LD_PRELOAD", library.display().to_string()),
                ("FAKETIME_TIMESTAMP_FILE", self.offset.display().to_string()),
                ("FAKETIME_CACHE_DURATION", "1".to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ]);
        }
        Ok(settings)
    }

    fn told(&self) -> &'static str {
        if self.library.is_some() { "clock +-1 h" } else { "clock not set: no libfaketime" }
    }
}

fn library() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib").ok()?.flatten();
    found.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}
