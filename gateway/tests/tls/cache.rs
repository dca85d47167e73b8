//! A Redis that does not prove who it is: it gets nothing, calls go on, and why is said.

use super::authority::Authority;
use super::node::{Node, refuses_to_start, text};
use super::round_trip::redis;

const PASSWORD: &str = "pw-for-nobody";

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_cannot_prove_who_it_is_gets_nothing_and_the_page_says_why() {
    let (Some(ours), Some(theirs)) = (Authority::new(), Authority::new()) else { return };
    let Some((valid, port)) = redis(&ours.vouches_for("DNS:localhost"), &[]).await else { return };
    let Some((_expired, expired_port)) = redis(&ours.vouched_for("DNS:localhost"), &[]).await else { return };
    let plain_port = valid.url.rsplit(':').next().expect("a port").parse().expect("a port");
    for (host, port, authority, said) in [
        ("localhost", port, theirs.file(), "cache.ca_file"),
        ("127.0.0.1", port, ours.file(), "another name"),
        ("localhost", expired_port, ours.file(), "expired"),
        ("localhost", plain_port, ours.file(), "use redis:// in cache.url"),
    ] {
        let node = Node::start(&[
            ("CORDBOARD_CACHE__URL", &format!("rediss://default:{PASSWORD}@{host}:{port}")),
            ("CORDBOARD_CACHE__CA_FILE", text(&authority)),
        ]);
        let trouble = node.until("cache", "degraded", said).await;
        let log = node.log();
        assert!(log.contains(said) && !log.contains(PASSWORD) && !trouble.contains(PASSWORD), "{trouble}\n{log}");
    }
    assert_eq!(valid.cli(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_told_at_start() {
    let Some(ours) = Authority::new() else { return };
    for (file, said) in [("nowhere.pem", "No such file"), ("index", "no certificate")] {
        let file = ours.file().with_file_name(file);
        for key in ["CACHE", "BUS"] {
            let scheme = if key == "BUS" { "tls" } else { "rediss" };
            let (url, ca) = (format!("CORDBOARD_{key}__URL"), format!("CORDBOARD_{key}__CA_FILE"));
            let log = refuses_to_start(&[(&url, &format!("{scheme}://localhost:1")), (&ca, text(&file))]).await;
            assert!(log.contains(&format!("{}.ca_file", key.to_lowercase())) && log.contains(said), "{key} {log}");
        }
    }
}
