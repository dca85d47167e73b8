//! Texts that can be rendered, in every language somebody reads; and what their letters cost.

use std::ops::Range;

use toml::Spanned;

use super::{Check, Checked};
use crate::playbook::file::{TemplateTable, TemplateTables};
use crate::playbook::templates::{self, AlertWords, CallbackWords, ConfirmationWords, TemplateWords, Templates, Texts};
use crate::playbook::{Callback, Contact, Language, PlaybookError, PlaybookWarning};
use crate::sms::{Encoding, is_seven_bit, look_alike, segments, with_look_alikes};

/// Longest a text may be with samples filled in: about five segments.
const MAX_TEMPLATE_CHARS: usize = 670;

impl Check<'_> {
    /// Every language somebody is texted in has a template, and every template can be rendered.
    pub(super) fn templates(
        &self,
        tables: Spanned<TemplateTables>,
        business: &str,
        contacts: &[Contact],
        callback: &Callback,
        languages: &[Language],
    ) -> Checked<(Templates, Vec<PlaybookWarning>)> {
        let place = tables.span();
        let tables = tables.into_inner();
        let mut warnings = Vec::new();
        let templates = Templates {
            alert: self.texts::<AlertWords>(tables.alert, business, &mut warnings)?,
            callback: self.texts::<CallbackWords>(tables.callback.unwrap_or_default(), business, &mut warnings)?,
            confirmation: self.texts::<ConfirmationWords>(
                tables.confirmation.unwrap_or_default(),
                business,
                &mut warnings,
            )?,
        };
        if let Some(contact) = contacts.iter().find(|contact| templates.alert.get(contact.language).is_none()) {
            let key = templates::key::<AlertWords>(contact.language);
            let problem = format!("{:?} is texted in a language that has no template", contact.name);
            return Err(self.source.refuse(place, &key, problem, "add it, or give the contact another language"));
        }
        let unconfirmed = languages.iter().find(|language| templates.confirmation.get(**language).is_none());
        if let Some(language) = unconfirmed.filter(|_| callback.confirm) {
            let key = templates::key::<ConfirmationWords>(*language);
            let problem = "callback.confirm is true, and there is no text for callers in this language";
            return Err(self.source.refuse(place, &key, problem, "add it, or write confirm = false"));
        }
        Ok((templates, warnings))
    }

    fn texts<W: TemplateWords>(
        &self,
        table: TemplateTable,
        business: &str,
        warnings: &mut Vec<PlaybookWarning>,
    ) -> Checked<Texts> {
        let mut text = |text: Option<Spanned<Box<str>>>, language| {
            let Some(text) = text else { return Ok(None) };
            let key = templates::key::<W>(language);
            self.template::<W>(&text, &key)?;
            warnings.extend(self.letters::<W>(&text, &key, business));
            Ok(Some(text.into_inner()))
        };
        Ok(Texts { fr: text(table.fr, Language::Fr)?, en: text(table.en, Language::En)? })
    }

    fn template<W: TemplateWords>(&self, text: &Spanned<Box<str>>, key: &str) -> Checked<()> {
        let broken = |error: minijinja::Error| self.cannot_be_rendered(text, key, &error);
        if let Some(name) = templates::unknown_names::<W>(text.get_ref()).map_err(broken)?.first() {
            let fix = format!("use only: {}", W::NAMES.join(", "));
            let at = self.place_of_name(text, name);
            return Err(self.source.refuse(at, key, format!("unknown variable `{name}`"), &fix));
        }
        let full = templates::render(text.get_ref(), &W::sample("Example", true)).map_err(broken)?;
        let bare = templates::render(text.get_ref(), &W::sample("Example", false)).map_err(broken)?;
        if bare.is_empty() || full.chars().count() > MAX_TEMPLATE_CHARS {
            let problem = format!("a text is 1 to {MAX_TEMPLATE_CHARS} characters, also when nothing is known");
            return Err(self.refuse(text, key, problem, ""));
        }
        Ok(())
    }

    /// At the line of the fault, which the template counts from its own first one.
    fn cannot_be_rendered(&self, text: &Spanned<Box<str>>, key: &str, error: &minijinja::Error) -> PlaybookError {
        let written = self.source.text.get(text.span()).unwrap_or_default();
        // The line break behind three quotes belongs to none of its lines.
        let body = ["\"\"\"", "'''"].iter().find_map(|quotes| written.strip_prefix(quotes));
        let lead = body.map_or(0, |body| written.len() - body.trim_start_matches('\r').trim_start_matches('\n').len());
        let is_before = error.line().unwrap_or(1).saturating_sub(1);
        let lines = written.get(lead..).unwrap_or_default().split_inclusive('\n');
        let at = text.span().start + lead + lines.take(is_before).map(str::len).sum::<usize>();
        let at = at.min(text.span().end.saturating_sub(1));
        let problem = match error.detail() {
            Some(detail) => format!("cannot be rendered: {}: {detail}", error.kind()),
            None => format!("cannot be rendered: {}", error.kind()),
        };
        self.source.refuse(
            at..at,
            key,
            problem,
            "write {{ name }} for a value, {% if name %}…{% endif %} around a part",
        )
    }

    /// Where a template names this, inside its braces.
    fn place_of_name(&self, text: &Spanned<Box<str>>, name: &str) -> Range<usize> {
        let written = self.source.text.get(text.span()).unwrap_or_default();
        let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
        let stands_there = |at: usize| {
            let (before, after) = (&written[..at], &written[at + name.len()..]);
            let is_whole = !before.ends_with(is_of_a_word) && !after.starts_with(is_of_a_word);
            is_whole && before.rfind('{') > before.rfind('}')
        };
        let found = written.match_indices(name).map(|(at, _)| at).find(|at| stands_there(*at));
        found.map_or(text.span(), |at| text.span().start + at..text.span().start + at + name.len())
    }

    /// Every letter that turns a text of seven-bit characters into one of sixteen bits, each once.
    fn letters<W: TemplateWords>(&self, text: &Spanned<Box<str>>, key: &str, business: &str) -> Vec<PlaybookWarning> {
        let written = without_comments(text.get_ref());
        let mut costly: Vec<char> = Vec::new();
        for letter in written.chars().chain(business.chars()).filter(|letter| !is_seven_bit(*letter)) {
            if !costly.contains(&letter) {
                costly.push(letter);
            }
        }
        let cost = cost::<W>(text.get_ref(), business);
        costly.into_iter().map(|letter| self.costly(letter, text, key, &cost)).collect()
    }

    fn costly(&self, letter: char, text: &Spanned<Box<str>>, key: &str, cost: &str) -> PlaybookWarning {
        let raw = without_comments(self.source.text.get(text.span()).unwrap_or_default());
        let found = raw.find(letter).map(|place| text.span().start + place);
        let at = found.unwrap_or(text.span().start);
        let place = match found {
            Some(at) => format!("column {}", self.source.column(at)),
            None if text.get_ref().contains(letter) => "written as an escape".to_owned(),
            None => "in the name of the business".to_owned(),
        };
        let problem = format!("{letter:?} (U+{:04X}, {place}) is not in the GSM alphabet: {cost}", u32::from(letter));
        let fix = match look_alike(letter) {
            Some("") => "leave it out".to_owned(),
            Some(other) => format!("write {other:?}"),
            None => "leave it out, or accept the cost".to_owned(),
        };
        self.source.warn(at, key, problem, fix)
    }
}

/// `67 instead of 153 characters a segment, 4 segments instead of 2 with everything filled in`.
fn cost<W: TemplateWords>(template: &str, business: &str) -> String {
    let body = templates::render(template, &W::sample(business, true)).unwrap_or_default();
    let (with, without) = (segments(&body), segments(&with_look_alikes(&body)));
    let room = "67 instead of 153 characters a segment";
    match (with.encoding, with.count == without.count) {
        (Encoding::Gsm7, _) => format!("{room} when it is sent"),
        (Encoding::Ucs2, true) => room.to_owned(),
        (Encoding::Ucs2, false) => {
            format!("{room}, {} segments instead of {} with everything filled in", with.count, without.count)
        }
    }
}

/// Comments blanked, everything else where it was.
fn without_comments(template: &str) -> String {
    let mut kept = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{#") {
        let end = rest[start..].find("#}").map_or(rest.len(), |end| start + end + 2);
        kept.push_str(&rest[..start]);
        kept.push_str(&" ".repeat(end - start));
        rest = &rest[end..];
    }
    kept + rest
}
