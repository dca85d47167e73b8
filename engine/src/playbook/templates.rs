//! The words of text messages, per language. A template is the business's own text; what a caller or a model said only
//! ever enters it as a value.

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::Language;
use crate::priority::Priority;

/// Work one rendering may do: a loop over nothing costs a few, a mistake stops here.
const FUEL: u64 = 10_000;

/// SMS texts per language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    pub(super) alert_fr: Option<Box<str>>,
    pub(super) alert_en: Option<Box<str>>,
}

/// What the template of an alert may name. Empty text where nothing is known.
#[derive(Clone, Debug)]
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
}

impl AlertWords {
    pub(super) const NAMES: [&'static str; 7] =
        ["business", "priority", "client", "callback", "service", "address", "message"];

    fn as_value(&self) -> Value {
        let texts = [&self.client, &self.callback, &self.service, &self.address, &self.message].map(String::as_str);
        let [client, callback, service, address, message] = texts;
        let values = [&self.business, self.priority.as_str(), client, callback, service, address, message];
        Value::from_pairs(AlertWords::NAMES.into_iter().zip(values))
    }

    /// For trying a template out: every value there, or none that may be missing.
    pub(super) fn sample(full: bool) -> AlertWords {
        let text = |sample: &str| if full { sample.to_owned() } else { String::new() };
        AlertWords {
            business: "Example".into(),
            priority: Priority::P1,
            client: text("Jo"),
            callback: text("+15145550142"),
            service: text("drain"),
            address: text("1 Example Street"),
            message: text("water"),
        }
    }
}

impl Templates {
    pub(super) fn alert(&self, language: Language) -> Option<&str> {
        match language {
            Language::Fr => self.alert_fr.as_deref(),
            Language::En => self.alert_en.as_deref(),
        }
    }

    /// The body of an alert. A template was tried when its playbook was read; should it fail all the same, the plain
    /// words are sent: an emergency is not lost to a typo.
    pub fn render_alert(&self, language: Language, words: &AlertWords) -> String {
        let rendered = self.alert(language).and_then(|template| render(template, words).ok());
        rendered.unwrap_or_else(|| {
            let AlertWords { business, priority, client, callback, message, .. } = words;
            format!("{business} {priority} {client} {callback} {message}")
        })
    }
}

pub(super) fn render(template: &str, words: &AlertWords) -> Result<String, minijinja::Error> {
    Ok(ENVIRONMENT.render_str(template, words.as_value())?.trim().to_owned())
}

/// Names a template uses and nobody fills in, sorted.
pub(super) fn unknown_names(template: &str) -> Result<Vec<String>, minijinja::Error> {
    let used = ENVIRONMENT.template_from_str(template)?.undeclared_variables(false);
    let mut unknown: Vec<String> =
        used.into_iter().filter(|name| !AlertWords::NAMES.contains(&name.as_str())).collect();
    unknown.sort();
    Ok(unknown)
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_said_is_never_read_as_a_template() {
        let words = AlertWords { message: "{{ business }} {% for x in y %}<b>".to_owned(), ..AlertWords::sample(true) };
        assert_eq!(render("{{ message }}", &words).unwrap(), "{{ business }} {% for x in y %}<b>");
    }

    #[test]
    fn a_template_that_would_run_for_ever_is_stopped() {
        let endless = "{% for a in range(100000) %}{{ a }}{% endfor %}";
        assert!(render(endless, &AlertWords::sample(true)).is_err());
    }

    #[test]
    fn an_alert_is_sent_in_plain_words_when_its_template_fails() {
        let templates = Templates { alert_fr: Some("{{ nowhere }}".into()), alert_en: None };
        for language in [Language::Fr, Language::En] {
            let body = templates.render_alert(language, &AlertWords::sample(true));
            assert_eq!(body, "Example P1 Jo +15145550142 water");
        }
    }
}
