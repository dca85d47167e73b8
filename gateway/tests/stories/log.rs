//! What the log tells of a call, and what it never tells.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{App, bodies};

#[tokio::test]
async fn a_call_is_one_line_when_it_begins_and_one_when_it_ends_and_never_a_number() {
    let log = Log::of_this_process();
    let app = App::start().await;
    app.rings("call-logged").await.acknowledges();
    app.answers("call-logged").await.acknowledges();
    app.asks_for("call-logged", "sendSMSAlert", json!({"priority": "P1", "message": "The basement is flooded"})).await;
    app.says("call-logged", "My basement is flooded").await.acknowledges();
    app.hangs_up("call-logged").await.acknowledges();
    app.reports("call-logged").await.acknowledges();

    let lines = log.lines_about("call-logged");
    let told = |message: &str| lines.iter().filter(|line| line.contains(message)).count();
    assert_eq!((told("call began"), told("call ended")), (1, 1), "{lines:#?}");
    assert!(lines[0].contains("tenant=boreal") && lines[0].contains("call.phase=\"ringing\""), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("call.group=\"completed.customer\"")), "{lines:#?}");
    let everything = log.text();
    for secret in [bodies::CALLER, "4185550117", "flooded"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
}

#[tokio::test]
async fn a_webhook_that_is_turned_away_is_told_without_a_word_of_it() {
    let log = Log::of_this_process();
    let app = App::start().await;
    app.webhook_as("guessed-secret", "garbage-of-a-stranger").await.refuses(401);
    let told = log.text();
    assert!(
        told.contains("webhook refused webhook.kind=\"unread\" webhook.outcome=\"unauthenticated\" times=1"),
        "{told}"
    );
    assert!(!told.contains("guessed-secret") && !told.contains("garbage"), "{told}");
}

/// Everything this process logs, of the other stories too: lines are told apart by their call.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_this_process() -> Log {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
            tracing::subscriber::set_global_default(lines).expect("nobody else listens");
            log
        });
        LOG.clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines_about(&self, call: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(call)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}
