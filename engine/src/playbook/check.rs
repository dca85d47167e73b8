//! From what is written to what can be trusted: everything that would fail during a call is refused here, with the
//! line and what to do.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::error::{PlaybookError, Source};
use super::file::{
    ContactTable, DestinationTable, PlaybookTable, PriorityTable, PriorityTables, ReceptionTable, RoutingTable,
    SmsTable, TemplateTables,
};
use super::phrases::Phrase;
use super::templates::{self, AlertWords, Templates};
use super::{Contact, Destination, Language, Playbook, PriorityRule, Reception, Routing, SmsPolicy};
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::priority::Priority;

type Checked<T> = Result<T, PlaybookError>;

/// Contacts texted for one priority, and named to the model.
const MAX_RECIPIENTS: usize = 10;
const MAX_CONTACT_CHARS: usize = 40;
const MAX_REASON_CHARS: usize = 120;
/// Longest an alert may be in itself, before what the caller said: five segments.
const MAX_TEMPLATE_CHARS: usize = 670;
const MAX_TEXTS_PER_CALL: u32 = 50;
const MAX_DELAY_S: u64 = 7 * 24 * 3600;

impl Playbook {
    /// Reads one business from TOML. `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Playbook, PlaybookError> {
        let source = Source { file, text };
        let table: PlaybookTable = toml::from_str(text).map_err(|error| source.refuse_toml(&error))?;
        Check { source }.playbook(table)
    }
}

struct Check<'a> {
    source: Source<'a>,
}

