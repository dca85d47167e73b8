use super::*;
use crate::playbook::Language;

const TOML: &str = r#"
[[zones]]
id = "north"
names = { fr = "Rive-Nord", en = "North Shore" }
also = ["up north"]
response = { fr = "selon la tournée", en = "by rounds" }
postal = ["H7", "J4P"]
cities = [
  { name = "Laval", also = ["Laval-Ouest"] },
  { name = { fr = "Sainte-Rose", en = "Saint Rose" } },
  { name = "Montréal" },
  { name = "Montréal-Nord" },
]
[[zones]]
id = "rive_sud"
names = { fr = "Rive-Sud", en = "South Shore" }
surcharge = 100
response = { fr = "selon la tournée", en = "by rounds" }
cities = [
  { name = "Brossard", postal = ["j4w", "J4Z", "H7X 1A1"] },
  { name = "Saint-Lambert", postal = ["J4P", "J4R"] },
  { name = "Dollard-des-Ormeaux", also = ["DDO", "D.D.O."] },
  { name = "La Prairie" },
  { name = "Inverness", postal = ["021"] },
]
[[unserved]]
name = { fr = "Québec", en = "Québec City" }
also = ["Ville de Québec"]
postal = ["G1"]
is_province_too = true
[[unserved]]
name = "Sherbrooke"
[[unserved]]
name = "Ottawa"
postal = ["K"]
"#;

fn read(text: &str) -> Result<Territories, crate::playbook::PlaybookError> {
    let table = toml::from_str(text).unwrap();
    let source = crate::playbook::error::Source { file: "t.toml", text };
    crate::playbook::check::Check { source }.territories(table, &[Language::Fr, Language::En])
}

fn territories() -> Territories {
    read(TOML).unwrap()
}

/// `zone/city`, `-/city` where it is known not to be served, or `?`.
fn place(finding: &Finding) -> String {
    let name = |city: &City| city.name.in_language(Language::Fr).to_owned();
    match finding.place {
        Some(Place::Served { zone, city }) => format!("{}/{}", zone.id, city.map_or(String::new(), name)),
        Some(Place::Unserved { city }) => format!("-/{}", name(city)),
        None => "?".to_owned(),
    }
}

#[test]
fn a_place_is_known_by_its_code_or_its_name_and_nothing_else() {
    let territories = territories();
    for (text, wanted) in [
        // codes: whole, in an address, by the longest prefix, by the first zone
        ("J4Z 1A1", "rive_sud/Brossard"),
        ("12 rue Exemple app. 3 j4z1a1", "rive_sud/Brossard"),
        ("J4W", "rive_sud/Brossard"),
        ("H7X 1A1", "rive_sud/Brossard"),
        ("H7X 1A2", "north/"),
        ("J4P", "north/"),
        ("J4P 2B3", "north/"),
        ("K1A 0B1", "-/Ottawa"),
        ("M5V 2T6", "?"),
        ("Springfield 02139", "rive_sud/Inverness"),
        ("12345 rue Exemple, Brossard", "rive_sud/Brossard"),
        // names: folded, whole words, abbreviated
        ("brossard", "rive_sud/Brossard"),
        ("St-Lambert", "rive_sud/Saint-Lambert"),
        ("st. lambert", "rive_sud/Saint-Lambert"),
        ("SAINT LAMBERT", "rive_sud/Saint-Lambert"),
        ("Ste-Rose", "north/Sainte-Rose"),
        ("Dollard des Ormeaux", "rive_sud/Dollard-des-Ormeaux"),
        ("DDO", "rive_sud/Dollard-des-Ormeaux"),
        ("d.d.o.", "rive_sud/Dollard-des-Ormeaux"),
        ("Inverness", "rive_sud/Inverness"),
        ("Montreal Nord", "north/Montréal-Nord"),
        ("Montréal-Nord", "north/Montréal-Nord"),
        ("Brossardville", "?"),
        ("Rivière-des-Prairies", "?"),
        // longer names of other places
        ("Saint-Lambert-de-Lauzon", "?"),
        ("Saint-Lambert de Lauzon", "?"),
        ("Université-Laval", "?"),
        ("Montréal-Est", "?"),
        // streets
        ("1200 rue Sherbrooke Ouest, Montréal", "north/Montréal"),
        ("1200 Sherbrooke Street West, Montreal", "north/Montréal"),
        ("1200 Sherbrooke E, Montreal", "north/Montréal"),
        ("1200 Sherbrooke", "?"),
        ("12, boul. de Laval, Brossard", "rive_sud/Brossard"),
        ("chemin de La Prairie, Sainte-Exemple", "?"),
        ("100 rue Montréal", "?"),
        ("apt 4 Laval", "north/Laval"),
        ("mon adresse à Laval est 12 rue Exemple", "north/Laval"),
        ("123 Main St, Laval", "north/Laval"),
        // the city and the province
        ("Laval, Québec", "north/Laval"),
        ("Laval (Québec) Canada", "north/Laval"),
        ("Laval Québec", "north/Laval"),
        ("Québec", "-/Québec"),
        ("quebec", "-/Québec"),
        ("ville de Québec", "-/Québec"),
        ("Quebec City", "-/Québec"),
        ("je suis à Québec", "-/Québec"),
        ("de la ville de Québec", "-/Québec"),
        ("Sainte-Exemple, Québec", "?"),
        ("Sainte-Exemple Québec", "?"),
        ("la province de Québec", "?"),
        // zones
        ("rive_sud", "rive_sud/"),
        ("sur la Rive Sud", "rive_sud/"),
        ("south shore", "rive_sud/"),
        ("somewhere up north", "north/"),
        ("north", "north/"),
        ("Northampton", "?"),
        // nothing
        ("Sherbrooke", "-/Sherbrooke"),
        ("Gatineau", "?"),
        ("", "?"),
        ("🙂 ---- ,,,", "?"),
    ] {
        assert_eq!(place(&territories.find(&[text])), wanted, "{text}");
    }
}

