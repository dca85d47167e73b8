//! The network between a server and its Postgres does what networks do, under load: late, reset, swallowed, half open,
//! dripping, cut, refused, one after another, by a seed. Nothing that was acknowledged is missing afterwards, and
//! nobody was texted twice. TROUBLES in the environment says how many.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::carrier::Carrier;
use super::checker::{Book, History, Invariant};
use super::database::{self, Databases};
use super::figures::{row, times};
use super::load::Load;
use super::proxy::Proxy;
use super::server::{Server, binary, client};
use super::server::{settled, until_all_is_home};

const TROUBLES: u64 = 12;
const CALLERS: usize = 6;
/// How long each lasts: long enough to meet statements under way, and to outlast none of their time limits.
const LASTS: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trouble_on_the_way_to_postgres_loses_what_was_acknowledged() {
    let Some(postgres) = database::server() else { return };
    let databases = Databases::on(postgres);
    let database = databases.fresh().await;
    let proxy = Proxy::before(&database).await;
    let carrier = Carrier::start(Duration::from_millis(3)).await;
    let data = tempfile::tempdir().expect("a temporary directory");
    let through = proxy.url_of(&database);
    let settings = [carrier.settings().as_slice(), &[("CORDBOARD_STORE__URL", through.as_str())]].concat();
    let server = Server::start(Command::new(binary()), data.path(), &settings);
    let load = Load::default();
    let mut callers = load.callers_who_insist(&server.url, CALLERS);
    let troubles = times("TROUBLES", TROUBLES);
    for _ in 0..troubles {
        proxy.set(proxy.any_trouble()).await;
        sleep(LASTS).await;
        proxy.heal().await;
        // It is over when somebody is served again.
        load.reaches(load.acknowledged() + 10).await;
    }
    callers.shutdown().await;
    is_ready(&server.url).await;
    until_all_is_home(&server.url).await;
    settled(&server.url, data.path()).await;
    until_all_is_home(&server.url).await;
    assert_eq!(server.stop(), Some(0), "SIGTERM ends the server cleanly");
    let told = load.log.lock().clone();
    let book = Book::read(&database).await;
    databases.dropped().await;
    let history = History { told, asked: carrier.asked(), book, ..History::default() };
    use Invariant::*;
    history.verdict().assert_holds(&[I1, I2, I3, I4, I5, I6, I7, I9]);
    let tried = format!("{troubles} troubles, {} webhooks acknowledged", history.told.len());
    row("network to Postgres: late, reset, black hole, half open, drip, cut, refused", &tried, "0 lost, 0 doubled");
}

/// Everything that was acknowledged has reached the database.
async fn is_ready(url: &str) {
    loop {
        let answer = client().get(format!("{url}/readyz")).send().await.expect("an answer");
        let readiness: Value = answer.json().await.expect("JSON");
        if readiness["dependencies"]["store"]["state"] == "ok" {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
