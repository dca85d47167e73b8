//! Twilio's published description of its interface, held between our client and the Twilio of our own by Prism: a
//! request or an answer that is not as described comes back as `application/problem+json`.
//!
//! Runs when `CORDBOARD_CONTRACTS` names a folder of recorded contracts and `ORACLE_PRISM` Prism's command.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use engine::ports::SmsProvider;
use engine::sms::SendOutcome;
use engine::testing::frames::tenant;
use gateway::carriers::twilio::Twilio;
use gateway::simulator::fake_twilio::{Act, FakeTwilio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{OURS, THEIRS, attempt, settings_for, sms};

/// Starting takes it a second; a busy machine may take longer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

async fn proxy(prism: &str, description: &Path, upstream: &str) -> (Child, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut child = Command::new(prism)
        .args(["proxy", "-h", "127.0.0.1", "-p", &port, "--errors"])
        .arg(description)
        .arg(upstream)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("prism starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listening = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("Prism is listening") {
                return;
            }
        }
        panic!("prism ended");
    };
    tokio::time::timeout(STARTS_WITHIN, listening).await.expect("prism listens");
    // Its log must be read, or it stops writing, and then working.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn our_requests_and_our_twilio_are_as_the_published_description_says() {
    let (Ok(contracts), Ok(prism)) = (std::env::var("CORDBOARD_CONTRACTS"), std::env::var("ORACLE_PRISM")) else {
        eprintln!(
            "SKIPPED: CORDBOARD_CONTRACTS or ORACLE_PRISM is not set, so nobody compared us with the description"
        );
        return;
    };
    let fake = FakeTwilio::start().await;
    let description = Path::new(&contracts).join("twilio/messages.strict.openapi.json");
    let (_prism, url) = proxy(&prism, &description, &fake.url()).await;
    let clock = std::sync::Arc::new(engine::ports::SystemClock);
    let twilio = Twilio::new(&settings_for(&url), &super::ways(Some("https://calls.example.com")), clock).unwrap();

    let service = format!("MG{}", "7".repeat(32));
    for sender in [OURS, &service] {
        for body in ["Refoulement & odeur, 12 rue des Érables 🚨", "a"] {
            let outcome = twilio.send(&sms(THEIRS, body), &attempt(sender)).await.outcome;
            let SendOutcome::Accepted { provider_id } = outcome else { panic!("{outcome:?}") };
            assert!(twilio.fetch(&tenant("acme"), &provider_id).await.unwrap().is_some());
            assert!(!twilio.find(&sms(THEIRS, body), &attempt(sender)).await.unwrap().is_empty());
        }
    }
    for (act, code) in [
        (Act::refuse(400, 21610, "Attempt to send to unsubscribed recipient"), 21610),
        (Act::refuse(401, 20003, "Authenticate"), 20003),
    ] {
        fake.will(act);
        match twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await.outcome {
            SendOutcome::Rejected { code: got, .. } => assert_eq!(got, code),
            other => panic!("{other:?}"),
        }
    }
    fake.will(Act::refuse(429, 20429, "Too Many Requests"));
    assert_eq!(twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await.outcome, SendOutcome::Throttled { after: None });
    let reached = fake.log().len();
    let wrong = twilio.send(&sms(THEIRS, "a"), &attempt("not a sender at all")).await.outcome;
    assert!(!matches!(wrong, SendOutcome::Accepted { .. }), "{wrong:?}");
    assert_eq!(fake.log().len(), reached, "prism itself refuses what is not as described");
}