#[test]
fn a_code_counts_more_than_a_city_and_says_so() {
    let territories = territories();
    for (texts, wanted, overruled) in [
        (&["J4W 1A1", "Laval"][..], "rive_sud/Brossard", Some("Laval")),
        (&["J4P 1A1", "Saint-Lambert"], "north/", Some("Saint-Lambert")),
        (&["J4R 1A1", "Brossard"], "rive_sud/Brossard", None),
        (&["H7A 1A1", "Sainte-Rose"], "north/Sainte-Rose", None),
        (&["Laval K1A 0B1"], "-/Ottawa", Some("Laval")),
        (&["J4W 1A1", "Sherbrooke"], "rive_sud/Brossard", Some("Sherbrooke")),
        // A code that nobody lists speaks against a city whose codes are listed, and not against another.
        (&["M5V 2T6", "Brossard"], "?", Some("Brossard")),
        (&["M5V 2T6", "La Prairie"], "rive_sud/La Prairie", None),
        (&["M5V 2T6", "J4W 1A1"], "rive_sud/Brossard", None),
        (&["not a code", "DDO"], "rive_sud/Dollard-des-Ormeaux", None),
        (&["", "", "Laval"], "north/Laval", None),
    ] {
        let finding = territories.find(texts);
        let named = finding.overruled.map(|city| city.name.in_language(Language::En));
        assert_eq!((place(&finding).as_str(), named), (wanted, overruled), "{texts:?}");
    }
}

#[test]
fn a_zone_is_asked_for_by_its_id_or_name_alone() {
    let territories = territories();
    for id in ["rive_sud", "Rive-Sud", "RIVE SUD", "south shore", "SouthShore", "up north"] {
        let zone = territories.zone(id).map(|zone| &*zone.id);
        let wanted = match id {
            "SouthShore" => None,
            "up north" => Some("north"),
            _ => Some("rive_sud"),
        };
        assert_eq!(zone, wanted, "{id}");
    }
    assert_eq!(territories.zone("Laval"), None);
    assert_eq!(territories.zone_of("12 rue Exemple, St-Lambert, QC").map(|zone| zone.surcharge), Some(100));
    assert_eq!(territories.zone_of("Ottawa"), None);
}

#[test]
fn what_cannot_be_a_territory_is_refused_with_its_line() {
    for (good, bad, key, says) in [
        ("id = \"north\"", "id = \"North\"", "territories.zones.id", "a-z"),
        ("id = \"north\"", "id = \"unknown\"", "territories.zones.id", "no zone's id"),
        ("id = \"north\"", "id = \"rive_sud\"", "territories.zones.id", "two zones"),
        ("[\"H7\", \"J4P\"]", "[\"H7\", \"h 7\"]", "territories.zones.north.postal", "listed twice"),
        ("[\"G1\"]", "[\"G1-\"]", "territories.unserved.postal", "1 to 6 letters"),
        ("[\"G1\"]", "[\"G1A1A12\"]", "territories.unserved.postal", "1 to 6 letters"),
        ("[\"G1\"]", "[\"\"]", "territories.unserved.postal", "1 to 6 letters"),
        ("surcharge = 100", "surcharge = 100001", "territories.zones.rive_sud.surcharge", "whole dollars"),
        ("en = \"by rounds\"", "en = \"within 3 hours\"", "territories.zones.north.response", "promises a moment"),
        ("en = \"North Shore\"", "en = \"\"", "territories.zones.north.names", "1 to 80"),
        ("{ name = \"Montréal\" }", "{ name = \"-\" }", "territories.zones.north.cities", "without a word"),
    ] {
        assert!(TOML.contains(good), "{good}");
        let text = TOML.replacen(good, bad, 1);
        let error = read(&text).unwrap_err();
        let line = text.lines().position(|line| line.contains(bad)).unwrap() + 1;
        let line =
            if says == "two zones" { TOML.lines().position(|it| it == "id = \"rive_sud\"").unwrap() + 1 } else { line };
        assert_eq!((&*error.key, error.line), (key, line), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let empty = "zones = [{ id = 'a', names = 'A', response = 'soon' }]";
    assert!(read(empty).unwrap_err().to_string().contains("nothing is in this zone"));
    assert!(read("zones = []").unwrap_err().to_string().contains("leave [territories] out"));
}
