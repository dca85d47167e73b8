//! Which number a message leaves by, and when another may be tried.
//!
//! Another number is for a number that is at fault, and for nothing else: getting round a filter, a limit or a refusal
//! by changing the number is what carriers fine. A message sees two numbers at most. Whoever was written to from one
//! number is written to from the same one again, as long as it works.

use std::collections::{HashMap, VecDeque};

use super::outcome::{ErrorClass, SendOutcome};
use crate::ids::TenantId;
use crate::phone::PhoneNumber;

/// Numbers one message may be tried from.
pub const MOST_SENDERS: usize = 2;

/// Whether what happened was the number's fault, and so surely not sent that another number may be tried.
pub fn is_senders_fault(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Rejected { class: ErrorClass::SenderFault | ErrorClass::Route, .. })
}

/// Whether a message that was `tried` from these senders, some of which were `at_fault` for it, may be tried from yet
/// another of `senders`, or again from one that only happened to be refused.
pub fn has_another(tried: &[Box<str>], at_fault: &[Box<str>], senders: &[Box<str>]) -> bool {
    senders.iter().any(|sender| !at_fault.contains(sender) && may_try(tried, sender, senders))
}

/// Whether `sender` may try a message that was `tried` before, as often as may be. Numbers the account does not have any
/// more are none it could be tried from.
pub fn may_try(tried: &[Box<str>], sender: &str, senders: &[Box<str>]) -> bool {
    let seen = senders.iter().filter(|sender| tried.contains(sender)).count();
    seen < MOST_SENDERS || tried.iter().any(|tried| &**tried == sender)
}

/// Who was written to from which number, the last ones: in memory, a preference and no promise.
#[derive(Clone, Debug)]
pub struct Habits {
    most: usize,
    senders: HashMap<(TenantId, PhoneNumber), Box<str>>,
    oldest: VecDeque<(TenantId, PhoneNumber)>,
}

impl Habits {
    /// Remembers up to `most` recipients.
    pub fn new(most: usize) -> Habits {
        Habits { most: most.max(1), senders: HashMap::new(), oldest: VecDeque::new() }
    }

    pub fn sender(&self, tenant: &TenantId, to: &PhoneNumber) -> Option<&str> {
        self.senders.get(&(tenant.clone(), to.clone())).map(|sender| &**sender)
    }

    pub fn keep(&mut self, tenant: &TenantId, to: &PhoneNumber, sender: &str) {
        let key = (tenant.clone(), to.clone());
        if self.senders.insert(key.clone(), sender.into()).is_none() {
            self.oldest.push_back(key);
        }
        while self.oldest.len() > self.most {
            if let Some(gone) = self.oldest.pop_front() {
                self.senders.remove(&gone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(class: ErrorClass) -> SendOutcome {
        SendOutcome::Rejected { code: 1, class, message: "".into() }
    }

    #[test]
    fn only_a_number_at_fault_is_a_reason_to_try_another() {
        use ErrorClass::*;
        assert!([SenderFault, Route].into_iter().all(|class| is_senders_fault(&rejected(class))));
        let never = [
            OptedOut,
            Filtered,
            ThrottleCampaign,
            CapDaily,
            Blocked,
            ThrottleSender,
            ThrottleRecipient,
            AccountFault,
            CampaignFault,
            PermanentRecipient,
            Unknown,
            UnknownDelivery,
            Loop,
        ];
        assert!(never.into_iter().all(|class| !is_senders_fault(&rejected(class))));
        for outcome in [
            SendOutcome::Accepted { provider_id: "X1".into() },
            SendOutcome::Unknown { code: None, reason: "".into() },
            SendOutcome::NotSent { reason: "".into() },
            SendOutcome::Throttled { after: None },
        ] {
            assert!(!is_senders_fault(&outcome), "{outcome:?}");
        }
    }

    #[test]
    fn a_message_sees_two_numbers_at_most_and_none_twice() {
        let senders: Vec<Box<str>> = ["+15145550197", "+15145550198", "+15145550199"].map(Box::from).into();
        for (tried, another) in [(0, true), (1, true), (2, false)] {
            assert_eq!(has_another(&senders[..tried], &senders[..tried], &senders), another, "{tried}");
        }
        assert!(!has_another(&senders[..1], &senders[..1], &senders[..1]), "there is no other");
        assert!(!may_try(&senders[..2], &senders[2], &senders));
    }

    #[test]
    fn a_number_that_was_tried_and_not_at_fault_may_try_again() {
        let senders: Vec<Box<str>> = ["+15145550197", "+15145550198"].map(Box::from).into();
        assert!(has_another(&senders, &senders[1..], &senders), "the first was only too busy");
        let often = vec![senders[0].clone(); 5];
        assert!(may_try(&often, &senders[1], &senders), "five times from one number is one number");
    }

    #[test]
    fn numbers_that_are_gone_take_nobodys_place() {
        let gone: Vec<Box<str>> = ["+15145550195", "+15145550196"].map(Box::from).into();
        assert!(may_try(&gone, "+15145550197", &["+15145550197".into()]));
    }

    #[test]
    fn habits_are_kept_of_the_last_ones() {
        let mut habits = Habits::new(2);
        let tenant = TenantId::parse("boreal").unwrap();
        let to = |line: u16| format!("+1514555{line:04}").parse::<PhoneNumber>().unwrap();
        habits.keep(&tenant, &to(110), "a");
        habits.keep(&tenant, &to(111), "a");
        habits.keep(&tenant, &to(112), "b");
        assert_eq!(habits.sender(&tenant, &to(110)), None);
        assert_eq!(habits.sender(&tenant, &to(111)), Some("a"));
        assert_eq!(habits.sender(&tenant, &to(112)), Some("b"));
    }
}
