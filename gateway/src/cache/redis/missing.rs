//! What went wrong with a Redis, in words for whoever can mend it.

use engine::failure::Failure;
use fred::error::{Error, ErrorKind};
use parking_lot::Mutex;

use crate::tls::Distrust;

/// Why there is no connection, as of the last try.
pub(super) struct Missing {
    /// By `rediss://`.
    secure: bool,
    why: Mutex<String>,
}

impl Missing {
    pub fn new(secure: bool) -> Missing {
        Missing { secure, why: Mutex::default() }
    }

    pub fn told(&self) -> String {
        match &*self.why.lock() {
            why if why.is_empty() => "redis: not connected".to_owned(),
            why => format!("redis: not connected ({why})"),
        }
    }

    /// Logged when it is news, not with every try.
    pub fn note(&self, error: &Error) {
        let told = why_not(error, self.secure);
        let mut why = self.why.lock();
        if *why != told {
            tracing::warn!(why = told, "redis is not connected, reads go to the store");
            *why = told;
        }
    }
}

/// For people who can mend it; without the words of the server, like [`failure`].
fn why_not(error: &Error, secure: bool) -> String {
    let details = error.details();
    if let Some(distrust) = Distrust::read(details) {
        return distrust.told("cache.ca_file", "use redis:// in cache.url");
    }
    let said = failure(error).to_string();
    let said = said.trim_start_matches("redis: ");
    match error.kind() {
        ErrorKind::IO if details.contains("ConnectionRefused") => "nobody listens there".to_owned(),
        ErrorKind::IO if details.contains("lookup") => "its name is not known".to_owned(),
        // It may wait for the end of what it takes for a command.
        ErrorKind::Timeout if secure => format!("{said}: if it does not speak TLS there, use redis:// in cache.url"),
        ErrorKind::IO | ErrorKind::Protocol if !secure => {
            format!("{said}: if it speaks TLS, use rediss:// in cache.url")
        }
        _ => said.to_owned(),
    }
}

/// Without the words of the server, which may hold what was sent.
pub(super) fn failure(error: &Error) -> Failure {
    let details = error.details();
    let known = ["NOAUTH", "WRONGPASS", "NOPERM", "READONLY", "OOM", "LOADING", "MISCONF", "MASTERDOWN", "WRONGTYPE"];
    if let Some(code) = known.into_iter().find(|code| details.contains(code)) {
        return Failure::retry(format!("redis: it answers {code}"));
    }
    Failure::retry(match error.kind() {
        ErrorKind::Timeout => "redis: no answer in time",
        ErrorKind::Auth => "redis: it wants another password",
        ErrorKind::IO | ErrorKind::Canceled => "redis: the connection was lost",
        ErrorKind::Backpressure => "redis: too much waits for it",
        ErrorKind::Tls => "redis: no TLS with it",
        ErrorKind::Protocol | ErrorKind::Parse => "redis: it does not speak as Redis does",
        ErrorKind::Url | ErrorKind::Config => "redis: the URL cannot be used",
        _ => "redis: it refuses",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_connection_is_told_without_the_words_of_the_server() {
        let refused = "Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }";
        let unknown = "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }";
        for (kind, details, secure, told) in [
            (ErrorKind::IO, refused, true, "nobody listens there"),
            (ErrorKind::IO, "failed to lookup address information", true, "its name is not known"),
            (ErrorKind::IO, unknown, true, "name the PEM file of its authority in cache.ca_file"),
            (ErrorKind::IO, "Connection closed.", false, "if it speaks TLS, use rediss:// in cache.url"),
            (ErrorKind::IO, "Connection closed.", true, "the connection was lost"),
            (ErrorKind::Timeout, "jo:pw", true, "use redis:// in cache.url"),
            (ErrorKind::Timeout, "jo:pw", false, "no answer in time"),
            (ErrorKind::Auth, "WRONGPASS jo:pw is not known", true, "it answers WRONGPASS"),
        ] {
            let missing = Missing::new(secure);
            missing.note(&Error::new(kind, details));
            let found = missing.told();
            assert!(found.contains(told) && !found.contains("jo:pw"), "{details}: {found}");
        }
    }
}
