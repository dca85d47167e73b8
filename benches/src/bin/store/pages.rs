//! Pages over HTTP, where there are a million calls.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use benches::postgres::Postgres;
use benches::server::Server;
use benches::table::Line;
use hdrhistogram::Histogram;
use serde_json::Value;

use super::{Arguments, data};

/// What the first version of this product was to reach for a query; here it is the whole request.
const WANTED_MS: f64 = 50.0;

pub async fn measured(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let postgres = Postgres::start()?;
    let laid = Instant::now();
    data::history(&postgres, arguments.calls).await?;
    println!("{} calls laid in {:.0} s", arguments.calls, laid.elapsed().as_secs_f64());
    let stand = Stand::start(arguments, &postgres).await?;
    let deep = stand.deep_cursor().await?;
    let requests = arguments.requests;
    let mut lines = Vec::new();
    for (what, path) in [
        ("active list, 1,000 live", "/api/calls/active"),
        ("history, first page", "/api/calls"),
        ("history, first page of one tenant", "/api/calls?tenant=boreal"),
        ("history, ended and urgent", "/api/calls?state=ended&priority=P1"),
        ("history, active ones", "/api/calls?state=active"),
        ("dashboard", "/api/dashboard"),
        ("dashboard of one tenant", "/api/dashboard?tenant=boreal"),
        ("analytics, 30 days", "/api/analytics"),
    ] {
        lines.push(stand.times(what, requests, |_| path.to_owned()).await?);
    }
    let number = |n: u32| format!("/api/calls?from=%2B1514555{:04}", n * 7 % 10_000);
    lines.push(stand.times("history of one number", requests, number).await?);
    let call = |n: u32| format!("/api/calls/call-{}", 1 + n * 7_919 % arguments.calls);
    lines.push(stand.times("one call", requests, call).await?);
    lines.push(stand.pages_from("history, half a year deep", requests, deep).await?);
    for view in ["dashboard_metrics", "call_analytics"] {
        lines.push(stand.counted(view).await?);
    }
    Ok(lines)
}

/// A server on this Postgres, and who asks it.
struct Stand {
    server: Server,
    client: reqwest::Client,
    token: String,
    calls: u32,
    _data: tempfile::TempDir,
}

impl Stand {
    async fn start(arguments: &Arguments, postgres: &Postgres) -> anyhow::Result<Stand> {
        let (data, binary) = (tempfile::tempdir()?, arguments.binary()?);
        let settings = [("CORDBOARD_STORE__URL", postgres.url.clone())];
        let server = Server::start(&binary, data.path(), &settings)?;
        let token = std::fs::read_to_string(data.path().join("admin-token"))?.trim().to_owned();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let stand = Stand { server, client, token, calls: arguments.calls, _data: data };
        // The views are counted once before anything is measured, as they are on a server that has run for a while.
        let begun = Instant::now();
        while stand.get("/api/analytics").await?.as_array().is_none_or(|days| days[29]["total_calls"] == 0) {
            ensure!(begun.elapsed() < Duration::from_secs(300), "the views are never counted");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(stand)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.text(path).await?;
        serde_json::from_str(&answer).context("an answer is JSON")
    }

    async fn text(&self, path: &str) -> anyhow::Result<String> {
        let request = self.client.get(format!("{}{path}", self.server.url)).bearer_auth(&self.token);
        let response = request.send().await?;
        ensure!(response.status() == 200, "{path}: {}", response.status());
        Ok(response.text().await?)
    }

    async fn times(&self, what: &str, requests: u32, path: impl Fn(u32) -> String) -> anyhow::Result<Line> {
        let mut taken = Histogram::<u64>::new(3)?;
        for n in 0..requests {
            let begun = Instant::now();
            self.text(&path(n)).await?;
            taken.record(u64::try_from(begun.elapsed().as_micros())?)?;
        }
        Ok(self.line(what, &taken))
    }

    /// Page after page, each from where the one before ended.
    async fn pages_from(&self, what: &str, requests: u32, mut cursor: String) -> anyhow::Result<Line> {
        let mut taken = Histogram::<u64>::new(3)?;
        for _ in 0..requests {
            let begun = Instant::now();
            let page = self.text(&format!("/api/calls?cursor={cursor}")).await?;
            taken.record(u64::try_from(begun.elapsed().as_micros())?)?;
            let page: Value = serde_json::from_str(&page)?;
            cursor = page["next"].as_str().context("there are more pages")?.to_owned();
        }
        Ok(self.line(what, &taken))
    }

    async fn deep_cursor(&self) -> anyhow::Result<String> {
        let (middle, now) = (Duration::from_secs(182 * 24 * 3600), std::time::SystemTime::now());
        let since_epoch = (now - middle).duration_since(std::time::UNIX_EPOCH)?;
        let until = engine::time::Timestamp::from_millis(i64::try_from(since_epoch.as_millis())?);
        let page = self.get(&format!("/api/calls?limit=1&until={until}")).await?;
        Ok(page["next"].as_str().context("there are more pages")?.to_owned())
    }

    /// How long counting takes, as the server tells it.
    async fn counted(&self, view: &str) -> anyhow::Result<Line> {
        let metrics = self.text("/metrics").await?;
        let of = |name: &str| -> Option<f64> {
            let series = format!("cordboard_view_refresh_seconds_{name}{{");
            let wanted = format!("view=\"{view}\"");
            let line =
                metrics.lines().find(|l| l.starts_with(&series) && l.contains(&wanted) && l.contains("counted"))?;
            line.rsplit_once(' ')?.1.parse().ok()
        };
        let (sum, count) = (of("sum").context("it was counted")?, of("count").context("it was counted")?);
        let measured = format!("{:.0} ms", sum / count * 1_000.0);
        Ok(Line::new(&format!("counting {view}"), format!("{} calls", self.calls), measured).wants("", true))
    }

    fn line(&self, what: &str, taken: &Histogram<u64>) -> Line {
        let at = |quantile| taken.value_at_quantile(quantile) as f64 / 1_000.0;
        let measured = format!("p50 {:.1}, p95 {:.1}, p99 {:.1} ms", at(0.5), at(0.95), at(0.99));
        let under = format!("{} calls, {} requests", self.calls, taken.len());
        Line::new(what, under, measured).wants("p95 < 50 ms", at(0.95) < WANTED_MS)
    }
}
