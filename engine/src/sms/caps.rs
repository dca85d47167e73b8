//! What a tenant's texts may cost in a day, and how many one caller may get.
//!
//! What a cap refuses is held until the tenant's next day, and expires if its deadline is before that: whether it is
//! still worth sending then is the deadline's to say, not the cap's. Part of the day's money is kept for the urgent
//! (P1 and P2). An emergency told to the team is never held: it is what the money is kept for, and the texts of one
//! call are limited elsewhere.

use super::breaker::Audience;
use crate::priority::Priority;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caps {
    /// Segments a day, all together. `None`: no limit.
    pub segments: Option<u64>,
    /// The part of them that is for P1 and P2 alone: 0 to 1.
    pub reserve: f64,
    /// Texts a day to one number that is not the team's. `None`: no limit.
    pub per_caller: Option<u32>,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps { segments: None, reserve: 0.25, per_caller: Some(10) }
    }
}

/// What was used of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Segments of the tenant.
    pub segments: u64,
    /// Texts to this number.
    pub to_recipient: u32,
}

/// Why a message waits for the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capped {
    Spend,
    Recipient,
}

impl Capped {
    /// As the API shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Capped::Spend => "held: the day's money for texts is spent",
            Capped::Recipient => "held: this number had its texts for today",
        }
    }
}

impl Caps {
    /// Whether one more message of `segments` is too much today.
    pub fn refuse(&self, priority: Priority, audience: Audience, segments: u16, used: Used) -> Option<Capped> {
        if audience == Audience::Callers && self.per_caller.is_some_and(|most| used.to_recipient >= most) {
            return Some(Capped::Recipient);
        }
        let all = self.segments?;
        let most = match (priority, audience) {
            (Priority::P1, Audience::Staff) => return None,
            (Priority::P1 | Priority::P2, _) => all,
            _ => all - (all as f64 * self.reserve.clamp(0.0, 1.0)) as u64,
        };
        (used.segments.saturating_add(segments.into()) > most).then_some(Capped::Spend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Audience::{Callers, Staff};
    use Capped::{Recipient, Spend};
    use Priority::{P1, P2, P4};

    #[test]
    fn the_urgent_have_a_reserve_and_an_alarm_to_the_team_is_never_held() {
        let caps = Caps { segments: Some(100), reserve: 0.25, per_caller: Some(3) };
        for (priority, audience, segments, spent, to_recipient, refused) in [
            (P4, Callers, 1, 74, 0, None),
            (P4, Callers, 2, 74, 0, Some(Spend)),
            (P4, Staff, 1, 75, 0, Some(Spend)),
            (P2, Staff, 1, 99, 0, None),
            (P2, Staff, 1, 100, 0, Some(Spend)),
            (P1, Callers, 1, 100, 0, Some(Spend)),
            (P1, Staff, 10, 5_000, 99, None),
            (P4, Callers, 1, 0, 2, None),
            (P4, Callers, 1, 0, 3, Some(Recipient)),
            (P4, Staff, 1, 0, 99, None),
        ] {
            let used = Used { segments: spent, to_recipient };
            assert_eq!(caps.refuse(priority, audience, segments, used), refused, "{priority} {audience:?} {used:?}");
        }
    }

    #[test]
    fn without_a_price_nothing_is_too_dear() {
        let used = Used { segments: u64::MAX, to_recipient: 0 };
        assert_eq!(Caps::default().refuse(P4, Callers, 1, used), None);
    }
}
