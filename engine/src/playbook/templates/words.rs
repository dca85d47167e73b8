//! What each kind of text may name. Empty text where nothing is known.

use serde::{Deserialize, Serialize};

use super::Language;
use crate::priority::Priority;

/// The values of one kind of template.
pub(in crate::playbook) trait TemplateWords {
    /// Under `[templates]`.
    const KIND: &'static str;
    const NAMES: &'static [&'static str];

    /// In the order of [`TemplateWords::NAMES`].
    fn values(&self) -> Vec<&str>;

    /// For trying a template out: every value there, as long as it tends to be, or none that may be missing.
    fn sample(business: &str, full: bool) -> Self;
}

/// To the team: something happened. Kept with the alert: it is said again to whoever is told next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertWords {
    /// Name of the business.
    pub business: Box<str>,
    pub priority: Priority,
    /// What the caller calls themself.
    pub client: String,
    /// Number to call back.
    pub callback: String,
    pub service: String,
    pub address: String,
    pub message: String,
    /// Where one says that one takes it; empty where the world cannot reach us. Made anew for everybody.
    #[serde(skip)]
    pub link: String,
}

/// To the team: somebody wants to be called back.
#[derive(Clone, Debug)]
pub struct CallbackWords {
    pub business: Box<str>,
    pub client: String,
    /// Number to call back.
    pub callback: String,
    /// When it suits the caller, in their own words.
    pub when: String,
    pub reason: String,
    /// How soon somebody is to call: `30 min`, `2 h`.
    pub within: String,
}

/// To the caller. Nothing a caller or a model said enters it: a caller's number can be forged, and a stranger must not
/// be sent somebody else's words.
#[derive(Clone, Debug)]
pub struct ConfirmationWords {
    pub business: Box<str>,
}

impl AlertWords {
    pub(super) fn in_plain_words(&self) -> String {
        let AlertWords { business, priority, client, callback, message, .. } = self;
        format!("{business} {priority} {client} {callback} {message}")
    }
}

impl CallbackWords {
    pub(super) const fn built_in(language: Language) -> &'static str {
        match language {
            Language::Fr => {
                "{{ business }}: rappeler{% if client %} {{ client }}{% endif %} au {{ callback or \
                 \"(numéro masqué, voir l'appel)\" }}{% if within %} d'ici {{ within }}{% endif %}{% if when %}. \
                 Moment: {{ when }}{% endif %}{% if reason %}. Raison: {{ reason }}{% endif %}"
            }
            Language::En => {
                "{{ business }}: call back{% if client %} {{ client }}{% endif %} at {{ callback or \
                 \"(number hidden, see the call)\" }}{% if within %} within {{ within }}{% endif %}{% if when %}. \
                 When: {{ when }}{% endif %}{% if reason %}. Reason: {{ reason }}{% endif %}"
            }
        }
    }

    pub(super) fn in_plain_words(&self) -> String {
        let CallbackWords { business, client, callback, when, reason, .. } = self;
        format!("{business}: {client} {callback} {when} {reason}")
    }
}

fn sampled(text: &str, full: bool) -> String {
    if full { text.to_owned() } else { String::new() }
}

impl TemplateWords for AlertWords {
    const KIND: &'static str = "alert";
    const NAMES: &'static [&'static str] =
        &["business", "priority", "client", "callback", "service", "address", "message", "link"];

    fn values(&self) -> Vec<&str> {
        let AlertWords { business, priority, client, callback, service, address, message, link } = self;
        vec![business, priority.as_str(), client, callback, service, address, message, link]
    }

    fn sample(business: &str, full: bool) -> AlertWords {
        AlertWords {
            business: business.into(),
            priority: Priority::P1,
            client: sampled("Jo Example", full),
            callback: sampled("+15145550142", full),
            service: sampled("drain cleaning", full),
            address: sampled("1234 Example Street, Exampleville", full),
            message: sampled("Water comes up through the floor drain and it is still rising.", full),
            link: sampled("https://calls.example.com/a/0123456789abcdef0123456789abcdef0123456789abcdef", full),
        }
    }
}

impl TemplateWords for CallbackWords {
    const KIND: &'static str = "callback";
    const NAMES: &'static [&'static str] = &["business", "client", "callback", "when", "reason", "within"];

    fn values(&self) -> Vec<&str> {
        let CallbackWords { business, client, callback, when, reason, within } = self;
        vec![business, client, callback, when, reason, within]
    }

    fn sample(business: &str, full: bool) -> CallbackWords {
        CallbackWords {
            business: business.into(),
            client: sampled("Jo Example", full),
            callback: sampled("+15145550142", full),
            when: sampled("tomorrow morning", full),
            reason: sampled("a question about the invoice of last week", full),
            within: sampled("30 min", full),
        }
    }
}

impl TemplateWords for ConfirmationWords {
    const KIND: &'static str = "confirmation";
    const NAMES: &'static [&'static str] = &["business"];

    fn values(&self) -> Vec<&str> {
        vec![&self.business]
    }

    fn sample(business: &str, _full: bool) -> ConfirmationWords {
        ConfirmationWords { business: business.into() }
    }
}
