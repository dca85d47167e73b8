//! The name of a call to somebody of the team. It is part of the address the carrier calls back, so that a key leads to
//! whoever pressed it, also after a restart, when nobody waits for the call any more.

use std::fmt;
use std::str::FromStr;

use super::state::{Place, Telling, Way};
use crate::ids::{AlertId, BadId, digest64};

/// Written as letters, digits and `-`, at most 64 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallName {
    pub alert: AlertId,
    pub place: Place,
    /// Digest of the contact's name.
    contact: u64,
}

impl CallName {
    pub fn new(alert: AlertId, place: Place, contact: &str) -> CallName {
        CallName { alert, place, contact: digest64(&[contact]) }
    }

    pub fn is_of(&self, telling: &Telling) -> bool {
        telling.by == Way::Call && CallName::new(self.alert, telling.place, &telling.contact) == *self
    }
}

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallName { alert, place: Place { walk, round, step }, contact } = self;
        // Three numbers of at most 4 hexadecimal digits: nobody is told more often.
        write!(f, "{alert}-{walk:x}-{round:x}-{step:x}-{contact:016x}")
    }
}

impl FromStr for CallName {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let mut parts = text.split('-');
        let mut next = || parts.next().filter(|part| part.len() <= 32).ok_or(BadId::Alert);
        let alert = next()?.parse()?;
        let mut number = || u32::from_str_radix(next()?, 16).map_err(|_| BadId::Alert);
        let place = Place { walk: number()?, round: number()?, step: number()? };
        let contact = u64::from_str_radix(next()?, 16).map_err(|_| BadId::Alert)?;
        if parts.next().is_some() {
            return Err(BadId::Alert);
        }
        Ok(CallName { alert, place, contact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_the_call_and_to_no_other() {
        let alert: AlertId = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let name = CallName::new(alert, Place { walk: 1, round: 12, step: 3 }, "on_call");
        let text = name.to_string();
        assert!(text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{text}");
        assert_eq!(text.parse::<CallName>(), Ok(name));
        assert_ne!(text, CallName::new(alert, Place { walk: 1, round: 12, step: 3 }, "owner").to_string());
        for bad in ["", "x", "0123456789abcdef0123456789abcdef", &text[1..], &format!("{text}-0"), &"9".repeat(64)] {
            assert!(bad.parse::<CallName>().is_err(), "{bad}");
        }
    }
}
