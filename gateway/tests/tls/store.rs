//! A Postgres that does not prove who it is: what stays wrong is refused at start, what passes is waited for.

use super::authority::Authority;
use super::node::{Node, refuses_to_start, text};
use super::own_postgres::{OwnPostgres, PASSWORD};
use super::server::{client, send, status};

#[tokio::test]
async fn a_postgres_that_cannot_prove_who_it_is_is_refused_in_words_that_help() {
    let (Some(ours), Some(theirs)) = (Authority::new(), Authority::new()) else { return };
    let Some(postgres) = OwnPostgres::new() else { return };
    postgres.start(Some(&ours.vouches_for("DNS:localhost")));
    let with = |file: &std::path::Path| format!("sslmode=verify-full&sslrootcert={}", file.display());
    let nowhere = ours.file().with_file_name("nowhere.pem");
    let no_pem = ours.file().with_file_name("index");
    for (host, query, said) in [
        ("localhost", with(&theirs.file()), &["nobody we believe", "sslrootcert"][..]),
        ("localhost", "sslmode=verify-ca".to_owned(), &["nobody we believe", "sslrootcert"]),
        (
            "localhost",
            format!("sslmode=require&sslrootcert={}", theirs.file().display()),
            &["nobody we believe", "sslrootcert"],
        ),
        // It counts as far away: what goes there is not on this machine for all we know.
        ("127.0.0.1", with(&ours.file()), &["another name", "localhost"]),
        ("localhost", with(&nowhere), &["sslrootcert", "nowhere.pem", "No such file"]),
        ("localhost", with(&no_pem), &["sslrootcert", "no certificate"]),
    ] {
        let log = refuses_to_start(&[("CORDBOARD_STORE__URL", &postgres.url(host, &query))]).await;
        for word in said {
            assert!(log.contains(word), "{host} {query}: no {word:?} in {log}");
        }
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

#[tokio::test]
async fn a_postgres_beyond_this_machine_is_not_spoken_to_in_plain_text() {
    let Some(postgres) = OwnPostgres::new() else { return };
    postgres.start(None);
    // Nothing says that this is here.
    let url = postgres.url("127.1", "");
    let log = refuses_to_start(&[("CORDBOARD_STORE__URL", &url)]).await;
    assert!(log.contains("does not speak TLS") && log.contains("sslmode=disable"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
    let node = Node::start(&[("CORDBOARD_STORE__URL", &postgres.url("127.1", "sslmode=disable"))]);
    node.until("store", "ok", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_waited_for_and_nothing_is_lost_meanwhile() {
    let (Some(ours), Some(postgres)) = (Authority::new(), OwnPostgres::new()) else { return };
    postgres.start(Some(&ours.vouched_for("DNS:localhost")));
    let query = format!("sslmode=verify-full&sslrootcert={}", ours.file().display());
    let node = Node::start(&[("CORDBOARD_STORE__URL", &postgres.url("localhost", &query))]);
    node.until("store", "degraded", "prove").await;
    let log = node.log();
    assert!(log.contains("expired") && !log.contains(PASSWORD), "{log}");
    let answer = send(&client(), &node.server.url, "r", &status("c1", "in-progress", 1)).await.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    postgres.stop();
    postgres.start(Some(&ours.vouches_for("DNS:localhost")));
    node.until("store", "ok", "").await;
    assert!(node.get("/api/calls/c1").await.contains("in_progress"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_replaced_is_believed_as_soon_as_its_file_says_so() {
    let (Some(old), Some(new), Some(postgres)) = (Authority::new(), Authority::new(), OwnPostgres::new()) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let believed = folder.path().join("ca.pem");
    std::fs::copy(old.file(), &believed).expect("copied");
    postgres.start(Some(&old.vouches_for("DNS:localhost")));
    let query = format!("sslmode=verify-full&sslrootcert={}", text(&believed));
    let node = Node::start(&[("CORDBOARD_STORE__URL", &postgres.url("localhost", &query))]);
    node.until("store", "ok", "").await;
    postgres.stop();
    postgres.start(Some(&new.vouches_for("DNS:localhost")));
    let answer = send(&client(), &node.server.url, "r", &status("c1", "in-progress", 1)).await.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    node.until("store", "degraded", "prove").await;
    assert!(node.log().contains("sslrootcert of store.url"), "{}", node.log());
    let both = [old.file(), new.file()].map(|file| std::fs::read_to_string(file).expect("PEM")).concat();
    std::fs::write(&believed, both).expect("written");
    node.until("store", "ok", "").await;
    assert!(node.get("/api/calls/c1").await.contains("in_progress"));
    assert!(!node.log().contains(PASSWORD), "{}", node.log());
}
