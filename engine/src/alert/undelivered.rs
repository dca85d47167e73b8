//! A text to the team that did not arrive and belongs to no alert: somebody must hear of it otherwise.

use super::notice::{Notice, Plan, Reason};
use crate::ids::{AlertId, CallKey};
use crate::phone::dialable;
use crate::playbook::{AlertWords, Language, Playbook};
use crate::sms::{Sms, SmsState};
use crate::time::Timestamp;
use crate::tools::numbers_in;

const MAX_MESSAGE_CHARS: usize = 240;

/// The alert it opens, or adds to: one per call. Its roster is that of the text's own priority. `None`: it arrived, or
/// may have; it was never meant to leave; an alert of its own hears of it; or it was to nobody of the team.
pub fn undelivered(playbook: &Playbook, sms: &Sms, now: Timestamp) -> Option<Notice> {
    let lost = matches!(sms.state, SmsState::Undelivered | SmsState::Failed | SmsState::Expired);
    let of_the_team = playbook.contact(&sms.contact).is_some_and(|contact| contact.phone == sms.to);
    if !lost || !of_the_team || sms.alert.is_some() || playbook.shadow.is_some() {
        return None;
    }
    let rule = playbook.rule(sms.priority);
    Some(Notice {
        alert: match &sms.call {
            Some(call) => Reason::Undelivered.alert_of(&CallKey { tenant: sms.tenant.clone(), call: call.clone() }),
            None => AlertId::without_call(&sms.tenant, &format!("undelivered/{}", sms.id)),
        },
        reason: Reason::Undelivered,
        priority: sms.priority,
        by: noticed_by(sms),
        words: words(playbook, sms),
        plan: Plan::through(&rule.roster, rule.acknowledge_within, playbook.sms.expires_after)
            .pushing(sms.priority, playbook),
        first_at: now,
        held: false,
        watching: false,
    })
}

/// Names the text: it is noticed once.
fn noticed_by(sms: &Sms) -> Box<str> {
    format!("sms/{}", sms.id).into()
}

/// What it said, and who has not read it.
fn words(playbook: &Playbook, sms: &Sms) -> AlertWords {
    let why = sms.error.as_deref().unwrap_or(sms.state.as_str());
    let lost = match playbook.language {
        Language::Fr => format!("Texto non remis à {} ({why}): {}", sms.contact, sms.body),
        Language::En => format!("Text to {} not delivered ({why}): {}", sms.contact, sms.body),
    };
    // The number to call back stands in it; others would not pass.
    let callback = numbers_in(&sms.body).iter().find_map(|number| as_written(number, &sms.body)).unwrap_or_default();
    AlertWords {
        business: playbook.name.clone(),
        priority: sms.priority,
        client: String::new(),
        callback,
        service: String::new(),
        address: String::new(),
        message: lost.chars().take(MAX_MESSAGE_CHARS).collect(),
        link: String::new(),
    }
}

fn as_written(number: &str, body: &str) -> Option<String> {
    let whole = format!("+{number}");
    if body.contains(&whole) { dialable(&whole) } else { dialable(number) }
}
