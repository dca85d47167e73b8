//! How long a carrier wants a sender left alone, after refusals that cost no attempt.

use std::time::Duration;

use super::pace::Moment;

#[derive(Clone, Debug, Default)]
pub struct Door {
    opens_at: Moment,
    /// Attempts refused unprocessed in a row. While there are any, one message at a time tries the door.
    refusals: u32,
    /// Since when one does.
    trying: Option<Moment>,
}

/// The answer of one that tries is awaited no longer than this.
const TRIES_FOR: Duration = Duration::from_secs(120);

impl Door {
    /// When the next message may try.
    pub fn opens_at(&self, now: Moment) -> Moment {
        match self.trying {
            Some(since) if now < since + TRIES_FOR => since + TRIES_FOR,
            _ => self.opens_at,
        }
    }

    /// Nothing has been refused of late: any number of messages may leave together.
    pub fn is_wide(&self) -> bool {
        self.refusals == 0
    }

    /// A message leaves now. Returns the refusals before it, to be given back with its answer.
    pub fn takes(&mut self, now: Moment) -> u32 {
        self.trying = (self.refusals > 0).then_some(now);
        self.refusals
    }

    /// The message that was to leave stays: nothing is known by it, and the next may try.
    pub fn untried(&mut self) {
        self.trying = None;
    }

    /// The answer to a message that left after `before` refusals. Those that were under way together when the first
    /// was refused count as one refusal, and their late successes do not clear it.
    pub fn hears(&mut self, before: u32, rest: Option<Duration>, now: Moment) {
        let newest = before >= self.refusals;
        match rest {
            Some(rest) => {
                self.refusals = self.refusals.max(before.saturating_add(1));
                self.opens_at = self.opens_at.max(now.saturating_add(rest));
            }
            None if newest => self.refusals = 0,
            None => {}
        }
        if newest {
            self.trying = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Duration::from_secs(100);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn messages_refused_together_are_one_refusal_and_then_one_at_a_time_tries_the_door() {
        let mut door = Door::default();
        let before: Vec<u32> = (0..3).map(|_| door.takes(START)).collect();
        before.into_iter().for_each(|before| door.hears(before, Some(SECOND), START));
        assert_eq!((door.opens_at(START), door.is_wide()), (START + SECOND, false));

        assert_eq!(door.takes(START + SECOND), 1);
        assert!(door.opens_at(START + SECOND) > START + 2 * SECOND, "closed until that one is answered");
        door.hears(0, None, START + SECOND);
        assert!(door.opens_at(START + SECOND) > START + 2 * SECOND, "a late success of before says nothing");
        door.hears(1, None, START + SECOND);
        assert_eq!((door.opens_at(START + SECOND), door.is_wide()), (START + SECOND, true));
    }

    #[test]
    fn a_message_that_stays_opens_no_door() {
        let mut door = Door::default();
        door.takes(START);
        door.hears(0, Some(SECOND), START);
        door.takes(START + SECOND);
        door.untried();
        assert_eq!((door.opens_at(START + SECOND), door.is_wide()), (START + SECOND, false));
    }

    #[test]
    fn each_refusal_in_a_row_counts_one_more() {
        let mut door = Door::default();
        for refusals in 0..4 {
            assert_eq!(door.takes(START), refusals);
            door.hears(refusals, Some(SECOND), START);
        }
    }

    #[test]
    fn one_that_is_never_answered_does_not_shut_it_for_ever() {
        let mut door = Door::default();
        door.takes(START);
        door.hears(0, Some(SECOND), START);
        door.takes(START + SECOND);
        assert!(door.opens_at(START + SECOND + TRIES_FOR) <= START + SECOND + TRIES_FOR);
    }
}
