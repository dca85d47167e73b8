//! Sessions of browsers: in memory, so a restart signs everybody out. Only digests are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine::ports::Clock;
use engine::time::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{Identity, fresh_secret};

type SessionDigest = [u8; 32];

struct Session {
    identity: Identity,
    ends_at: Timestamp,
}

pub struct Sessions {
    open: Mutex<HashMap<SessionDigest, Session>>,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    pub const LIFE: Duration = Duration::from_secs(12 * 3600);
    /// One more signs out whoever has been here longest.
    pub const MOST: usize = 1_000;

    pub fn new(clock: Arc<dyn Clock>) -> Sessions {
        Sessions { open: Mutex::default(), clock }
    }

    /// Opens a session and returns the secret that names it.
    pub fn open(&self, identity: Identity) -> String {
        let secret = fresh_secret();
        let now = self.clock.now();
        let mut open = self.open.lock();
        open.retain(|_, session| session.ends_at > now);
        if open.len() >= Self::MOST {
            let oldest = open.iter().min_by_key(|(_, session)| session.ends_at).map(|(digest, _)| *digest);
            oldest.map(|digest| open.remove(&digest));
        }
        open.insert(digest(&secret), Session { identity, ends_at: now.plus(Self::LIFE) });
        secret
    }

    pub fn find(&self, secret: &str) -> Option<Identity> {
        let open = self.open.lock();
        let session = open.get(&digest(secret))?;
        (session.ends_at > self.clock.now()).then(|| session.identity.clone())
    }

    pub fn close(&self, secret: &str) {
        self.open.lock().remove(&digest(secret));
    }
}

fn digest(secret: &str) -> SessionDigest {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::login::tests::HandClock;

    #[test]
    fn a_session_ends_after_twelve_hours_or_when_it_is_closed() {
        let clock = HandClock::new();
        let sessions = Sessions::new(clock.clone());
        let (left_open, closed) = (sessions.open(Identity::ADMIN), sessions.open(Identity::ADMIN));
        sessions.close(&closed);
        assert_eq!(sessions.find(&closed), None);
        assert_eq!(sessions.find(&left_open), Some(Identity::ADMIN));
        clock.pass(Sessions::LIFE);
        assert_eq!(sessions.find(&left_open), None);
    }

    #[test]
    fn one_session_too_many_closes_the_oldest() {
        let clock = HandClock::new();
        let sessions = Sessions::new(clock.clone());
        let oldest = sessions.open(Identity::ADMIN);
        clock.pass(Duration::from_secs(1));
        let second = sessions.open(Identity::ADMIN);
        (2..=Sessions::MOST).for_each(|_| drop(sessions.open(Identity::ADMIN)));
        assert_eq!(sessions.find(&oldest), None);
        assert!(sessions.find(&second).is_some());
        assert_eq!(sessions.open.lock().len(), Sessions::MOST);
    }
}
