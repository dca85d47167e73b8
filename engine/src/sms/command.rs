//! What may be done to a message by hand, and by the one who looks for lost attempts.

use super::message::{Sms, SmsState};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Another attempt of a message that ended without arriving. `force`: also of one that may have left.
    Retry { force: bool },
    /// It is not sent any more.
    Cancel,
    /// Somebody knows that the carrier has it, though the carrier does not say so.
    AssumeSent,
    /// Sent again, once, after the attempt of this number was believed lost.
    Resend { attempt: u32 },
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Commanded {
    /// The message as it stands now, and the state it was in.
    Done {
        sms: Box<Sms>,
        from: SmsState,
    },
    /// Its state does not allow that; the reason is for people.
    Refused(&'static str),
    NoSuchMessage,
}

impl Command {
    /// Changes the message, or says why it may not be changed. `last_attempt` is the number of its newest attempt.
    pub fn apply(self, sms: &mut Sms, last_attempt: u32, now: Timestamp) -> Result<(), &'static str> {
        match self {
            Command::Retry { force } => {
                may_retry(sms.state, force)?;
                sms.possible_duplicate |= sms.state == SmsState::Unknown;
                sms.queue_again(now);
            }
            Command::Resend { attempt } if sms.state == SmsState::Unknown && attempt == last_attempt => {
                sms.possible_duplicate = true;
                sms.queue_again(now);
            }
            Command::Resend { .. } => return Err("it has moved on"),
            Command::Cancel => {
                may_cancel(sms.state)?;
                sms.state = SmsState::Cancelled;
            }
            Command::AssumeSent if sms.state == SmsState::Unknown => {
                sms.state = SmsState::Accepted;
                (sms.error_code, sms.error) = (None, None);
            }
            Command::AssumeSent => return Err("only a message of unknown end can be assumed sent"),
        }
        sms.updated_at = now;
        Ok(())
    }
}

fn may_retry(state: SmsState, force: bool) -> Result<(), &'static str> {
    use SmsState::*;
    match state {
        Failed | Undelivered | Expired | Cancelled => Ok(()),
        Unknown if force => Ok(()),
        Unknown => Err("nobody knows whether it left: retry with force to risk a duplicate"),
        Queued => Err("it is queued already"),
        Sending => Err("it is being sent"),
        Accepted | Sent => Err("the carrier has it and has not said that it failed"),
        Delivered => Err("it was delivered"),
        Suppressed => Err("it was written down only, and is never sent"),
    }
}

fn may_cancel(state: SmsState) -> Result<(), &'static str> {
    match state {
        SmsState::Queued => Ok(()),
        SmsState::Sending => Err("it is being sent: too late to cancel"),
        SmsState::Unknown => Err("it may have left: too late to cancel"),
        SmsState::Accepted | SmsState::Sent => Err("the carrier has it: too late to cancel"),
        _ => Err("it has ended already"),
    }
}

impl Sms {
    /// Due now, and worth sending for as long as it was when it was new.
    fn queue_again(&mut self, now: Timestamp) {
        self.state = SmsState::Queued;
        self.due_at = now;
        self.expires_at = self.expires_at.max(now.plus(self.expires_at.since(self.created_at)));
        self.provider_id = None;
        (self.error_code, self.error) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::priority::Priority;
    use crate::testing::frames::{call, moment, text};

    fn in_state(state: SmsState) -> Sms {
        Sms { state, ..Sms::owed(&text(&call("acme", "c1"), "a", Priority::P3)) }
    }

    fn applied(command: Command, state: SmsState) -> Result<SmsState, &'static str> {
        let mut sms = in_state(state);
        command.apply(&mut sms, 2, moment(7_200)).map(|()| sms.state)
    }

    #[test]
    fn each_state_allows_what_makes_sense_in_it() {
        use SmsState::*;
        let allowed = |command| SmsState::ALL.into_iter().filter(move |state| applied(command, *state).is_ok());
        let in_these = |command| allowed(command).collect::<Vec<_>>();
        assert_eq!(in_these(Command::Retry { force: false }), [Undelivered, Failed, Expired, Cancelled]);
        assert_eq!(in_these(Command::Retry { force: true }), [Undelivered, Failed, Unknown, Expired, Cancelled]);
        assert_eq!(in_these(Command::Cancel), [Queued]);
        assert_eq!(in_these(Command::AssumeSent), [Unknown]);
        assert_eq!(in_these(Command::Resend { attempt: 2 }), [Unknown]);
        assert_eq!(in_these(Command::Resend { attempt: 1 }), [], "another attempt has been made since");
    }

    #[test]
    fn a_message_retried_after_its_end_has_its_whole_time_again() {
        let mut sms = in_state(SmsState::Expired);
        Command::Retry { force: false }.apply(&mut sms, 0, moment(7_200)).unwrap();
        assert_eq!((sms.state, sms.due_at, sms.expires_at), (SmsState::Queued, moment(7_200), moment(10_800)));
        assert!(!sms.possible_duplicate);
    }

    #[test]
    fn one_that_may_have_left_is_marked_when_it_is_sent_again() {
        for command in [Command::Retry { force: true }, Command::Resend { attempt: 2 }] {
            let mut sms = in_state(SmsState::Unknown);
            command.apply(&mut sms, 2, moment(10)).unwrap();
            assert!(sms.possible_duplicate);
        }
    }
}
