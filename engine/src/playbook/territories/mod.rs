//! `[territories]`: where a business goes, and what the way costs. A place is known by its postal code or its name.
//!
//! A postal code counts more than a name, the longest prefix more than a shorter one, and the first zone of the file
//! more than a later one. A place that nobody listed is not served: somebody has to look at it.

mod postal;
mod table;
mod towns;

use std::collections::HashMap;

use super::names::Names;
use super::words::Words;
pub(super) use table::TerritoriesTable;
use towns::Address;

pub(crate) use postal::whole_in as postal_codes;

#[derive(Clone, Debug)]
pub struct Territories {
    zones: Vec<Zone>,
    cities: Vec<City>,
    prefixes: HashMap<Box<str>, Owner>,
    zone_names: Names,
    city_names: Names,
}

/// Places with the same surcharge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Lower case letters, digits and `_`: `rive_sud`.
    pub id: Box<str>,
    pub names: Words,
    /// For coming here, in whole units of the business's currency.
    pub surcharge: u32,
    /// How soon somebody comes, without a promise.
    pub response: Words,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct City {
    pub name: Words,
    /// Place in the list of zones; `None` where the business does not go.
    zone: Option<usize>,
    /// Its name is also its province's.
    is_province_too: bool,
    /// Whether postal codes of it are listed, so that one that is not listed speaks against it.
    has_prefixes: bool,
}

/// Whose prefix it is: of a city, or of a zone as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    City(usize),
    Zone(usize),
}

/// What is known of a place somebody named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding<'a> {
    pub place: Option<Place<'a>>,
    /// The postal code that was given, whole or its beginning, without space: `J4W1A1`.
    pub code: Option<Box<str>>,
    /// The city that was named, where the postal code says that it is another.
    pub overruled: Option<&'a City>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place<'a> {
    Served { zone: &'a Zone, city: Option<&'a City> },
    Unserved { city: &'a City },
}

impl Territories {
    /// The zone of an address, a postal code, a city, or a zone's own name. `None` for places not listed or not served.
    pub fn zone_of(&self, text: &str) -> Option<&Zone> {
        match self.find(&[text]).place? {
            Place::Served { zone, .. } => Some(zone),
            Place::Unserved { .. } => None,
        }
    }

    /// By its id or name, in any spelling: `rive_sud`, `Rive-Sud`, `south shore`.
    pub fn zone(&self, id: &str) -> Option<&Zone> {
        self.zone_names.exactly(&towns::words(id)).map(|place| &self.zones[place])
    }

    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// Reads texts in the order they are trusted in. The first code and the first city count.
    pub fn find(&self, texts: &[&str]) -> Finding<'_> {
        let texts: Vec<String> = texts.iter().map(|text| postal::bounded(text)).collect();
        let codes = texts.iter().flat_map(|text| postal::codes_in(text));
        let codes: Vec<_> = codes.filter(|it| !postal::is_number(it) || self.owner_of(it).is_some()).collect();
        let city = texts.iter().find_map(|text| self.city_in(text));
        let listed = codes.iter().find_map(|code| Some((code, self.owner_of(code)?)));
        match (listed, codes.first()) {
            (Some((code, owner)), _) => self.by_code(code, owner, city),
            (None, Some(code)) if city.is_none_or(|city| city.has_prefixes) => {
                Finding { place: None, code: Some(code.clone()), overruled: city }
            }
            (None, code) => {
                let by_zone = || texts.iter().find_map(|text| self.zone_in(text));
                let place = city.map(|city| self.place_of(city)).or_else(by_zone);
                Finding { place, code: code.cloned(), overruled: None }
            }
        }
    }

    fn by_code<'a>(&'a self, code: &str, owner: Owner, named: Option<&'a City>) -> Finding<'a> {
        let zone = match owner {
            Owner::City(place) => self.cities[place].zone,
            Owner::Zone(place) => Some(place),
        };
        let agreed = named.filter(|city| city.zone == zone && zone.is_some());
        let place = match owner {
            Owner::City(place) => self.place_of(agreed.unwrap_or(&self.cities[place])),
            Owner::Zone(place) => Place::Served { zone: &self.zones[place], city: agreed },
        };
        let overruled = named.filter(|city| city.zone != zone);
        Finding { place: Some(place), code: Some(code.into()), overruled }
    }

    /// Whose longest prefix this code begins with.
    fn owner_of(&self, code: &str) -> Option<Owner> {
        (1..=code.len()).rev().find_map(|len| self.prefixes.get(&code[..len]).copied())
    }

    fn city_in(&self, text: &str) -> Option<&City> {
        let is_province_too = |place: usize| self.cities[place].is_province_too;
        let place = Address::new(text).place(&self.city_names, is_province_too)?;
        Some(&self.cities[place])
    }

    fn zone_in(&self, text: &str) -> Option<Place<'_>> {
        let zone = &self.zones[Address::new(text).place(&self.zone_names, |_| false)?];
        Some(Place::Served { zone, city: None })
    }

    fn place_of<'a>(&'a self, city: &'a City) -> Place<'a> {
        match city.zone {
            Some(place) => Place::Served { zone: &self.zones[place], city: Some(city) },
            None => Place::Unserved { city },
        }
    }
}

#[cfg(test)]
mod tests;
