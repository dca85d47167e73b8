//! An attempt of which nobody knows the end: how long it is looked for in the carrier's books, when absence is believed,
//! and what follows then.
//!
//! Absence proves nothing by itself: the books may lag. It is believed when two looks, far enough apart, agree. The
//! message is then held for people, or, where a late alarm is worse than a second one, sent once more and marked.

use std::time::Duration;

use super::attempt::{Attempt, Found};
use super::message::Sms;
use super::outcome::ErrorClass;
use crate::priority::Priority;
use crate::time::Timestamp;

/// How far the carrier's clock may be from ours, and its times rounded.
const SKEW: Duration = Duration::from_secs(5);

/// Attempts that began further apart are not taken for one another: longer than one lasts that a crash cut, until the
/// server is there again.
pub const ALIKE_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// When a carrier's books are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct LookUps {
    /// After the attempt was given up as unknown.
    pub after: Vec<Duration>,
    /// Least time between two looks that together prove absence.
    pub apart: Duration,
    /// Books that cannot be read are tried again for so long.
    pub give_up: Duration,
}

impl Default for LookUps {
    fn default() -> LookUps {
        LookUps {
            after: [2, 10, 30, 120].map(Duration::from_secs).to_vec(),
            apart: Duration::from_secs(30),
            give_up: Duration::from_secs(3600),
        }
    }
}

/// What follows when it is believed that the carrier has no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// At most once: it stays unknown until somebody decides.
    Hold,
    /// At least once: it is sent again, one time, and marked as a possible duplicate.
    ResendOnce,
}

pub const fn on_unknown(priority: Priority) -> OnUnknown {
    match priority {
        Priority::P1 | Priority::P2 => OnUnknown::ResendOnce,
        Priority::P3 | Priority::P4 => OnUnknown::Hold,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    Look(Timestamp),
    Resend,
    Hold,
}

impl LookUps {
    /// The carrier was asked `now` and does not have it; `attempt` knows when that was first so. `class`: what the code
    /// of its answer means. Where that says that it was most likely not taken, one look is enough, for every priority.
    pub fn after_absence(&self, sms: &Sms, attempt: &Attempt, class: Option<ErrorClass>, now: Timestamp) -> NextStep {
        if class == Some(ErrorClass::UnknownLeanUnsent) && may_be_sent_again(sms, now) {
            return NextStep::Resend;
        }
        let first = attempt.absent_at.unwrap_or(now);
        let proof_at = first.plus(self.apart);
        let resends = self.resends(sms, now);
        if resends && now >= proof_at {
            return NextStep::Resend;
        }
        let given_up = attempt.answered_at.unwrap_or(attempt.started_at);
        let planned = self.after.iter().map(|wait| given_up.plus(*wait)).find(|at| *at > now);
        let proof = (resends || planned.is_none()).then_some(proof_at).filter(|at| *at > now);
        planned.into_iter().chain(proof).min().map_or(NextStep::Hold, NextStep::Look)
    }

    /// The books do not tell whose the message is.
    pub fn after_doubt(&self, attempt: &Attempt, now: Timestamp) -> NextStep {
        let given_up = attempt.answered_at.unwrap_or(attempt.started_at);
        if now.since(given_up) > self.give_up { NextStep::Hold } else { NextStep::Look(now.plus(self.apart)) }
    }

    /// The carrier could not be asked. `may_tell`: it may be able to later on. Whom a late alarm would hurt does not wait
    /// for that: it is sent again after as long as two looks take.
    pub fn after_failure(&self, sms: &Sms, attempt: &Attempt, may_tell: bool, now: Timestamp) -> NextStep {
        let proof_at = attempt.answered_at.unwrap_or(attempt.started_at).plus(self.apart);
        match self.resends(sms, now) {
            true if now >= proof_at => NextStep::Resend,
            true => NextStep::Look(proof_at),
            false if may_tell => self.after_doubt(attempt, now),
            false => NextStep::Hold,
        }
    }

    fn resends(&self, sms: &Sms, now: Timestamp) -> bool {
        on_unknown(sms.priority) == OnUnknown::ResendOnce && may_be_sent_again(sms, now)
    }
}

/// Once, and while it is worth it.
fn may_be_sent_again(sms: &Sms, now: Timestamp) -> bool {
    !sms.possible_duplicate && now < sms.expires_at
}

/// Whether the carrier has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Match<'a> {
    /// And by which attempt: an earlier one of the same message may turn up when a later one is looked for.
    Found(&'a Found, &'a Attempt),
    Absent,
    /// What was found may belong to an attempt that is under way.
    Unclear,
}

