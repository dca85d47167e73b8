//! Services and limits as they are written, and why they are refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Exception, Limit, Service, Services, Status};
use crate::playbook::check::{Check, Checked};
use crate::playbook::mentions::Pattern;
use crate::playbook::{Contact, Language, Words};

const MAX_NAME_CHARS: usize = 80;
/// One sentence that is spoken.
const MAX_SENTENCE_CHARS: usize = 300;
const MAX_ID_CHARS: usize = 48;
const MAX_SERVICES: usize = 200;
/// Names of one service.
const MAX_NAMES: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct ServiceTable {
    name: Spanned<Words>,
    status: Spanned<Status>,
    #[serde(default)]
    known_as: Vec<Spanned<String>>,
    refer_to: Option<Spanned<String>>,
    exception: Option<Spanned<ExceptionTable>>,
    warranty: Option<Spanned<Words>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionTable {
    known_as: Vec<Spanned<String>>,
    accepted_as: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct LimitTable {
    #[serde(default)]
    services: Vec<Spanned<String>>,
    #[serde(default)]
    when: Vec<Spanned<String>>,
    say: Spanned<Words>,
    #[serde(default)]
    written_quote: bool,
}

pub(in crate::playbook) type ServiceTables = BTreeMap<Spanned<String>, ServiceTable>;

impl Check<'_> {
    /// `None` when the business lists no services.
    pub(in crate::playbook) fn services(
        &self,
        tables: ServiceTables,
        limits: Vec<LimitTable>,
        contacts: &[Contact],
        languages: &[Language],
    ) -> Checked<Option<Services>> {
        if let Some(extra) = tables.keys().nth(MAX_SERVICES) {
            return Err(self.refuse(extra, "services", format!("more than {MAX_SERVICES} services"), ""));
        }
        let statuses = tables.iter().map(|(id, table)| (id.get_ref().as_str().into(), *table.status.get_ref()));
        let reader = Reader { check: self, statuses: statuses.collect(), contacts, languages };
        let mut services = Services::default();
        for (id, table) in tables {
            reader.add(id, table, &mut services)?;
        }
        for limit in limits {
            services.limits.push(reader.limit(limit)?);
        }
        Ok((!services.services.is_empty()).then_some(services))
    }
}

struct Reader<'a> {
    check: &'a Check<'a>,
    /// Of every service, in the order they are kept.
    statuses: Vec<(Box<str>, Status)>,
    contacts: &'a [Contact],
    languages: &'a [Language],
}

