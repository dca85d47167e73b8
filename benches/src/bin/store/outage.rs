//! The real server while its Postgres is struck down, falls silent, or cuts every connection, minutes at a time, under
//! webhooks that come by a schedule and wait for nobody. Each is to be answered in its time, emergencies are to be
//! texted meanwhile, and afterwards the tables are to hold everything once.

mod callers;
mod figures;
mod truth;
mod watch;

use std::time::{Duration, Instant};

use benches::carrier::FakeCarrier;
use benches::postgres::Postgres;
use benches::server::Server;
use benches::table::Line;
use tokio::task::block_in_place;
use tokio::time::sleep;

use self::callers::{Answer, Callers};
use self::figures::{Kind, Phase, Seen, arrivals};
use self::watch::Watch;
use super::Arguments;
use super::proxy::{Proxy, Trouble};

/// Until connections are open and the first calls are under way: nobody measures that.
const WARMING: Duration = Duration::from_secs(5);
/// Between two outages, so that one does not begin in the other.
const BREATH: Duration = Duration::from_secs(15);
/// A spool that takes longer than this to be emptied never will be.
const EMPTY_WITHIN: Duration = Duration::from_secs(600);
/// The last texts, once everybody has hung up.
const LAST_TEXTS_WITHIN: Duration = Duration::from_secs(30);
/// Segments a second: the pace of a number is not what is measured.
const PACE: u32 = 1_000;
/// How long the carrier takes to answer.
const CARRIER_TAKES: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_millis(150);

#[derive(Clone, Copy, Debug)]
enum Outage {
    Stopped,
    Hanging,
    Resetting,
}

pub async fn measured(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let mut world = World::start(arguments).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let watch = Watch::start(client, &world.server.url);
    let callers = Callers::start(&world.server.url, arguments.rate)?;
    sleep(WARMING).await;
    let lasts = Duration::from_secs(arguments.seconds.unwrap_or(300).into());
    let mut phases = vec![healthy("before", BREATH * 2).await];
    for outage in [Outage::Stopped, Outage::Hanging, Outage::Resetting] {
        phases.extend(world.lives_through(outage, lasts, &watch).await?);
        phases.push(healthy(&format!("after {}", outage.name()), BREATH).await);
    }
    let (load, log) = callers.hang_up().await?;
    world.last_texts(&log.answers).await;
    watch.until_home(EMPTY_WITHIN).await;
    let looks = watch.end();
    let World { server, carrier, postgres, .. } = world;
    block_in_place(|| server.stop())?;
    let arrived = carrier.log();
    let seen = Seen { answers: &log.answers, looks: &looks, arrivals: arrivals(&arrived) };
    let mut lines: Vec<Line> = phases.iter().flat_map(|phase| phase.lines(&seen)).collect();
    let late = [0.5, 0.99, 1.0].map(|at| load.late.value_at_quantile(at) as f64 / 1_000.0);
    let late = format!("p50 {:.1} p99 {:.1} max {:.0} ms", late[0], late[1], late[2]);
    lines.push(Line::new("how late the load itself was", format!("{} webhooks", load.sent), late).wants("", true));
    lines.extend(truth::lines(&postgres.url, log.told, &arrived).await);
    Ok(lines)
}

async fn healthy(name: &str, lasts: Duration) -> Phase {
    let from = Instant::now();
    sleep(lasts).await;
    Phase { name: name.to_owned(), from, until: Instant::now(), kind: Kind::Healthy }
}

impl Outage {
    fn name(self) -> &'static str {
        match self {
            Outage::Stopped => "stopped",
            Outage::Hanging => "hanging",
            Outage::Resetting => "resetting",
        }
    }
}

struct World {
    server: Server,
    carrier: FakeCarrier,
    proxy: Proxy,
    postgres: Postgres,
    /// The server's.
    _data: tempfile::TempDir,
}

impl World {
    async fn start(arguments: &Arguments) -> anyhow::Result<World> {
        let postgres = Postgres::start()?;
        let proxy = Proxy::before(&postgres.url).await;
        let carrier = FakeCarrier::start(CARRIER_TAKES)?;
        let data = tempfile::tempdir()?;
        let mut settings = carrier.settings(PACE);
        settings.push(("CORDBOARD_STORE__URL", proxy.url_of(&postgres.url)));
        let binary = arguments.binary()?;
        let server = block_in_place(|| Server::start(&binary, data.path(), &settings))?;
        Ok(World { server, carrier, proxy, postgres, _data: data })
    }

    /// The outage, and the time from its end until the spool is empty.
    async fn lives_through(&mut self, outage: Outage, lasts: Duration, watch: &Watch) -> anyhow::Result<[Phase; 2]> {
        eprintln!("{} for {} s", outage.name(), lasts.as_secs());
        let from = Instant::now();
        match outage {
            Outage::Stopped => block_in_place(|| self.postgres.strike_down())?,
            Outage::Hanging => self.proxy.set(Trouble::BlackHole).await,
            Outage::Resetting => self.proxy.set(Trouble::Reset).await,
        }
        sleep(lasts.saturating_sub(from.elapsed())).await;
        // Struck down, it reads its log before it answers anybody: until then it is away.
        match outage {
            Outage::Stopped => block_in_place(|| self.postgres.start_again())?,
            Outage::Hanging | Outage::Resetting => self.proxy.heal().await,
        }
        let back = Instant::now();
        watch.until_home(EMPTY_WITHIN).await;
        let (away, returning) = (outage.name().to_owned(), format!("{}, back", outage.name()));
        Ok([
            Phase { name: away, from, until: back, kind: Kind::Away },
            Phase { name: returning, from: back, until: Instant::now(), kind: Kind::Back },
        ])
    }

    /// Until the carrier has heard of every text that was promised, or never will.
    async fn last_texts(&self, answers: &[Answer]) {
        let promised: u64 = answers.iter().filter_map(|answer| answer.owed.as_ref()).map(|(_, texts)| texts).sum();
        let begun = Instant::now();
        while (self.carrier.arrived() as u64) < promised && begun.elapsed() < LAST_TEXTS_WITHIN {
            sleep(Duration::from_millis(100)).await;
        }
    }
}
