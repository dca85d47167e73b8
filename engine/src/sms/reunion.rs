//! A message that two nodes had while they could not see each other. Neither can know whether the other one sends it, and
//! an emergency is told twice rather than not at all: what both did comes on one record, and is marked.

use super::attempt::Attempt;
use super::message::{Sms, SmsState};

/// A message as it stands somewhere, and what was tried there.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    pub sms: Sms,
    /// Number of the newest attempt.
    pub last_attempt: u32,
    /// In the order of their numbers. The first ones are missing where somebody else made them.
    pub attempts: Vec<Attempt>,
}

impl Tried {
    /// What is recorded here, joined by what was recorded elsewhere and may have been offered before. An attempt is known
    /// by its token; where its number is taken here, it gets the next one.
    pub fn with(&self, offered: &Tried) -> Tried {
        let (repeated, news): (Vec<_>, Vec<_>) = offered.attempts.iter().partition(|attempt| self.has(attempt));
        let rivals = self.rivals(&news);
        let takes_offered = match rivals.is_empty() {
            true => offered.is_newer_than(self),
            // Its own attempt is the newest no more, so the answer to that would not move it.
            false => self.sms.state == SmsState::Sending || rank(offered.sms.state) > rank(self.sms.state),
        };
        let newer = |known: &Attempt| {
            let again = repeated.iter().find(|again| takes_offered && again.token == known.token);
            Attempt { number: known.number, ..again.copied().unwrap_or(known).clone() }
        };
        let mut attempts: Vec<Attempt> = self.attempts.iter().map(newer).collect();
        attempts.extend(numbered_on(&news, self.last_attempt));
        let mut sms = if takes_offered { offered.sms.clone() } else { self.sms.clone() };
        sms.updated_at = self.sms.updated_at.max(offered.sms.updated_at);
        sms.possible_duplicate = self.sms.possible_duplicate
            || offered.sms.possible_duplicate
            || (any_may_have_left(&rivals) && any_may_have_left(&news));
        if !rivals.is_empty() {
            sms.attempts = self.sms.attempts + counted(&news);
        }
        let newest = attempts.last().map_or(0, |attempt| attempt.number);
        Tried { sms, last_attempt: newest.max(self.last_attempt).max(offered.last_attempt), attempts }
    }

    fn has(&self, attempt: &Attempt) -> bool {
        self.attempts.iter().any(|known| known.token == attempt.token)
    }

    /// What was tried here since the two parted.
    fn rivals(&self, news: &[&Attempt]) -> Vec<&Attempt> {
        let Some(parted) = news.first().map(|first| first.number) else { return Vec::new() };
        self.attempts.iter().filter(|attempt| attempt.number >= parted).collect()
    }

    fn is_newer_than(&self, other: &Tried) -> bool {
        (self.last_attempt, self.sms.updated_at) >= (other.last_attempt, other.sms.updated_at)
    }
}

/// Behind those that have these numbers here.
fn numbered_on<'a>(news: &'a [&Attempt], last: u32) -> impl Iterator<Item = Attempt> + 'a {
    let taken = news.first().map_or(0, |first| (last + 1).saturating_sub(first.number));
    news.iter().map(move |attempt| Attempt { number: attempt.number + taken, ..(*attempt).clone() })
}

fn any_may_have_left(attempts: &[&Attempt]) -> bool {
    use SmsState::*;
    let stayed = |attempt: &&Attempt| attempt.provider_id.is_none() && matches!(attempt.outcome, Some(Queued | Failed));
    !attempts.iter().all(stayed)
}

fn counted(attempts: &[&Attempt]) -> u32 {
    let counts = attempts.iter().filter(|attempt| attempt.counts != Some(false)).count();
    u32::try_from(counts).unwrap_or(u32::MAX)
}