impl Reader<'_> {
    fn add(&self, id: Spanned<String>, table: ServiceTable, services: &mut Services) -> Checked<()> {
        let key = format!("services.{}", id.get_ref());
        self.is_id(&id)?;
        let own_name = Spanned::new(id.span(), id.get_ref().clone());
        let mut names = self.patterns(&table.known_as, &format!("{key}.known_as"))?;
        names.extend(self.patterns(&[own_name], &key)?);
        for (pattern, place) in names {
            let claims = services.names.entry(pattern.first().into()).or_default();
            match claims.iter().find(|(other, _)| *other == pattern) {
                None => claims.push((pattern, services.services.len())),
                Some((_, owner)) if *owner == services.services.len() => {}
                Some((_, owner)) => {
                    let owner = &services.services[*owner].id;
                    let problem = format!("{:?} is already a name of {owner}", place.get_ref());
                    return Err(self.check.refuse(&place, &key, problem, "a name belongs to one service; remove one"));
                }
            }
        }
        services.services.push(self.service(id, table, &key)?);
        Ok(())
    }

    fn service(&self, id: Spanned<String>, table: ServiceTable, key: &str) -> Checked<Service> {
        Ok(Service {
            name: self.words(table.name, &format!("{key}.name"), MAX_NAME_CHARS)?,
            refer_to: self.refer_to(&table.status, table.refer_to, key)?,
            exception: table.exception.map(|it| self.exception(it, &table.status, key)).transpose()?,
            warranty: self.sentence(table.warranty, &format!("{key}.warranty"))?,
            status: table.status.into_inner(),
            id: id.into_inner().into(),
        })
    }

    fn refer_to(
        &self,
        status: &Spanned<Status>,
        contact: Option<Spanned<String>>,
        key: &str,
    ) -> Checked<Option<Box<str>>> {
        let key = format!("{key}.refer_to");
        let referred = *status.get_ref() == Status::Referred;
        match contact {
            None if referred => {
                Err(self.check.refuse(status, &key, "it is not said to whom", "add refer_to = \"…\", a contact's name"))
            }
            Some(contact) if !referred => {
                let problem = "only a referred service goes to somebody else";
                Err(self.check.refuse(&contact, &key, problem, "write status = \"referred\", or remove it"))
            }
            Some(contact) if self.contacts.iter().all(|it| *it.name != **contact.get_ref()) => {
                let problem = format!("no contact is called {:?}", contact.get_ref());
                Err(self.check.refuse(&contact, &key, problem, "name one of [contacts]"))
            }
            contact => Ok(contact.map(|contact| contact.into_inner().into())),
        }
    }

    fn exception(&self, table: Spanned<ExceptionTable>, status: &Spanned<Status>, key: &str) -> Checked<Exception> {
        let of = format!("{key}.exception");
        if *status.get_ref() != Status::Refused {
            let problem = "only what is refused has an exception";
            return Err(self.check.refuse(&table, &of, problem, "write status = \"refused\", or remove it"));
        }
        let ExceptionTable { known_as, accepted_as } = table.into_inner();
        let key = format!("{of}.accepted_as");
        let place = self.place(&accepted_as, &key)?;
        if self.statuses[place].1 != Status::Accepted {
            return Err(self.check.refuse(&accepted_as, &key, "that service is not accepted itself", ""));
        }
        let patterns = self.patterns(&known_as, &format!("{of}.known_as"))?;
        let known_as = patterns.into_iter().map(|(pattern, _)| pattern).collect();
        Ok(Exception { known_as, accepted_as: place })
    }

    fn limit(&self, table: LimitTable) -> Checked<Limit> {
        for service in &table.services {
            self.place(service, "limits.services")?;
        }
        let when = self.patterns(&table.when, "limits.when")?;
        Ok(Limit {
            services: table.services.into_iter().map(|id| id.into_inner().into()).collect(),
            when: when.into_iter().map(|(pattern, _)| pattern).collect(),
            say: self.words(table.say, "limits.say", MAX_SENTENCE_CHARS)?,
            written_quote: table.written_quote,
        })
    }

    fn place(&self, id: &Spanned<String>, key: &str) -> Checked<usize> {
        self.statuses.iter().position(|(known, _)| **known == **id.get_ref()).ok_or_else(|| {
            let ids: Vec<&str> = self.statuses.iter().map(|(id, _)| id.as_ref()).collect();
            let problem = format!("no service is called {:?}", id.get_ref());
            self.check.refuse(id, key, problem, &format!("name one of: {}", ids.join(", ")))
        })
    }

    fn is_id(&self, id: &Spanned<String>) -> Checked<()> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let text = id.get_ref();
        match (1..=MAX_ID_CHARS).contains(&text.len()) && text.chars().all(fits) {
            true => Ok(()),
            false => Err(self.check.refuse(id, "services", "a service's id is 1 to 48 of a-z, 0-9 and _", "")),
        }
    }

    fn patterns(&self, names: &[Spanned<String>], key: &str) -> Checked<Vec<(Pattern, Spanned<String>)>> {
        if let Some(extra) = names.get(MAX_NAMES) {
            return Err(self.check.refuse(extra, key, format!("more than {MAX_NAMES} names"), ""));
        }
        let pattern = |name: &Spanned<String>| match Pattern::new(name.get_ref()) {
            Some(pattern) => Ok((pattern, name.clone())),
            None => {
                let problem = "a name without a word that says anything";
                Err(self.check.refuse(name, key, problem, "remove it, or write a word that is not an article"))
            }
        };
        names.iter().map(pattern).collect()
    }

    fn sentence(&self, words: Option<Spanned<Words>>, key: &str) -> Checked<Option<Words>> {
        words.map(|words| self.words(words, key, MAX_SENTENCE_CHARS)).transpose()
    }

    fn words(&self, words: Spanned<Words>, key: &str, max_chars: usize) -> Checked<Words> {
        self.check.words(words, key, self.languages, max_chars)
    }
}