/// Whether one of the messages found is the message of `attempt`. The same words may have been sent to the same number several times,
/// so all of them are matched together: `alike` are the attempts of the same words from the same sender to the same
/// number that are unknown or in flight, `found` the carrier's messages that belong to no other attempt.
pub fn match_up<'a>(attempt: &Attempt, alike: &'a [Attempt], found: &'a [Found]) -> Match<'a> {
    let mut found: Vec<&Found> = found.iter().collect();
    found.sort_by_key(|found| (found.created_at, &found.provider_id));
    let fits = |attempt: &Attempt, found: &Found| within(attempt, found.created_at);
    let in_flight = || alike.iter().filter(|other| other.is_in_flight());
    if found.iter().any(|found| fits(attempt, found) && in_flight().any(|other| fits(other, found))) {
        return Match::Unclear;
    }
    let mut open: Vec<&Attempt> = alike.iter().filter(|other| other.is_unknown()).collect();
    // Whose time is over first has the fewest messages to choose from.
    open.sort_by_key(|other| (other.answered_at, other.started_at, other.sms, other.number));
    for found in found {
        let Some(place) = open.iter().position(|other| fits(other, found)) else { continue };
        let owner = open.remove(place);
        if owner.sms == attempt.sms {
            return Match::Found(found, owner);
        }
    }
    Match::Absent
}

