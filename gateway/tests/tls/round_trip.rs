//! A webhook's whole way with all three servers behind TLS.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::authority::{Authority, Certificate};
use super::creds::Operator;
use super::nats_server::{NatsServer, program};
use super::node::{Node, command, text};
use super::own_postgres::OwnPostgres;
use super::redis_server::{OwnRedis, until};
use super::server::{client, send, spoken, status};

/// Longest anything awaited may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);
const REDIS_PASSWORD: &str = "pw-of-the-cache";

/// Redis beyond its plain port, which is for looking into it.
pub async fn redis(files: &Certificate, more: &[&str]) -> Option<(OwnRedis, u16)> {
    let port = super::free_port();
    let tls_port = port.to_string();
    let tls =
        ["--tls-port", &tls_port, "--tls-cert-file", text(&files.certificate), "--tls-key-file", text(&files.key)];
    let rest = ["--tls-auth-clients", "no", "--tls-ca-cert-file", text(&files.certificate)];
    let redis = OwnRedis::start(&[&tls[..], &rest, more].concat()).await?;
    Some((redis, port))
}

pub fn nats_tls(files: &Certificate) -> String {
    format!("tls {{ cert_file: {:?}, key_file: {:?} }}\n", files.certificate, files.key)
}

struct World {
    authority: Authority,
    postgres: OwnPostgres,
    nats: NatsServer,
    redis: (OwnRedis, u16),
    creds: String,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Option<World> {
        let (authority, postgres, program) = (Authority::new()?, OwnPostgres::new()?, program()?);
        let files = authority.vouches_for("DNS:localhost");
        let redis = redis(&files, &["--requirepass", REDIS_PASSWORD]).await?;
        postgres.start(Some(&files));
        let (operator, folder) = (Operator::new(), tempfile::tempdir().expect("a temporary folder"));
        let nats = NatsServer::start(program, &format!("{}{}", nats_tls(&files), operator.config())).await;
        let creds = text(&operator.creds(folder.path())).to_owned();
        Some(World { authority, postgres, nats, redis, creds, _folder: folder })
    }

    fn bus(&self) -> String {
        format!("tls://localhost:{}", self.nats.port())
    }

    fn cache(&self) -> String {
        format!("rediss://default:{REDIS_PASSWORD}@localhost:{}", self.redis.1)
    }

    /// Hears every call, as somebody else's program would.
    async fn subscriber(&self) -> async_nats::Subscriber {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = async_nats::ConnectOptions::new().credentials_file(&self.creds).await.expect("a .creds file");
        let client = options.add_root_certificates(self.authority.file()).connect(self.bus()).await.expect("let in");
        let heard = client.subscribe("cordboard.calls.>").await.expect("subscribed");
        client.flush().await.expect("subscribed");
        heard
    }

    fn kept_in_redis(&self, key: &str) -> String {
        self.redis.0.cli(&["--no-auth-warning", "-a", REDIS_PASSWORD, "GET", key])
    }

    /// A call is recorded, told of and read.
    async fn takes_a_call(&self, node: &Node, call: &str) {
        let mut heard = self.subscriber().await;
        for dependency in ["store", "bus", "cache"] {
            node.until(dependency, "ok", "").await;
        }
        begins(node, &mut heard).await;
        for message in [status(call, "in-progress", 1), spoken(call, "water in the cellar", 2)] {
            let answer = send(&client(), &node.server.url, call, &message).await.expect("an answer");
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let hearing = async {
            loop {
                let message = heard.next().await.expect("the connection stands");
                let told: Value = serde_json::from_slice(&message.payload).expect("JSON");
                if told["call"]["id"] == call && told["events"].to_string().contains("water in the cellar") {
                    return;
                }
            }
        };
        let told = tokio::time::timeout(PATIENCE, hearing).await;
        assert!(told.is_ok(), "never heard: {}", node.log());
        assert!(node.get(&format!("/api/calls/{call}/events")).await.contains("water in the cellar"));
        let key = format!("cordboard:call:{call}");
        until("kept in Redis", async || self.kept_in_redis(&key).contains(call)).await;
    }
}

/// Telling begins with the newest frame there is when the bus is told for the first time ever: what somebody says before
/// that is not told.
async fn begins(node: &Node, heard: &mut async_nats::Subscriber) {
    let begun = std::time::Instant::now();
    for moment in 1.. {
        assert!(begun.elapsed() < PATIENCE, "nothing is told: {}", node.log());
        let message = spoken("before", "is anybody there", moment);
        send(&client(), &node.server.url, "before", &message).await.expect("an answer");
        if tokio::time::timeout(Duration::from_millis(500), heard.next()).await.is_ok() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_recorded_told_and_read_through_servers_whose_authority_is_named() {
    let Some(world) = World::new().await else { return };
    let authority = world.authority.file();
    let query = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let node = Node::start(&[
        ("CORDBOARD_STORE__URL", &world.postgres.url("localhost", &query)),
        ("CORDBOARD_BUS__URL", &world.bus()),
        ("CORDBOARD_BUS__CREDENTIALS_FILE", &world.creds),
        ("CORDBOARD_BUS__CA_FILE", text(&authority)),
        ("CORDBOARD_CACHE__URL", &world.cache()),
        ("CORDBOARD_CACHE__CA_FILE", text(&authority)),
    ]);
    world.takes_a_call(&node, "named").await;
    assert_eq!(node.server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_trust_whom_the_machine_trusts() {
    let Some(world) = World::new().await else { return };
    let mut command = command();
    command.env("SSL_CERT_FILE", world.authority.file());
    let node = Node::start_with(
        command,
        &[
            ("CORDBOARD_STORE__URL", &world.postgres.url("localhost", "sslmode=verify-full")),
            ("CORDBOARD_BUS__URL", &world.bus()),
            ("CORDBOARD_BUS__CREDENTIALS_FILE", &world.creds),
            ("CORDBOARD_CACHE__URL", &world.cache()),
        ],
    );
    world.takes_a_call(&node, "known").await;
    assert_eq!(node.server.stop(), Some(0));
}
