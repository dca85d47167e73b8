//! The sandbox's telephone: it rings nobody, and ends calls as somebody might have.
//!
//! | number       | what happens                        |
//! |--------------|-------------------------------------|
//! | +15005550040 | a person picks up and presses 1     |
//! | +15005550041 | a person picks up and presses 2     |
//! | +15005550042 | a person picks up and says nothing  |
//! | +15005550043 | an answering machine picks up       |
//! | +15005550044 | the call cannot be placed           |
//! | any other    | it rings, and nobody picks up       |

use std::time::Duration;

use async_trait::async_trait;
use engine::alert::Answer;
use engine::ports::{CallOutcome, NewCall, Telephony};
use tokio::time::sleep;

pub struct Telephone {
    /// How long it takes until somebody picks up, or nobody does.
    pub rings_for: Duration,
}

#[async_trait]
impl Telephony for Telephone {
    async fn call(&self, call: &NewCall) -> CallOutcome {
        sleep(self.rings_for).await;
        match call.to.as_str().strip_prefix("+1500555") {
            Some("0040") => CallOutcome::Answered { answer: Some(Answer::Take) },
            Some("0041") => CallOutcome::Answered { answer: Some(Answer::Pass) },
            Some("0042") => CallOutcome::Answered { answer: None },
            Some("0043") => CallOutcome::Machine,
            Some("0044") => CallOutcome::Failed { why: "the number is not in service".into() },
            _ => CallOutcome::NoAnswer,
        }
    }
}
