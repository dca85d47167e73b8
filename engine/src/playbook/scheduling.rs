//! `[scheduling]`: how long people usually wait, per service and per priority. Windows only: a date, an hour or
//! "today" is refused when the playbook is read, so that no answer can promise one.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Check, Checked};
use super::names::Names;
use super::words::Words;
use super::{Language, promises};
use crate::priority::Priority;

const MAX_WINDOW_CHARS: usize = 120;
const MAX_MESSAGE_CHARS: usize = 300;
const MAX_SERVICES: usize = 100;
const MAX_REQUIREMENTS: usize = 10;

#[derive(Clone, Debug)]
pub struct Scheduling {
    /// For what has no window of its own.
    general: Window,
    /// What is needed before any work.
    requirements: Vec<Words>,
    services: Vec<Window>,
    names: Names,
    /// Stand before those of services: an emergency does not wait for a service's weeks.
    priorities: [Option<Window>; 4],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of a service; empty for others.
    pub id: Box<str>,
    pub window: Words,
    /// Said instead of the usual sentence.
    pub message: Option<Words>,
    /// False: only a person can say when.
    pub can_schedule: bool,
    /// What is needed for this service beside the general requirements.
    pub requirements: Vec<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchedulingTable {
    general: Spanned<Words>,
    #[serde(default)]
    requirements: Vec<Spanned<Words>>,
    #[serde(default)]
    services: BTreeMap<Spanned<String>, ServiceTable>,
    #[serde(default)]
    priorities: BTreeMap<Priority, PriorityWindowTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceTable {
    window: Spanned<Words>,
    /// In every language, beside the id.
    #[serde(default)]
    names: Vec<Spanned<String>>,
    message: Option<Spanned<Words>>,
    can_schedule: Option<bool>,
    #[serde(default)]
    requirements: Vec<Spanned<Words>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriorityWindowTable {
    window: Spanned<Words>,
    message: Option<Spanned<Words>>,
}

impl Scheduling {
    /// The window of the priority, if it has one, else that of the first service named, else the general one.
    pub fn window(&self, service: Option<&str>, priority: Option<Priority>) -> &Window {
        let by_priority = priority.and_then(|priority| self.priorities[priority as usize].as_ref());
        by_priority.or(service.and_then(|service| self.service(service))).unwrap_or(&self.general)
    }

    pub fn service(&self, named: &str) -> Option<&Window> {
        self.names.first_in(named).map(|place| &self.services[place])
    }

    /// What is needed, for this service too if it is known.
    pub fn requirements(&self, service: Option<&str>, language: Language) -> Vec<&str> {
        let own = service.and_then(|service| self.service(service)).map_or(&[][..], |window| &window.requirements);
        self.requirements.iter().chain(own).map(|words| words.in_language(language)).collect()
    }

    /// Ids of the services that have a window of their own.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|window| window.id.as_ref())
    }
}

impl Check<'_> {
    pub(super) fn scheduling(&self, table: SchedulingTable, languages: &[Language]) -> Checked<Scheduling> {
        if let Some(over) = table.services.keys().nth(MAX_SERVICES) {
            return Err(self.refuse(over, "scheduling.services", format!("more than {MAX_SERVICES}"), "join some"));
        }
        let mut names = Names::default();
        let mut services = Vec::new();
        for (id, table) in table.services {
            self.service_names(&id, &table.names, services.len(), &mut names)?;
            services.push(self.service_window(&id, table, languages)?);
        }
        let mut priorities = [const { None }; 4];
        for (priority, table) in table.priorities {
            priorities[priority as usize] = Some(self.priority_window(priority, table, languages)?);
        }
        let general = self.unpromising(table.general, "scheduling.general", languages, MAX_WINDOW_CHARS)?;
        let requirements = self.requirements(table.requirements, "scheduling.requirements", languages)?;
        Ok(Scheduling { general: Window::of(general), requirements, services, names, priorities })
    }

    fn service_names(
        &self,
        id: &Spanned<String>,
        more: &[Spanned<String>],
        place: usize,
        names: &mut Names,
    ) -> Checked<()> {
        let key = format!("scheduling.services.{}", id.get_ref());
        match std::iter::once(id).chain(more).find(|name| !names.add(name.get_ref(), place)) {
            Some(empty) => Err(self.refuse(empty, &key, "a name without a word", "remove it, or write a word")),
            None => Ok(()),
        }
    }

    fn service_window(&self, id: &Spanned<String>, table: ServiceTable, languages: &[Language]) -> Checked<Window> {
        let key = format!("scheduling.services.{}", id.get_ref());
        let window = self.unpromising(table.window, &format!("{key}.window"), languages, MAX_WINDOW_CHARS)?;
        Ok(Window {
            id: id.get_ref().as_str().into(),
            message: self.message(table.message, &key, languages)?,
            can_schedule: table.can_schedule.unwrap_or(true),
            requirements: self.requirements(table.requirements, &format!("{key}.requirements"), languages)?,
            ..Window::of(window)
        })
    }

    fn priority_window(
        &self,
        priority: Priority,
        table: PriorityWindowTable,
        languages: &[Language],
    ) -> Checked<Window> {
        let key = format!("scheduling.priorities.{priority}");
        let window = self.unpromising(table.window, &format!("{key}.window"), languages, MAX_WINDOW_CHARS)?;
        Ok(Window { message: self.message(table.message, &key, languages)?, ..Window::of(window) })
    }

    fn message(&self, text: Option<Spanned<Words>>, key: &str, languages: &[Language]) -> Checked<Option<Words>> {
        let key = format!("{key}.message");
        text.map(|text| self.unpromising(text, &key, languages, MAX_MESSAGE_CHARS)).transpose()
    }

    fn requirements(&self, list: Vec<Spanned<Words>>, key: &str, languages: &[Language]) -> Checked<Vec<Words>> {
        if let Some(over) = list.get(MAX_REQUIREMENTS) {
            return Err(self.refuse(over, key, format!("more than {MAX_REQUIREMENTS}"), "join some"));
        }
        list.into_iter().map(|text| self.unpromising(text, key, languages, MAX_WINDOW_CHARS)).collect()
    }

    /// Words in every language, none of which promises a moment.
    pub(super) fn unpromising(
        &self,
        text: Spanned<Words>,
        key: &str,
        languages: &[Language],
        max_chars: usize,
    ) -> Checked<Words> {
        let at = text.span();
        let words = self.words(text, key, languages, max_chars)?;
        if let Some(promise) = words.all().find_map(promises::find) {
            let problem = format!("\"{promise}\" promises a moment, and nobody can keep it");
            let fix =
                "write a window (\"1 to 3 weeks\", \"as soon as a team is free\"), without date, hour or \"today\"";
            return Err(self.source.refuse(at, key, problem, fix));
        }
        Ok(words)
    }
}

impl Window {
    fn of(window: Words) -> Window {
        Window { id: Box::default(), window, message: None, can_schedule: true, requirements: Vec::new() }
    }
}
