//! What can be scripted.

use std::time::Duration;

use super::AUTH_TOKEN;
use super::wire::Answer;

/// What it does with one request to create a message or a call.
#[derive(Clone, Debug)]
pub enum Act {
    /// Takes it, or refuses it, as the real one would.
    Accept,
    /// The same, later.
    Slowly(Duration),
    /// Any answer, and nothing is taken.
    Answer(Answer),
    /// Takes it, and its answer never arrives whole.
    AcceptThen(Break),
    /// Takes it, and answers something else: a server error, a success nobody can read.
    AcceptThenAnswer(Answer),
    /// Takes nothing, and no answer arrives whole.
    Break(Break),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Takes the request, then resets the connection.
    Reset,
    /// Answers 201 and breaks off in the middle of the body.
    Off,
    /// Never answers and keeps the connection.
    Hang,
}

impl Act {
    /// A refusal as Twilio writes it.
    pub fn refuse(status: u16, code: u32, message: &str) -> Act {
        Act::Answer(Answer::refuse(status, code, message))
    }

    pub fn answer(status: u16, body: &str) -> Act {
        Act::Answer(Answer::new(status, body))
    }
}

/// What becomes of a message that was taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fate {
    #[default]
    Delivered,
    /// Sent, and nobody ever tells more.
    Sent,
    Undelivered(u32),
    /// Never left.
    Failed(u32),
}

/// What happens where somebody is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Person {
    #[default]
    NobodyPicksUp,
    /// It rings, and nothing more is ever heard of it.
    RingsOn,
    Busy,
    /// Listens, and presses this key, or none.
    PicksUp(Option<char>),
    /// An answering machine, whose tape sounds like this key.
    Machine(Option<char>),
}

/// How it behaves when nothing else is scripted.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Signs callbacks; whoever comes with another one is 401.
    pub auth_token: String,
    /// Accounts that have a token of their own.
    pub accounts: Vec<(String, String)>,
    /// Before every answer.
    pub latency: Duration,
    /// Requests at once; one more is 429.
    pub concurrency: Option<u32>,
    /// Segments per second and sender; what comes faster waits, first in first out.
    pub mps: Option<f64>,
    /// What may wait per sender. More is refused (21611), or taken and failed when a service sends (30001).
    pub queue: Duration,
    /// What becomes of messages to numbers of which nothing else is said.
    pub fate: Fate,
    /// From sent to delivered.
    pub delivery: Duration,
    /// Callbacks come this much later than what they tell.
    pub callbacks_late: Duration,
    pub callbacks_twice: bool,
    /// The last one first.
    pub callbacks_reversed: bool,
    pub callbacks_lost: bool,
    /// All of them before the answer they belong to.
    pub callbacks_first: bool,
    /// A public URL, and where it is really reached: as a proxy in front of us does it. Signed is the public one.
    pub reached_at: Option<(String, String)>,
    /// The list does not show what is younger.
    pub listing_lag: Duration,
}

impl Manners {
    pub(super) fn token_of(&self, account: &str) -> &str {
        let own = self.accounts.iter().find(|(known, _)| known == account);
        own.map_or(&self.auth_token, |(_, token)| token)
    }
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            auth_token: AUTH_TOKEN.to_owned(),
            accounts: Vec::new(),
            latency: Duration::ZERO,
            concurrency: None,
            mps: None,
            queue: Duration::from_secs(36_000),
            fate: Fate::Delivered,
            delivery: Duration::ZERO,
            callbacks_late: Duration::ZERO,
            callbacks_twice: false,
            callbacks_reversed: false,
            callbacks_lost: false,
            callbacks_first: false,
            reached_at: None,
            listing_lag: Duration::ZERO,
        }
    }
}
