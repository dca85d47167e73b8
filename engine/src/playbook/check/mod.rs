//! From what is written to what can be trusted: everything that would fail during a call is refused here, with the
//! line and what to do.

mod destinations;
mod priorities;
mod recognition;
mod retention;
mod rosters;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use toml::Spanned;

use super::error::{PlaybookError, Source};
use super::file::{ContactTable, PlaybookTable, RoutingTable};
use super::{Contact, Language, OnCall, Playbook, Routing, Shifts, Words, words};
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use rosters::People;

pub(super) type Checked<T> = Result<T, PlaybookError>;

const MAX_CONTACT_CHARS: usize = 40;
const MAX_DELAY_S: u64 = 7 * 24 * 3600;

impl Playbook {
    /// Reads one business from TOML. `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Playbook, PlaybookError> {
        let source = Source { file, text };
        let table: PlaybookTable = toml::from_str(text).map_err(|error| source.refuse_toml(&error))?;
        Check { source }.playbook(table)
    }
}

/// The first language is the business's own, whatever the order of the list.
fn languages(own: Language, spoken: &[Language]) -> Vec<Language> {
    let mut languages = vec![own];
    for language in spoken {
        if !languages.contains(language) {
            languages.push(*language);
        }
    }
    languages
}

/// Everybody a roster may name: where people take turns, whoever has the turn as well.
fn reachable(contacts: &[Contact], oncall: Option<&OnCall>) -> Vec<Contact> {
    let first = oncall.and_then(|oncall| contacts.iter().find(|contact| contact.name == oncall.turns[0]));
    let whoever = first.map(|first| Contact { name: Contact::ON_CALL.into(), ..first.clone() });
    contacts.iter().cloned().chain(whoever).collect()
}

pub(super) struct Check<'a> {
    pub(super) source: Source<'a>,
}

