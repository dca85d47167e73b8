//! The words of text messages, per language. A template is the business's own text; what a caller or a model said only
//! ever enters it as a value.

mod words;

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::Language;
use crate::sms::{Segments, segments};

pub(super) use words::TemplateWords;
pub use words::{AlertWords, CallbackWords, ConfirmationWords};

/// Work one rendering may do: a loop over nothing costs a few, a mistake stops here.
const FUEL: u64 = 10_000;

/// SMS texts per kind and language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    pub(super) alert: Texts,
    pub(super) callback: Texts,
    pub(super) confirmation: Texts,
}

/// One kind of text, per language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub fr: Option<Box<str>>,
    pub en: Option<Box<str>>,
}

/// What one template costs with every value filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateCost {
    /// `templates.alert.fr`
    pub key: String,
    pub segments: Segments,
}

impl Texts {
    pub fn get(&self, language: Language) -> Option<&str> {
        match language {
            Language::Fr => self.fr.as_deref(),
            Language::En => self.en.as_deref(),
        }
    }
}

impl Templates {
    /// The body of an alert. A template was tried when its playbook was read; should it fail all the same, the plain
    /// words are sent: an emergency is not lost to a typo.
    pub fn render_alert(&self, language: Language, words: &AlertWords) -> String {
        let rendered = self.alert.get(language).and_then(|template| render(template, words).ok());
        rendered.unwrap_or_else(|| words.in_plain_words())
    }

    /// What the team gets when somebody asks to be called back: the business's own words, else these.
    pub fn render_callback(&self, language: Language, words: &CallbackWords) -> String {
        let template = self.callback.get(language).unwrap_or(CallbackWords::built_in(language));
        render(template, words).unwrap_or_else(|_| words.in_plain_words())
    }

    /// What the caller gets. `None`: this business sends callers nothing in this language.
    pub fn render_confirmation(&self, language: Language, words: &ConfirmationWords) -> Option<String> {
        render(self.confirmation.get(language)?, words).ok()
    }

    /// Of every template the business wrote, with samples as long as a caller's own words tend to be.
    pub fn costs(&self, business: &str) -> Vec<TemplateCost> {
        let alert = costs::<AlertWords>(&self.alert, business);
        let callback = costs::<CallbackWords>(&self.callback, business);
        alert.chain(callback).chain(costs::<ConfirmationWords>(&self.confirmation, business)).collect()
    }
}

fn costs<W: TemplateWords>(texts: &Texts, business: &str) -> impl Iterator<Item = TemplateCost> {
    let full = W::sample(business, true);
    let cost = move |language: Language| {
        let body = render(texts.get(language)?, &full).ok()?;
        Some(TemplateCost { key: key::<W>(language), segments: segments(&body) })
    };
    [Language::Fr, Language::En].into_iter().filter_map(cost)
}

/// Where a template stands: `templates.alert.fr`.
pub(super) fn key<W: TemplateWords>(language: Language) -> String {
    format!("templates.{}.{}", W::KIND, language.as_str())
}

pub(super) fn render<W: TemplateWords>(template: &str, words: &W) -> Result<String, minijinja::Error> {
    let values = Value::from_pairs(W::NAMES.iter().copied().zip(words.values()));
    Ok(ENVIRONMENT.render_str(template, values)?.trim().to_owned())
}

/// Names a template uses and nobody fills in, sorted.
pub(super) fn unknown_names<W: TemplateWords>(template: &str) -> Result<Vec<String>, minijinja::Error> {
    let used = ENVIRONMENT.template_from_str(template)?.undeclared_variables(false);
    let mut unknown: Vec<String> = used.into_iter().filter(|name| !W::NAMES.contains(&name.as_str())).collect();
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
    use crate::sms::Encoding;

    #[test]
    fn what_a_caller_said_is_never_read_as_a_template() {
        let words =
            AlertWords { message: "{{ business }} {% for x in y %}<b>".to_owned(), ..AlertWords::sample("Acme", true) };
        assert_eq!(render("{{ message }}", &words).unwrap(), "{{ business }} {% for x in y %}<b>");
    }

    #[test]
    fn a_template_that_would_run_for_ever_is_stopped() {
        let endless = "{% for a in range(100000) %}{{ a }}{% endfor %}";
        assert!(render(endless, &AlertWords::sample("Acme", true)).is_err());
    }

    #[test]
    fn an_alert_is_sent_in_plain_words_when_its_template_fails() {
        let broken = || Texts { fr: Some("{{ nowhere }}".into()), en: None };
        let templates = Templates { alert: broken(), callback: broken(), ..Templates::default() };
        let words = AlertWords { message: "water".to_owned(), ..AlertWords::sample("Acme", true) };
        for language in [Language::Fr, Language::En] {
            let body = templates.render_alert(language, &words);
            assert!(body.starts_with("Acme P1 ") && body.ends_with(" +15145550142 water"), "{body}");
        }
        let words = CallbackWords::sample("Acme", true);
        assert!(templates.render_callback(Language::Fr, &words).contains("+15145550142"));
    }

    #[test]
    fn the_built_in_words_for_a_call_back_are_seven_bit_and_complete() {
        for language in [Language::Fr, Language::En] {
            for full in [true, false] {
                let words = CallbackWords::sample("Acme", full);
                let body = Templates::default().render_callback(language, &words);
                assert_eq!(segments(&body).encoding, Encoding::Gsm7, "{body}");
                assert!(words.values().iter().all(|value| body.contains(value)), "{body}");
            }
        }
    }
}
