//! Territories as they are written, and what is refused of them.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use toml::Spanned;

use super::{City, Owner, Territories, Zone, towns};
use crate::playbook::Language;
use crate::playbook::check::{Check, Checked};
use crate::playbook::names::Names;
use crate::playbook::words::Words;

const MAX_ZONES: usize = 50;
const MAX_CITIES: usize = 2_000;
const MAX_NAME_CHARS: usize = 80;
const MAX_RESPONSE_CHARS: usize = 120;
const MAX_SURCHARGE: u32 = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct TerritoriesTable {
    zones: Spanned<Vec<Spanned<ZoneTable>>>,
    #[serde(default)]
    unserved: Vec<CityTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneTable {
    id: Spanned<String>,
    names: Spanned<Words>,
    #[serde(default)]
    also: Vec<Spanned<String>>,
    surcharge: Option<Spanned<u32>>,
    response: Spanned<Words>,
    #[serde(default)]
    postal: Vec<Spanned<String>>,
    #[serde(default)]
    cities: Vec<CityTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CityTable {
    name: Spanned<Words>,
    /// Other spellings, in any language.
    #[serde(default)]
    also: Vec<Spanned<String>>,
    #[serde(default)]
    postal: Vec<Spanned<String>>,
    #[serde(default)]
    is_province_too: bool,
}

impl Check<'_> {
    pub(in crate::playbook) fn territories(
        &self,
        table: TerritoriesTable,
        languages: &[Language],
    ) -> Checked<Territories> {
        let zones = table.zones.get_ref().len();
        if zones == 0 || zones > MAX_ZONES {
            let fix = "add [[territories.zones]], or leave [territories] out";
            return Err(self.refuse(&table.zones, "territories.zones", format!("not 1 to {MAX_ZONES} zones"), fix));
        }
        let mut draft = Draft { languages, ..Draft::default() };
        for zone in table.zones.into_inner() {
            self.add_zone(zone, &mut draft)?;
        }
        for city in table.unserved {
            self.add_city(city, None, "territories.unserved", &mut draft)?;
        }
        Ok(draft.territories)
    }

    fn add_zone(&self, table: Spanned<ZoneTable>, draft: &mut Draft) -> Checked<()> {
        let (at, table, place) = (table.span(), table.into_inner(), draft.territories.zones.len());
        let key = format!("territories.zones.{}", table.id.get_ref());
        self.zone_id(&table.id, draft)?;
        if table.postal.is_empty() && table.cities.is_empty() {
            let fix = "list postal = [\"H7\"], or cities";
            return Err(self.source.refuse(at, &key, "nothing is in this zone", fix));
        }
        let surcharge = self.surcharge(table.surcharge.as_ref(), &format!("{key}.surcharge"))?;
        let names = self.words(table.names, &format!("{key}.names"), draft.languages, MAX_NAME_CHARS)?;
        let response =
            self.unpromising(table.response, &format!("{key}.response"), draft.languages, MAX_RESPONSE_CHARS)?;
        let also = table.also.iter().map(|name| name.get_ref().as_str());
        for name in names.all().chain(also).chain([table.id.get_ref().as_str()]) {
            draft.territories.zone_names.add_words(towns::words(name), place);
        }
        let id = table.id.into_inner().into();
        draft.territories.zones.push(Zone { id, names, surcharge, response });
        let has_prefixes = !table.postal.is_empty();
        self.add_prefixes(&table.postal, Owner::Zone(place), &format!("{key}.postal"), draft)?;
        let cities_key = format!("{key}.cities");
        table
            .cities
            .into_iter()
            .try_for_each(|city| self.add_city(city, Some((place, has_prefixes)), &cities_key, draft))
    }

    fn zone_id(&self, id: &Spanned<String>, draft: &Draft) -> Checked<()> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_id = (1..=40).contains(&id.get_ref().len()) && id.get_ref().chars().all(letters);
        if !is_id || id.get_ref() == "unknown" {
            let problem = format!("{:?} is no zone's id", id.get_ref());
            return Err(self.refuse(id, "territories.zones.id", problem, "write 1 to 40 of a-z, 0-9 and _: rive_sud"));
        }
        if draft.territories.zones.iter().any(|zone| *zone.id == **id.get_ref()) {
            let problem = format!("there are two zones {:?}", id.get_ref());
            return Err(self.refuse(id, "territories.zones.id", problem, "join them, or name one differently"));
        }
        Ok(())
    }

    /// `zone`: its place, and whether it lists prefixes of its own.
    fn add_city(&self, table: CityTable, zone: Option<(usize, bool)>, key: &str, draft: &mut Draft) -> Checked<()> {
        let place = draft.territories.cities.len();
        if place == MAX_CITIES {
            let problem = format!("more than {MAX_CITIES} cities");
            return Err(self.refuse(&table.name, key, problem, "list postal prefixes instead"));
        }
        let at = table.name.span();
        let name = self.words(table.name, &format!("{key}.name"), draft.languages, MAX_NAME_CHARS)?;
        let also = table.also.iter().map(|name| name.get_ref().as_str());
        for spelling in name.all().chain(also).map(towns::words) {
            if !draft.territories.city_names.add_words(spelling, place) {
                return Err(self.source.refuse(at, key, "a name without a word", "remove it, or write a word"));
            }
        }
        let has_prefixes = !table.postal.is_empty() || zone.is_some_and(|(_, has_prefixes)| has_prefixes);
        let (zone, is_province_too) = (zone.map(|(place, _)| place), table.is_province_too);
        draft.territories.cities.push(City { name, zone, is_province_too, has_prefixes });
        self.add_prefixes(&table.postal, Owner::City(place), &format!("{key}.postal"), draft)
    }

    /// A prefix of two owners is the first one's: a street on the border has one answer.
    fn add_prefixes(&self, list: &[Spanned<String>], owner: Owner, key: &str, draft: &mut Draft) -> Checked<()> {
        let mut own = HashSet::new();
        for text in list {
            let prefix: String = text.get_ref().chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
            if !(1..=6).contains(&prefix.len()) || !prefix.chars().all(|c| c.is_ascii_alphanumeric()) {
                let problem = format!("{:?} is not the beginning of a postal code", text.get_ref());
                return Err(self.refuse(
                    text,
                    key,
                    problem,
                    "write 1 to 6 letters and digits: \"H7\", \"J4W\", \"J0L2R0\"",
                ));
            }
            if !own.insert(prefix.clone()) {
                return Err(self.refuse(text, key, format!("{prefix:?} is listed twice"), "take one out"));
            }
            draft.territories.prefixes.entry(prefix.into()).or_insert(owner);
        }
        Ok(())
    }

    fn surcharge(&self, surcharge: Option<&Spanned<u32>>, key: &str) -> Checked<u32> {
        match surcharge {
            Some(amount) if *amount.get_ref() > MAX_SURCHARGE => {
                Err(self.refuse(amount, key, format!("more than {MAX_SURCHARGE}"), "write it in whole dollars: 100"))
            }
            amount => Ok(amount.map_or(0, |amount| *amount.get_ref())),
        }
    }
}

struct Draft<'a> {
    languages: &'a [Language],
    territories: Territories,
}

impl Default for Draft<'_> {
    fn default() -> Self {
        let territories = Territories {
            zones: Vec::new(),
            cities: Vec::new(),
            prefixes: HashMap::new(),
            zone_names: Names::default(),
            city_names: Names::default(),
        };
        Draft { languages: &[], territories }
    }
}
