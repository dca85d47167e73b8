//! A NATS that does not prove who it is, or that does not believe who we are.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::authority::Authority;
use super::creds::Operator;
use super::nats_server::{NatsServer, program};
use super::node::{Node, refuses_to_start, text};
use super::round_trip::nats_tls;

/// Longest anything awaited may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(90);
const PASSWORD: &str = "pw-for-nobody";

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_cannot_prove_who_it_is_is_not_told_anything_and_the_page_says_why() {
    let (Some(ours), Some(theirs), Some(program)) = (Authority::new(), Authority::new(), program()) else { return };
    let valid = NatsServer::start(program.clone(), &nats_tls(&ours.vouches_for("DNS:localhost"))).await;
    let expired = NatsServer::start(program.clone(), &nats_tls(&ours.vouched_for("DNS:localhost"))).await;
    let plain = NatsServer::start(program, "").await;
    for (host, server, authority, said) in [
        ("localhost", &valid, theirs.file(), "bus.ca_file"),
        ("127.0.0.1", &valid, ours.file(), "another name"),
        ("localhost", &expired, ours.file(), "expired"),
        ("localhost", &plain, ours.file(), "does not speak TLS"),
    ] {
        let node = Node::start(&[
            ("CORDBOARD_BUS__URL", &format!("tls://jo:{PASSWORD}@{host}:{}", server.port())),
            ("CORDBOARD_BUS__CA_FILE", text(&authority)),
        ]);
        let trouble = node.until("bus", "degraded", said).await;
        let log = node.log();
        assert!(log.contains(said) && !log.contains(PASSWORD) && !trouble.contains(PASSWORD), "{trouble}\n{log}");
        assert!(log.matches("bus is not connected").count() < 4, "not with every try: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creds_file_of_another_operator_is_said_to_be_refused_and_a_broken_one_at_start() {
    let (Some(ours), Some(program)) = (Authority::new(), program()) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = format!("{}{}", nats_tls(&ours.vouches_for("DNS:localhost")), Operator::new().config());
    let nats = NatsServer::start(program, &config).await;
    let (url, stranger) = (format!("tls://localhost:{}", nats.port()), Operator::new().creds(folder.path()));
    let node = Node::start(&[
        ("CORDBOARD_BUS__URL", &url),
        ("CORDBOARD_BUS__CA_FILE", text(&ours.file())),
        ("CORDBOARD_BUS__CREDENTIALS_FILE", text(&stranger)),
    ]);
    node.until("bus", "degraded", "bus.credentials_file").await;
    let seed = std::fs::read_to_string(&stranger).expect("written");
    let seed = seed.lines().find(|line| line.starts_with("SU")).expect("a seed");
    assert!(!node.log().contains(seed));
    let broken = folder.path().join("broken.creds");
    std::fs::write(&broken, format!("-----BEGIN NATS USER JWT-----\n{seed}\n")).expect("written");
    for file in [broken, folder.path().join("nowhere.creds")] {
        let settings = [("CORDBOARD_BUS__URL", &*url), ("CORDBOARD_BUS__CREDENTIALS_FILE", text(&file))];
        let log = refuses_to_start(&settings).await;
        assert!(log.contains("bus.credentials_file") && log.contains(text(&file)) && !log.contains(seed), "{log}");
    }
}

/// A cluster tells its clients of its other servers by host and port alone.
#[tokio::test(flavor = "multi_thread")]
async fn who_asked_for_tls_gives_no_password_to_a_server_that_another_has_named() {
    let (Some(ours), Some(program)) = (Authority::new(), program()) else { return };
    let trap = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let named = trap.local_addr().expect("bound").port();
    let (route, tls) = (super::free_port(), nats_tls(&ours.vouches_for("DNS:localhost")));
    let first = format!(
        "{tls}authorization {{ user: jo, password: {PASSWORD:?} }}\ncluster {{ name: one, listen: \"127.0.0.1:{route}\" }}\n"
    );
    let second = format!(
        "client_advertise: \"localhost:{named}\"\ncluster {{ name: one, listen: \"127.0.0.1:-1\", \
         routes: [\"nats-route://127.0.0.1:{route}\"] }}\n"
    );
    let mut nats = NatsServer::start(program.clone(), &first).await;
    let _second = NatsServer::start(program, &second).await;
    until_it_names(nats.port(), named).await;
    let node = Node::start(&[
        ("CORDBOARD_BUS__URL", &format!("tls://jo:{PASSWORD}@localhost:{}", nats.port())),
        ("CORDBOARD_BUS__CA_FILE", text(&ours.file())),
    ]);
    node.until("bus", "ok", "").await;
    nats.kill();
    // A record of the handshake, and not the C of CONNECT.
    assert_eq!(timeout(PATIENCE, first_byte(&trap)).await.expect("it tries the other"), 0x16);
}

/// The first that is said to a server that asks for no TLS.
async fn first_byte(trap: &TcpListener) -> u8 {
    let (mut stream, _) = trap.accept().await.expect("somebody comes");
    let info = r#"INFO {"server_id":"x","server_name":"x","version":"2.9.10","go":"go1.20","host":"0.0.0.0","port":4222,"headers":true,"max_payload":1048576,"proto":1}"#;
    stream.write_all(format!("{info}\r\n").as_bytes()).await.expect("it listens");
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.expect("it says something");
    first[0]
}

async fn until_it_names(port: u16, named: u16) {
    let naming = async {
        loop {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
            let mut info = String::new();
            BufReader::new(stream).read_line(&mut info).await.expect("it says who it is");
            if info.contains(&format!("localhost:{named}")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, naming).await.expect("the two find each other");
}