impl Check<'_> {
    fn playbook(&self, table: PlaybookTable) -> Checked<Playbook> {
        let contacts = self.contacts(table.contacts, table.language)?;
        let recogniser = self.recogniser(table.recognition, table.priorities.get_ref())?;
        let languages = languages(table.language, &table.languages);
        let has_zone = table.time_zone.is_some();
        let services = self.services(table.services, table.limits, &contacts, &languages)?;
        let quotes = table.quotes.map(|quotes| self.quotes(quotes, services.as_ref(), &languages)).transpose()?;
        let has_hours = table.hours.is_some();
        let hours = table.hours.map(|hours| self.hours(hours, has_zone)).transpose()?;
        let oncall = table.oncall.map(|oncall| self.on_call(oncall, &contacts, has_zone)).transpose()?;
        let reachable = reachable(&contacts, oncall.as_ref());
        self.each_push_leads_somewhere(table.rosters.values(), table.push.is_some())?;
        let rosters = self.rosters(table.rosters, &reachable)?;
        let people = People { contacts: &reachable, rosters: &rosters };
        let priorities = self.priorities(table.priorities, &people)?;
        let referrals = self.referrals(table.referrals, services.as_ref(), &people)?;
        let callback = self.callback(table.callback, &people, &priorities)?;
        let referred = referrals.iter().map(|referral| &referral.roster);
        let used = priorities.iter().map(|rule| &rule.roster).chain(referred).chain([&callback.roster]);
        self.each_roster_used(&rosters, used)?;
        let (templates, warnings) =
            self.templates(table.templates, table.name.get_ref(), &contacts, &callback, &languages)?;
        Ok(Playbook {
            tenant: self.tenant(&table.tenant)?,
            name: self.name(&table.name)?,
            language: table.language,
            time_zone: self.time_zone(table.time_zone.as_ref())?,
            routing: self.routing(table.routing)?,
            rosters: rosters.into_iter().map(Spanned::into_inner).collect(),
            referrals,
            callback,
            priorities,
            recogniser: Arc::new(recogniser),
            reception: self.reception(table.reception)?,
            fallback: table.fallback.map(|at| self.fallback(at)).transpose()?,
            transfer: table.transfer.map(|at| self.transfer(at, has_hours)).transpose()?,
            handoff: table.handoff.map(|at| self.destination(at, "handoff")).transpose()?,
            sms: self.sms(table.sms, &contacts, has_zone)?,
            oncall,
            shifts: Shifts::default(),
            hours,
            scheduling: table.scheduling.map(|it| self.scheduling(it, &languages)).transpose()?,
            territories: table.territories.map(|it| self.territories(it, &languages)).transpose()?,
            company: table.company.map(|company| self.company(company, &languages)).transpose()?,
            templates: Arc::new(templates),
            links: None,
            push: table.push.map(|push| self.push(push)).transpose()?.map(Arc::new),
            retention: table.retention.as_ref().map(|days| self.retention(days)).transpose()?,
            warnings,
            contacts,
            shadow: self.shadow(table.shadow)?,
            required: self.required(table.required, &languages)?,
            services,
            quotes,
            lookup_calls: self.lookup_calls(&table.lookup)?,
            extra_tools: self.own_tools(table.tools, &languages)?,
            languages,
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

    /// UTC when none is given: a business without hours has no days either.
    fn time_zone(&self, name: Option<&Spanned<String>>) -> Checked<TimeZone> {
        let Some(name) = name else { return Ok(TimeZone::UTC) };
        TimeZone::get(name.get_ref()).map_err(|_| {
            let problem = format!("no time zone is called {:?}", name.get_ref());
            self.refuse(name, "time_zone", problem, "write it as \"America/Toronto\"; tz database names are known")
        })
    }

    fn routing(&self, table: RoutingTable) -> Checked<Routing> {
        if let Some(weak) = table.secrets.iter().find(|secret| secret.get_ref().len() < 8) {
            let fix = "take 32 random characters, for example from `openssl rand -hex 16`";
            return Err(self.refuse(weak, "routing.secrets", "a secret has less than 8 characters", fix));
        }
        let secrets = table.secrets.into_iter().map(Spanned::into_inner).collect();
        Ok(Routing { assistants: table.assistants, numbers: table.numbers, secrets })
    }

    fn contacts(&self, tables: BTreeMap<Spanned<String>, ContactTable>, language: Language) -> Checked<Vec<Contact>> {
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
        if name.get_ref().starts_with('@') {
            let problem = "a name with @ stands for somebody else";
            return Err(self.refuse(name, "contacts", problem, "name the role: owner, on_call, plumber"));
        }
        if name.get_ref() == Contact::CALLER {
            let problem = "the caller is nobody of the team";
            return Err(self.refuse(name, "contacts", problem, "name the role: owner, on_call, plumber"));
        }
        let phone = self.number(&table.phone, &format!("{key}.phone"))?;
        Ok(Contact { name: name.get_ref().as_str().into(), phone, language: table.language.unwrap_or(language) })
    }

    fn number(&self, number: &Spanned<String>, key: &str) -> Checked<PhoneNumber> {
        number.get_ref().parse().map_err(|_| {
            // Spaces of every kind as one kind: an escaped one would keep the log from seeing a number.
            let written = number.get_ref().split_whitespace().collect::<Vec<_>>().join(" ");
            let problem = format!("{written:?} is not a telephone number");
            self.refuse(number, key, problem, "write + and the country code, without spaces: \"+15145550110\"")
        })
    }

    /// Words in every language the business speaks.
    pub(super) fn words(
        &self,
        words: Spanned<Words>,
        key: &str,
        languages: &[Language],
        max_chars: usize,
    ) -> Checked<Words> {
        match words::check(&words, languages, max_chars) {
            Ok(()) => Ok(words.into_inner()),
            Err((problem, fix)) => Err(self.refuse(&words, key, problem, fix)),
        }
    }

    pub(super) fn refuse<T>(&self, at: &Spanned<T>, key: &str, problem: impl Into<String>, fix: &str) -> PlaybookError {
        self.source.refuse(at.span(), key, problem, fix)
    }
}