impl Check<'_> {
    fn playbook(&self, table: PlaybookTable) -> Checked<Playbook> {
        let contacts = self.contacts(table.contacts, table.language)?;
        Ok(Playbook {
            tenant: self.tenant(&table.tenant)?,
            name: self.name(&table.name)?,
            language: table.language,
            routing: self.routing(table.routing)?,
            priorities: self.priorities(table.priorities, &contacts)?,
            reception: self.reception(table.reception)?,
            transfer: table.transfer.map(|at| self.destination(at, "transfer")).transpose()?,
            handoff: table.handoff.map(|at| self.destination(at, "handoff")).transpose()?,
            sms: self.sms(&table.sms)?,
            templates: Arc::new(self.templates(table.templates, &contacts)?),
            contacts,
            extra_tools: Vec::new(),
        })
    }

    fn tenant(&self, id: &Spanned<String>) -> Checked<TenantId> {
        TenantId::parse(id.get_ref()).map_err(|bad| self.source.refuse(id.span(), "tenant", bad.to_string(), ""))
    }

    fn name(&self, name: &Spanned<String>) -> Checked<Box<str>> {
        let text = name.get_ref().trim();
        if text.is_empty() || text.chars().count() > 80 {
            return Err(self.refuse(name, "name", "a business has a name of 1 to 80 characters", ""));
        }
        Ok(text.into())
    }

    fn routing(&self, table: RoutingTable) -> Checked<Routing> {
        if let Some(weak) = table.secrets.iter().find(|secret| secret.get_ref().len() < 8) {
            let fix = "take 32 random characters, for example from `openssl rand -hex 16`";
            return Err(self.refuse(weak, "routing.secrets", "a secret has less than 8 characters", fix));
        }
        let secrets = table.secrets.into_iter().map(Spanned::into_inner).collect();
        Ok(Routing { assistants: table.assistants, numbers: table.numbers, secrets })
    }

    fn contacts(
        &self,
        tables: std::collections::BTreeMap<Spanned<String>, ContactTable>,
        language: Language,
    ) -> Checked<Vec<Contact>> {
        tables.into_iter().map(|(name, table)| self.contact(&name, table, language)).collect()
    }

    fn contact(&self, name: &Spanned<String>, table: ContactTable, language: Language) -> Checked<Contact> {
        let key = format!("contacts.{}", name.get_ref());
        let digits = name.get_ref().chars().filter(char::is_ascii_digit).count();
        let chars = name.get_ref().chars().count();
        if chars == 0 || chars > MAX_CONTACT_CHARS || digits > 4 || name.get_ref().contains(char::is_control) {
            let problem = "a contact's name is 1 to 40 characters and no number: the agent gets to see it";
            return Err(self.refuse(name, "contacts", problem, "name the role: owner, on_call, plumber"));
        }
        let phone = self.number(&table.phone, &format!("{key}.phone"))?;
        Ok(Contact { name: name.get_ref().as_str().into(), phone, language: table.language.unwrap_or(language) })
    }

    fn number(&self, number: &Spanned<String>, key: &str) -> Checked<PhoneNumber> {
        number.get_ref().parse().map_err(|_| {
            let problem = format!("{:?} is not a telephone number", number.get_ref());
            self.refuse(number, key, problem, "write + and the country code, without spaces: \"+15145550110\"")
        })
    }

    fn priorities(&self, tables: Spanned<PriorityTables>, contacts: &[Contact]) -> Checked<[PriorityRule; 4]> {
        let place = tables.span();
        let PriorityTables { p1, p2, p3, p4 } = tables.into_inner();
        let rule = |priority, table| self.priority(priority, table, &place, contacts);
        Ok([rule(Priority::P1, p1)?, rule(Priority::P2, p2)?, rule(Priority::P3, p3)?, rule(Priority::P4, p4)?])
    }

    fn priority(
        &self,
        priority: Priority,
        table: Option<Spanned<PriorityTable>>,
        place: &Range<usize>,
        contacts: &[Contact],
    ) -> Checked<PriorityRule> {
        let key = format!("priorities.{priority}");
        let Some(table) = table else {
            let fix = format!("add [{key}] with reason, text and text_within_s");
            return Err(self.source.refuse(place.clone(), &key, "nobody is told of a call of this priority", &fix));
        };
        let place = table.span();
        let table = table.into_inner();
        let text = self.recipients(&table.text, &format!("{key}.text"), contacts)?;
        let phrases = self.phrases(&table.phrases, &format!("{key}.phrases"))?;
        if phrases.is_empty() && table.value_from.is_none() && priority != Priority::P4 {
            let fix = "list phrases, or give value_from";
            return Err(self.source.refuse(place, &key, "nothing makes a call this urgent", fix));
        }
        let text_within = self.seconds(table.text_within_s, &place, &format!("{key}.text_within_s"))?;
        Ok(PriorityRule {
            priority,
            phrases,
            value_from: self.value(table.value_from.as_ref(), &format!("{key}.value_from"))?,
            text,
            text_within,
            text_delay: self.delay(table.text_delay_s.as_ref(), text_within, &format!("{key}.text_delay_s"))?,
            escalate_to: self.named(&table.escalate_to, &format!("{key}.escalate_to"), contacts)?,
            reason: self.reason(&table.reason, &format!("{key}.reason"))?,
        })
    }

    fn recipients(
        &self,
        names: &Spanned<Vec<Spanned<String>>>,
        key: &str,
        contacts: &[Contact],
    ) -> Checked<Vec<Box<str>>> {
        if names.get_ref().is_empty() {
            let fix = format!("name at least one contact: {}", list(contacts));
            return Err(self.refuse(names, key, "nobody is told of a call of this priority", &fix));
        }
        self.named(names.get_ref(), key, contacts)
    }

    fn named(&self, names: &[Spanned<String>], key: &str, contacts: &[Contact]) -> Checked<Vec<Box<str>>> {
        if let Some(extra) = names.get(MAX_RECIPIENTS) {
            return Err(self.refuse(extra, key, format!("more than {MAX_RECIPIENTS} contacts"), "name fewer"));
        }
        let known = |name: &&Spanned<String>| contacts.iter().any(|contact| *contact.name == **name.get_ref());
        if let Some(stranger) = names.iter().find(|name| !known(name)) {
            let problem = format!("no contact is called {:?}", stranger.get_ref());
            return Err(self.refuse(stranger, key, problem, &format!("name one of: {}", list(contacts))));
        }
        Ok(names.iter().map(|name| name.get_ref().as_str().into()).collect())
    }

    fn phrases(&self, phrases: &[Spanned<String>], key: &str) -> Checked<Vec<Phrase>> {
        let phrase = |text: &Spanned<String>| {
            Phrase::new(text.get_ref())
                .ok_or_else(|| self.refuse(text, key, "a phrase without a word", "remove it, or write a word"))
        };
        phrases.iter().map(phrase).collect()
    }

    fn value(&self, value: Option<&Spanned<f64>>, key: &str) -> Checked<Option<f64>> {
        match value {
            Some(value) if !(value.get_ref().is_finite() && *value.get_ref() > 0.0) => {
                Err(self.refuse(value, key, "not an amount above 0", "write it in dollars: 3000"))
            }
            value => Ok(value.map(|value| *value.get_ref())),
        }
    }

    fn seconds(&self, seconds: u64, at: &Range<usize>, key: &str) -> Checked<Duration> {
        if seconds > MAX_DELAY_S {
            return Err(self.source.refuse(at.clone(), key, "longer than a week", "write it in seconds"));
        }
        Ok(Duration::from_secs(seconds))
    }

    fn delay(&self, delay: Option<&Spanned<u64>>, within: Duration, key: &str) -> Checked<Duration> {
        let Some(delay) = delay else { return Ok(Duration::ZERO) };
        let wait = Duration::from_secs(*delay.get_ref());
        if wait > within {
            let fix = "make text_delay_s smaller, or text_within_s larger";
            return Err(self.refuse(delay, key, "the text would leave later than text_within_s promises", fix));
        }
        Ok(wait)
    }

    fn reason(&self, reason: &Spanned<String>, key: &str) -> Checked<Box<str>> {
        let text = reason.get_ref().trim();
        let fits = !text.is_empty() && text.chars().count() <= MAX_REASON_CHARS && !text.contains(char::is_control);
        let problem = "a reason is one line of 1 to 120 characters";
        if fits { Ok(text.into()) } else { Err(self.refuse(reason, key, problem, "")) }
    }

    fn reception(&self, table: Spanned<ReceptionTable>) -> Checked<Reception> {
        let place = table.span();
        let fix = "give one of: assistant (with overrides, if any), transient, destination, error";
        match table.into_inner() {
            ReceptionTable { assistant: Some(id), overrides, transient: None, destination: None, error: None } => {
                Ok(Reception::Assistant { id, overrides: overrides.map(serde_json::Value::Object) })
            }
            ReceptionTable {
                transient: Some(it),
                assistant: None,
                overrides: None,
                destination: None,
                error: None,
            } => Ok(Reception::Transient(serde_json::Value::Object(it))),
            ReceptionTable {
                destination: Some(to),
                assistant: None,
                overrides: None,
                transient: None,
                error: None,
            } => Ok(Reception::Destination(self.destination(to, "reception.destination")?)),
            ReceptionTable {
                error: Some(text),
                assistant: None,
                overrides: None,
                transient: None,
                destination: None,
            } => Ok(Reception::Error(text)),
            _ => Err(self.source.refuse(place, "reception", "it is not clear who answers a call", fix)),
        }
    }

    fn destination(&self, table: Spanned<DestinationTable>, key: &str) -> Checked<Destination> {
        let place = table.span();
        let DestinationTable { number, sip, assistant, message } = table.into_inner();
        match (number, sip, assistant) {
            (Some(number), None, None) => {
                Ok(Destination::Number { number: self.number(&number, &format!("{key}.number"))?, message })
            }
            (None, Some(uri), None) => Ok(Destination::Sip { uri, message }),
            (None, None, Some(assistant)) => Ok(Destination::Assistant { assistant, message }),
            _ => {
                let fix = "give one of: number, sip, assistant";
                Err(self.source.refuse(place, key, "it is not clear where the caller goes", fix))
            }
        }
    }

    fn sms(&self, table: &SmsTable) -> Checked<SmsPolicy> {
        let per_call = *table.per_call.get_ref();
        if !(1..=MAX_TEXTS_PER_CALL).contains(&per_call) {
            return Err(self.refuse(&table.per_call, "sms.per_call", "not between 1 and 50", ""));
        }
        let expires_after_s = *table.expires_after_s.get_ref();
        if !(60..=MAX_DELAY_S).contains(&expires_after_s) {
            let problem = "not between 60 (a minute) and 604800 (a week)";
            return Err(self.refuse(&table.expires_after_s, "sms.expires_after_s", problem, ""));
        }
        Ok(SmsPolicy { per_call, expires_after: Duration::from_secs(expires_after_s) })
    }

    /// Every language somebody is texted in has a template, and every template can be rendered.
    fn templates(&self, tables: Spanned<TemplateTables>, contacts: &[Contact]) -> Checked<Templates> {
        let place = tables.span();
        let alert = tables.into_inner().alert;
        let template = |text: Option<Spanned<Box<str>>>, key| text.map(|text| self.template(text, key)).transpose();
        let templates = Templates {
            alert_fr: template(alert.fr, "templates.alert.fr")?,
            alert_en: template(alert.en, "templates.alert.en")?,
        };
        match contacts.iter().find(|contact| templates.alert(contact.language).is_none()) {
            Some(contact) => {
                let key = format!("templates.alert.{}", contact.language.as_str());
                let problem = format!("{:?} is texted in a language that has no template", contact.name);
                Err(self.source.refuse(place, &key, problem, "add it, or give the contact another language"))
            }
            None => Ok(templates),
        }
    }

    fn template(&self, text: Spanned<Box<str>>, key: &str) -> Checked<Box<str>> {
        let broken = |error: minijinja::Error| self.refuse(&text, key, format!("cannot be rendered: {error}"), "");
        if let Some(name) = templates::unknown_names(text.get_ref()).map_err(broken)?.first() {
            let fix = format!("use only: {}", AlertWords::NAMES.join(", "));
            return Err(self.refuse(&text, key, format!("unknown variable `{name}`"), &fix));
        }
        let full = templates::render(text.get_ref(), &AlertWords::sample(true)).map_err(broken)?;
        let bare = templates::render(text.get_ref(), &AlertWords::sample(false)).map_err(broken)?;
        if bare.is_empty() || full.chars().count() > MAX_TEMPLATE_CHARS {
            let problem = format!("an alert is 1 to {MAX_TEMPLATE_CHARS} characters, also when nothing is known");
            return Err(self.refuse(&text, key, problem, ""));
        }
        Ok(text.into_inner())
    }

    fn refuse<T>(&self, at: &Spanned<T>, key: &str, problem: impl Into<String>, fix: &str) -> PlaybookError {
        self.source.refuse(at.span(), key, problem, fix)
    }
}

fn list(contacts: &[Contact]) -> String {
    contacts.iter().map(|contact| contact.name.as_ref()).collect::<Vec<_>>().join(", ")
}