/// Between the first byte and the moment it was given up. One in flight has no end yet.
fn within(attempt: &Attempt, at: Timestamp) -> bool {
    at >= attempt.started_at.minus(SKEW) && attempt.answered_at.is_none_or(|end| at <= end.plus(SKEW))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SmsId;
    use crate::sms::attempt::AttemptToken;
    use crate::sms::message::SmsState;
    use crate::sms::outcome::DeliveryStatus;
    use crate::testing::frames::{call, moment, text};

    fn unknown(reason: &str, from: u64, to: u64) -> Attempt {
        let id = SmsId::derive(&call("acme", "c1"), reason, "+15145550110");
        let token = AttemptToken::from_bits([1; 16]);
        Attempt {
            outcome: Some(SmsState::Unknown),
            answered_at: Some(moment(to)),
            ..Attempt::new(id, 1, "+15145550199".into(), token, moment(from))
        }
    }

    fn in_flight(reason: &str, from: u64) -> Attempt {
        Attempt { outcome: None, answered_at: None, ..unknown(reason, from, from) }
    }

    fn found(id: &str, at: u64) -> Found {
        let status = DeliveryStatus::Sent;
        Found { provider_id: id.into(), status, error_code: None, created_at: moment(at) }
    }

    #[test]
    fn a_message_taken_in_the_time_of_the_attempt_is_its() {
        let attempt = unknown("a", 100, 110);
        for (at, is_its) in [(94, false), (95, true), (100, true), (115, true), (116, false)] {
            let books = [found("X", at)];
            let matched = match_up(&attempt, std::slice::from_ref(&attempt), &books);
            assert_eq!(matches!(matched, Match::Found(..)), is_its, "at {at}");
        }
    }

    #[test]
    fn the_same_words_twice_are_matched_as_many_as_there_are() {
        let (a, b) = (unknown("a", 100, 110), unknown("b", 104, 114));
        let alike = [b.clone(), a.clone()];
        let id = |attempt: &Attempt, books: &[Found]| match match_up(attempt, &alike, books) {
            Match::Found(found, _) => Some(found.provider_id.to_string()),
            _ => None,
        };
        let two = [found("second", 108), found("first", 107)];
        assert_eq!((id(&a, &two), id(&b, &two)), (Some("first".into()), Some("second".into())));
        let one = [found("only", 107)];
        assert_eq!((id(&a, &one), id(&b, &one)), (Some("only".into()), None), "the oldest has it");
        let late = [found("late", 118)];
        assert_eq!((id(&a, &late), id(&b, &late)), (None, Some("late".into())));
        let three = [found("x", 101), found("y", 102), found("z", 103)];
        assert_eq!((id(&a, &three), id(&b, &three)), (Some("x".into()), Some("y".into())), "the oldest are adopted");
    }

    #[test]
    fn a_message_sent_twice_is_there_when_either_attempt_is() {
        let (first, second) = (unknown("a", 100, 110), Attempt { number: 2, ..unknown("a", 142, 152) });
        let alike = [first.clone(), second.clone()];
        for (at, owner) in [(101, &first), (143, &second)] {
            let books = [found("X", at)];
            assert_eq!(match_up(&second, &alike, &books), Match::Found(&books[0], owner));
        }
    }

    #[test]
    fn what_may_belong_to_an_attempt_under_way_is_nobodys_yet() {
        let (a, other) = (unknown("a", 100, 110), in_flight("b", 112));
        let alike = [a.clone(), other];
        assert_eq!(match_up(&a, &alike, &[found("X", 113)]), Match::Unclear);
        assert!(matches!(match_up(&a, &alike, &[found("X", 104)]), Match::Found(..)), "before the other began");
        assert_eq!(match_up(&a, &alike, &[]), Match::Absent);
    }

    fn sms(priority: Priority) -> Sms {
        Sms { state: SmsState::Unknown, ..Sms::owed(&text(&call("acme", "c1"), "a", priority)) }
    }

    /// Every look finds nothing: the seconds at which it looks, and how that ends.
    fn looks(sms: &Sms) -> (Vec<u64>, NextStep) {
        let (plan, mut attempt) = (LookUps::default(), unknown("a", 90, 100));
        let (mut now, mut seen) = (moment(102), Vec::new());
        loop {
            seen.push(now.since(moment(100)).as_secs());
            attempt.absent_at.get_or_insert(now);
            match plan.after_absence(sms, &attempt, None, now) {
                NextStep::Look(at) => {
                    assert!(at > now && seen.len() < 10);
                    now = at;
                }
                end => return (seen, end),
            }
        }
    }

    #[test]
    fn an_urgent_message_is_sent_again_when_two_looks_half_a_minute_apart_agree() {
        for urgent in [Priority::P1, Priority::P2] {
            assert_eq!(looks(&sms(urgent)), (vec![2, 10, 30, 32], NextStep::Resend));
        }
    }

    #[test]
    fn the_others_are_held_and_so_is_one_that_was_sent_again_or_is_not_worth_it() {
        for quiet in [Priority::P3, Priority::P4] {
            assert_eq!(looks(&sms(quiet)), (vec![2, 10, 30, 120], NextStep::Hold));
        }
        let again = Sms { possible_duplicate: true, ..sms(Priority::P1) };
        assert_eq!(looks(&again), (vec![2, 10, 30, 120], NextStep::Hold));
        let stale = Sms { expires_at: moment(101), ..sms(Priority::P1) };
        assert_eq!(looks(&stale).1, NextStep::Hold);
    }

    #[test]
    fn what_its_code_says_was_not_taken_is_sent_again_after_one_look_once() {
        let (plan, attempt) = (LookUps::default(), unknown("a", 90, 100));
        let after = |sms: &Sms, class| plan.after_absence(sms, &attempt, Some(class), moment(102));
        for priority in Priority::ALL {
            assert_eq!(after(&sms(priority), ErrorClass::UnknownLeanUnsent), NextStep::Resend);
            assert!(matches!(after(&sms(priority), ErrorClass::Unknown), NextStep::Look(_)));
        }
        let again = Sms { possible_duplicate: true, ..sms(Priority::P4) };
        assert!(matches!(after(&again, ErrorClass::UnknownLeanUnsent), NextStep::Look(_)));
        let stale = Sms { expires_at: moment(101), ..sms(Priority::P1) };
        assert!(matches!(after(&stale, ErrorClass::UnknownLeanUnsent), NextStep::Look(_)));
    }

    #[test]
    fn one_late_look_is_no_proof() {
        let (plan, attempt) = (LookUps::default(), unknown("a", 90, 100));
        let first = Attempt { absent_at: Some(moment(400)), ..attempt };
        assert_eq!(plan.after_absence(&sms(Priority::P4), &first, None, moment(400)), NextStep::Look(moment(430)));
        assert_eq!(plan.after_absence(&sms(Priority::P4), &first, None, moment(430)), NextStep::Hold);
        assert_eq!(plan.after_absence(&sms(Priority::P1), &first, None, moment(430)), NextStep::Resend);
    }

    #[test]
    fn books_that_cannot_be_read_are_tried_for_an_hour() {
        let (plan, attempt) = (LookUps::default(), unknown("a", 90, 100));
        let failed = |may_tell, seconds| plan.after_failure(&sms(Priority::P3), &attempt, may_tell, moment(seconds));
        assert_eq!(failed(true, 102), NextStep::Look(moment(132)));
        assert_eq!(failed(true, 3_701), NextStep::Hold);
        assert_eq!(failed(false, 102), NextStep::Hold, "a carrier without books");
    }

    #[test]
    fn an_urgent_message_does_not_wait_for_books_that_cannot_be_read() {
        let (plan, attempt) = (LookUps::default(), unknown("a", 90, 100));
        for may_tell in [true, false] {
            let urgent = |seconds| plan.after_failure(&sms(Priority::P1), &attempt, may_tell, moment(seconds));
            assert_eq!((urgent(102), urgent(130)), (NextStep::Look(moment(130)), NextStep::Resend));
        }
        let again = Sms { possible_duplicate: true, ..sms(Priority::P1) };
        assert_eq!(plan.after_failure(&again, &attempt, false, moment(130)), NextStep::Hold, "once is enough");
        assert_eq!(plan.after_doubt(&attempt, moment(130)), NextStep::Look(moment(160)), "it seems to be there");
    }
}