/// Of two ends the better one holds: the recipient has it if either of them delivered it.
fn rank(state: SmsState) -> u8 {
    use SmsState::*;
    match state {
        Delivered => 7,
        Sent => 6,
        Accepted => 5,
        Sending | Unknown => 4,
        // Somebody wanted it.
        Suppressed | Cancelled => 3,
        Queued => 2,
        Undelivered | Failed => 1,
        Expired => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::SmsState::*;
    use super::*;
    use crate::priority::Priority;
    use crate::sms::AttemptToken;
    use crate::testing::frames::{call, moment, text};

    /// What was tried, by whom, under which number and with which outcome; none while in flight.
    type Try = (u8, u32, Option<SmsState>);

    fn tried(state: SmsState, attempts: &[Try]) -> Tried {
        let owed = Sms::owed(&text(&call("acme", "c1"), "flood", Priority::P1));
        let attempt = |(by, number, outcome): &Try| Attempt {
            outcome: *outcome,
            ..Attempt::new(owed.id, *number, "+15145550199".into(), AttemptToken::from_bits([*by; 16]), moment(1))
        };
        let last_attempt = attempts.last().map_or(0, |(_, number, _)| *number);
        let attempts: Vec<Attempt> = attempts.iter().map(attempt).collect();
        let updated_at = moment(u64::from(last_attempt) + 1);
        Tried { sms: Sms { state, attempts: last_attempt, updated_at, ..owed.clone() }, last_attempt, attempts }
    }

    #[test]
    fn of_what_two_have_sent_the_better_end_holds_and_it_is_marked() {
        for (here, there, both) in [
            (Accepted, Accepted, Accepted),
            (Accepted, Delivered, Delivered),
            (Delivered, Accepted, Delivered),
            (Accepted, Unknown, Accepted),
            (Unknown, Sent, Sent),
            (Undelivered, Accepted, Accepted),
            (Accepted, Undelivered, Accepted),
        ] {
            let united = tried(here, &[(1, 1, Some(here))]).with(&tried(there, &[(2, 1, Some(there))]));
            assert_eq!((united.sms.state, united.sms.possible_duplicate), (both, true), "{here:?} {there:?}");
            let numbers: Vec<_> = united.attempts.iter().map(|attempt| (attempt.number, attempt.outcome)).collect();
            assert_eq!(numbers, [(1, Some(here)), (2, Some(there))]);
            assert_eq!((united.last_attempt, united.sms.attempts), (2, 2));
        }
    }

    #[test]
    fn what_is_being_sent_here_is_settled_by_the_other_end() {
        // The answer to the attempt that is in flight would not move the message: it is not the newest any more.
        for end in [Accepted, Unknown, Failed] {
            let united = tried(Sending, &[(1, 1, None)]).with(&tried(end, &[(2, 1, Some(end))]));
            assert_eq!((united.sms.state, united.attempts[0].outcome), (end, None));
            assert_eq!(united.sms.possible_duplicate, end != Failed, "a refused one was sent by nobody else");
        }
    }

    #[test]
    fn one_that_was_tried_elsewhere_alone_is_as_it_is_there() {
        let never_left = (1, 1, Some(Queued));
        for (here, there) in [
            (tried(Queued, &[]), tried(Accepted, &[(2, 1, Some(Accepted))])),
            (tried(Queued, &[never_left]), tried(Accepted, &[(2, 2, Some(Accepted))])),
            (tried(Queued, &[(1, 1, Some(Undelivered))]), tried(Sent, &[(2, 2, Some(Accepted))])),
            (tried(Cancelled, &[]), tried(Unknown, &[(2, 1, Some(Unknown))])),
        ] {
            let united = here.with(&there);
            assert_eq!((&united.sms, united.last_attempt), (&there.sms, there.last_attempt));
            assert_eq!(united.attempts.len(), here.attempts.len() + 1);
        }
        // A claim that never left leaves no doubt, whatever its number.
        let united = tried(Queued, &[never_left]).with(&tried(Accepted, &[(2, 1, Some(Accepted))]));
        assert_eq!((united.sms.state, united.sms.possible_duplicate, united.last_attempt), (Accepted, false, 2));
    }

    #[test]
    fn one_that_was_not_tried_elsewhere_changes_only_what_is_older() {
        let sent = tried(Sent, &[(1, 1, Some(Accepted))]);
        assert_eq!(sent.with(&tried(Queued, &[])), sent);
        let cancelled = tried(Cancelled, &[]);
        assert_eq!(tried(Queued, &[]).with(&cancelled), cancelled);
    }

    #[test]
    fn what_was_offered_before_changes_nothing() {
        let here = tried(Accepted, &[(1, 1, Some(Accepted))]);
        let there = tried(Unknown, &[(2, 1, Some(Unknown)), (3, 2, Some(Accepted))]);
        let united = here.with(&there);
        assert_eq!(united.with(&there), united);
        let numbers: Vec<u32> = united.attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!((numbers, united.last_attempt), (vec![1, 2, 3], 3));
        // Nor when it has gone on since.
        let delivered = Tried { sms: Sms { state: Delivered, ..united.sms.clone() }, ..united };
        assert_eq!(delivered.with(&there), delivered);
    }
}
