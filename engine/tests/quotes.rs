//! What the agent may say a service costs: `calculateQuote` on the shipped playbook, in both languages, under every
//! name of the arguments.

use engine::call::{Answer, Call, Decision, ToolAnswer};
use engine::playbook::{Language, Playbook};
use engine::testing::fixtures::{call_after, event, key, playbook, tool_call};
use engine::tools;
use serde_json::{Value, json};

const SHIPPED: &str = include_str!("../../config/playbooks/boreal.toml");

fn shipped() -> Playbook {
    Playbook::parse(SHIPPED, "boreal.toml").unwrap()
}

fn ask_of(playbook: &Playbook, language: Language, tool: &str, arguments: Value) -> Decision {
    let call = Call { language: Some(language), ..call_after([]) };
    let event = event(tool_call("tc1", tool, arguments), 1);
    call.decide(&key("c1"), &event, playbook, event.at)
}

fn quote_of(playbook: &Playbook, language: Language, arguments: Value) -> Value {
    match ask_of(playbook, language, "calculateQuote", arguments).answer {
        Answer::Tool(ToolAnswer::Result(json)) if !json.contains('\n') => serde_json::from_str(&json).unwrap(),
        other => panic!("a one-line result wanted, not {other:?}"),
    }
}

fn quote(arguments: Value) -> Value {
    quote_of(&shipped(), Language::Fr, arguments)
}

fn english(arguments: Value) -> Value {
    quote_of(&shipped(), Language::En, arguments)
}

fn amounts(quote: &Value) -> (u64, u64) {
    (quote["min"].as_u64().unwrap(), quote["max"].as_u64().unwrap())
}

#[test]
fn every_generation_of_arguments_gets_the_owners_price() {
    for (arguments, wanted) in [
        (json!({"service": "debouchage", "urgence": "P1", "rive_sud": false}), (350, 650)),
        (json!({"service": "débouchage", "rive_sud": true, "details": "évier"}), (450, 750)),
        (json!({"serviceType": "debouchage", "location": "montreal", "urgency": true}), (350, 650)),
        (json!({"serviceType": "debouchage", "location": "rive_sud", "complexity": "standard"}), (450, 750)),
        (json!({"serviceType": "racines_alesage", "location": "rive_sud", "complexity": "very_complex"}), (550, 850)),
        (json!({"serviceType": "debouchage_camera", "description": "urgence!", "estimatedValue": 90}), (350, 650)),
        (json!({"serviceType": "inspection"}), (350, 350)),
        (json!({"serviceType": "camera_inspection"}), (350, 350)),
        (json!({"serviceType": "drain_francais"}), (500, 500)),
        (json!({"serviceType": "gainage_installation"}), (3900, 3900)),
        (json!({"customerInfo": {"typeService": "racines"}}), (450, 750)),
        (json!({"serviceType": "installation_cheminee"}), (2500, 2500)),
        (json!({"service": "drain de toit"}), (450, 450)),
        (json!({"service": "gainage_premiere_visite"}), (500, 500)),
        (json!({"service": "bac de rétention"}), (4500, 4500)),
        (json!({"probleme": "la toilette est bouchée"}), (350, 650)),
    ] {
        assert_eq!(amounts(&quote(arguments.clone())), wanted, "{arguments}");
    }
    let older = ask_of(&shipped(), Language::Fr, "getQuote", json!({"serviceType": "gainage", "location": "laval"}));
    assert!(matches!(&older.answer, Answer::Tool(ToolAnswer::Result(json)) if json.starts_with(r#"{"min":3900"#)));
}

#[test]
fn a_place_that_is_not_served_has_no_price() {
    for arguments in [
        json!({"serviceType": "debouchage", "postalCode": "G1A 1A1"}),
        json!({"serviceType": "debouchage", "location": "Ottawa"}),
        json!({"serviceType": "gainage", "address": "12 rue Exemple, Sherbrooke", "rive_sud": true}),
    ] {
        let told = english(arguments.clone());
        assert_eq!((&told["quoted"], &told["reason"]), (&json!(false), &json!("not_served")), "{arguments}");
        let message = told["message"].as_str().unwrap();
        assert!(message.starts_with("We do not serve this area") && !message.contains('$'), "{message}");
        assert!(told.get("min").is_none(), "{told}");
        assert!(quote(arguments)["message"].as_str().unwrap().starts_with("Nous ne desservons pas"));
    }
}

#[test]
fn a_zone_is_flagged_in_the_ways_models_write_yes() {
    for (flag, wanted) in [
        (json!(true), (450, 750)),
        (json!("true"), (450, 750)),
        (json!("oui"), (450, 750)),
        (json!(1), (450, 750)),
        (json!("1"), (450, 750)),
        (json!(0), (350, 650)),
        (json!("non"), (350, 650)),
        (json!(false), (350, 650)),
    ] {
        let arguments = json!({"serviceType": "debouchage", "rive_sud": flag});
        assert_eq!(amounts(&quote(arguments.clone())), wanted, "{arguments}");
    }
}

#[test]
fn a_quote_keeps_the_fields_of_older_agents_first_and_in_order() {
    let decision =
        ask_of(&shipped(), Language::Fr, "calculateQuote", json!({"service": "debouchage", "rive_sud": "oui"}));
    let Answer::Tool(ToolAnswer::Result(json)) = &decision.answer else { panic!() };
    assert_eq!(
        json.as_ref(),
        concat!(
            r#"{"min":450,"max":750,"currency":"CAD","message":"Pour ce service (débouchage, inspection par caméra "#,
            r#"incluse), comptez entre 450 $ et 750 $ plus taxes. Cela comprend 100 $ pour votre secteur.","#,
            r#""factors":{"basePrice":350,"complexity":1.0,"urgency":1.0,"location":1.0,"surcharge":100,"add_ons":0},"#,
            r#""estimatedDuration":{"min":2,"max":4,"unit":"hours"},"service":"debouchage","zone":"rive_sud","#,
            r#""note":"C'est une moyenne approximative, à confirmer sur place après l'inspection."}"#,
        )
    );
    assert!(decision.texts.is_empty());
}

#[test]
fn an_amount_is_spoken_with_the_taxes_in_each_language() {
    for (service, fr, en) in [
        ("debouchage", "comptez entre 350 $ et 650 $ plus taxes", "count on $350 to $650 plus taxes"),
        ("drain_toit", "c'est à partir de 450 $ plus taxes", "it is from $450 plus taxes"),
        ("drain_francais", "c'est environ 500 $ plus taxes", "it is about $500 plus taxes"),
        ("installation_cheminee", "c'est 2 500 $ plus taxes", "it is $2,500 plus taxes"),
        (
            "gainage",
            "c'est 3 900 $ plus taxes pour les 10 premiers pieds, puis 90 $ plus taxes par pied de plus",
            "it is $3,900 plus taxes for the first 10 feet, then $90 plus taxes for each foot beyond",
        ),
    ] {
        let (french, english) = (quote(json!({"service": service})), english(json!({"service": service})));
        assert!(french["message"].as_str().unwrap().contains(fr), "{french}");
        assert!(english["message"].as_str().unwrap().contains(en), "{english}");
    }
}

#[test]
fn a_length_is_read_from_numbers_text_and_the_callers_words_and_stays_bounded() {
    for (arguments, wanted) in [
        (json!({"feet": 20}), 4800),
        (json!({"pieds": "25 pieds"}), 5250),
        (json!({"lengthFeet": 10.2}), 3990),
        (json!({"feet": 4}), 3900),
        (json!({"description": "environ 15 pieds de tuyau"}), 4350),
        (json!({"description": "a 30ft pipe"}), 5700),
        (json!({"details": "j'ai 3 toilettes à 20 pi du mur"}), 4800),
        (json!({"feet": 1000}), 3900 + 990 * 90),
        (json!({"feet": 1_000_000_000}), 3900),
        (json!({"feet": 1e308}), 3900),
        (json!({"feet": "1e308"}), 3900),
        (json!({"feet": -5}), 3900),
        (json!({"feet": "-5"}), 3900),
        (json!({"feet": "NaN"}), 3900),
        (json!({"feet": [20]}), 3900),
        (json!({"feet": null, "description": "99999999999999999999 pieds"}), 3900),
    ] {
        let mut with_service = arguments.clone();
        with_service["serviceType"] = json!("gainage");
        assert_eq!(amounts(&quote(with_service)), (wanted, wanted), "{arguments}");
    }
    assert!(
        english(json!({"service": "lining", "feet": 20}))["message"]
            .as_str()
            .unwrap()
            .contains("$4,800 plus taxes for 20 feet")
    );
}

#[test]
fn urgency_value_and_a_wished_price_change_nothing() {
    let plain = quote(json!({"serviceType": "debouchage"}));
    for extra in [
        json!({"urgency": true}),
        json!({"urgency": "critical"}),
        json!({"urgence": "P1"}),
        json!({"priority": "P1"}),
        json!({"isEmergency": true}),
        json!({"evening": true}),
        json!({"weekend": true}),
        json!({"description": "urgence ce soir, refoulement"}),
        json!({"estimatedValue": 1}),
        json!({"estimatedValue": "1e308"}),
        json!({"estimatedValue": -5}),
        json!({"price": 100}),
        json!({"min": 1, "max": 2}),
        json!({"discount": 0.2}),
        json!({"complexity": "very_complex"}),
    ] {
        let mut arguments = extra.clone();
        arguments["serviceType"] = json!("debouchage");
        assert_eq!(quote(arguments), plain, "{extra}");
    }
}

#[test]
fn the_surcharge_of_a_zone_is_added_once() {
    for arguments in [
        json!({"rive_sud": true}),
        json!({"riveSud": "true"}),
        json!({"location": "rive_sud"}),
        json!({"zone": "Rive-Sud"}),
        json!({"address": "10 rue Exemple, Rive-Sud"}),
        json!({"rive_sud": true, "location": "rive_sud", "city": "Brossard", "address": "Rive-Sud"}),
        json!({"city": "Brossard"}),
        json!({"postalCode": "J4Z 1A1"}),
        json!({"address": "10 rue Exemple, Longueuil"}),
        json!({"customerInfo": {"address": "10 rue Exemple, J4B 1A1"}}),
        json!({"location": "montreal", "address": "10 rue Exemple, Brossard J4Z 1A1"}),
    ] {
        let mut arguments = arguments;
        arguments["service"] = json!("debouchage");
        assert_eq!(amounts(&quote(arguments.clone())), (450, 750), "{arguments}");
    }
    for arguments in [
        json!({"rive_sud": false}),
        json!({"location": "rive_nord"}),
        json!({"location": "montreal"}),
        json!({"rive_sud": true, "postalCode": "H2X 1Y4"}),
        json!({"city": "Sainte-Exemple"}),
    ] {
        let mut arguments = arguments;
        arguments["service"] = json!("debouchage");
        assert_eq!(amounts(&quote(arguments.clone())), (350, 650), "{arguments}");
    }
}

#[test]
fn an_addition_costs_less_beside_another_service_than_alone() {
    for (arguments, wanted) in [
        (json!({"service": "gps"}), (400, 400)),
        (json!({"service": "débouchage avec localisation GPS"}), (400, 700)),
        (json!({"service": "debouchage", "gps": true}), (400, 700)),
        (json!({"service": "debouchage", "addOns": ["gps"]}), (400, 700)),
        (json!({"service": "debouchage", "details": "avec localisation GPS", "gps": true}), (400, 700)),
        (json!({"service": "gps", "rive_sud": true}), (500, 500)),
    ] {
        assert_eq!(amounts(&quote(arguments.clone())), wanted, "{arguments}");
    }
    assert!(english(json!({"service": "gps"}))["note"].as_str().unwrap().contains("it is $50 plus taxes more"));
}

#[test]
fn the_first_visit_and_a_credit_are_said_and_not_subtracted() {
    let lining = english(json!({"service": "gainage"}));
    assert!(
        lining["note"]
            .as_str()
            .unwrap()
            .starts_with("First, first lining visit, inspection and measures: $500 plus taxes.")
    );
    let chimney = quote(json!({"service": "installation_cheminee"}));
    assert!(chimney["note"].as_str().unwrap().contains("Crédit de 150 $ si la cheminée"), "{chimney}");
    assert_eq!(amounts(&chimney), (2500, 2500));
}

#[test]
fn no_price_is_said_of_what_is_refused_referred_or_quoted_in_writing() {
    for (arguments, reason) in [
        (json!({"service": "fosse septique"}), "service_not_offered"),
        (json!({"serviceType": "debouchage", "description": "vider la fosse septique"}), "service_not_offered"),
        (json!({"serviceType": "piscine", "location": "rive_sud"}), "service_not_offered"),
        (json!({"serviceType": "sous_dalle"}), "referred"),
        (json!({"service": "robinet qui coule"}), "referred"),
        (json!({"service": "debouchage", "details": "c'est un condo"}), "written_quote_only"),
        (json!({"service": "gainage", "propertyType": "condo"}), "written_quote_only"),
    ] {
        for answer in [quote(arguments.clone()), english(arguments.clone())] {
            assert_eq!((&answer["quoted"], &answer["reason"]), (&json!(false), &json!(reason)), "{arguments}");
            assert_eq!((answer.get("min"), answer.get("max")), (None, None), "{arguments}");
            assert!(!answer.to_string().contains(|c: char| c.is_ascii_digit()), "{answer}");
        }
    }
    assert_eq!(quote(json!({"service": "sous_dalle"}))["refer_to"], "specialist");
}

#[test]
fn an_unknown_service_and_a_business_without_prices_are_answered_by_a_sentence() {
    for arguments in [json!({}), json!({"service": "réparer mon toit"}), json!({"serviceType": 7}), json!({"feet": 3})]
    {
        let decision = ask_of(&shipped(), Language::En, "calculateQuote", arguments.clone());
        let Answer::Tool(ToolAnswer::Error(sentence)) = &decision.answer else { panic!("{arguments}") };
        assert_eq!(sentence.as_ref(), "Which service would you like a price for?");
    }
    let decision = ask_of(&playbook(), Language::En, "calculateQuote", json!({"service": "debouchage"}));
    assert!(matches!(&decision.answer, Answer::Tool(ToolAnswer::Error(text)) if text.contains("call you back")));
}

#[test]
fn a_service_without_a_price_is_priced_on_site() {
    let start = SHIPPED.find("[quotes.prices.drain_toit]").unwrap();
    let end = SHIPPED.find("[quotes.prices.gps]").unwrap();
    let playbook = Playbook::parse(&format!("{}{}", &SHIPPED[..start], &SHIPPED[end..]), "boreal.toml").unwrap();
    let answer = quote_of(&playbook, Language::Fr, json!({"service": "drain de toit"}));
    assert_eq!(answer["reason"], "no_price");
    assert!(answer["message"].as_str().unwrap().contains("sur place"), "{answer}");
}

#[test]
fn harder_work_costs_more_only_where_the_playbook_says_so_and_never_on_surcharges() {
    let playbook = Playbook::parse(
        &SHIPPED.replacen("[quotes.complexity_percent]\n", "[quotes.complexity_percent]\nvery_complex = 133\n", 1),
        "boreal.toml",
    )
    .unwrap();
    let arguments = json!({"service": "debouchage", "rive_sud": true, "gps": true, "complexity": "Very Complex"});
    let answer = quote_of(&playbook, Language::Fr, arguments);
    assert_eq!(amounts(&answer), (466 + 150, 865 + 150), "rounded up to whole dollars, then added");
    assert_eq!(answer["factors"]["complexity"].to_string(), "1.33");
}

#[test]
fn nothing_is_ever_quoted_below_the_minimum() {
    let playbook = shipped();
    let quotes = playbook.quotes.as_ref().unwrap();
    assert_eq!(quotes.minimum, 350);
    for price in quotes.iter() {
        for extra in [json!({}), json!({"estimatedValue": 1, "credit": 5000, "min": 0}), json!({"feet": 0})] {
            let mut arguments = extra;
            arguments["service"] = json!(price.service);
            let (min, max) = amounts(&quote(arguments));
            assert!(350 <= min && min <= max, "{}", price.service);
        }
    }
}

#[test]
fn the_tool_offers_the_priced_services_alone() {
    let playbook = shipped();
    let offered = tools::offered(&playbook, Language::En);
    let (_, definition) = offered.iter().find(|(tool, _)| tool.name() == "calculateQuote").unwrap();
    let ids = definition.parameters()["properties"]["serviceType"]["enum"].to_string();
    assert!(ids.contains("\"gainage\"") && !ids.contains("piscines") && !ids.contains("sous_dalle"), "{ids}");
}

#[test]
fn what_would_fail_during_a_call_is_refused_with_its_line_and_the_fix() {
    for (good, bad, key, says) in [
        ("[quotes.prices.gps]", "[quotes.prices.radar]", "quotes.prices.radar", "no service is called so"),
        ("[quotes.prices.gps]", "[quotes.prices.piscines]", "quotes.prices.piscines", "a refused service has no price"),
        ("[quotes.prices.gps]", "[quotes.prices.sous_dalle]", "quotes.prices.sous_dalle", "the specialist quotes"),
        ("max = 650", "max = 349", "quotes.prices.debouchage.max", "max is below min, 350; swap them"),
        ("min = 350\n", "min = 349\n", "quotes.prices.debouchage.min", "below quotes.minimum, 350; raise it"),
        ("flat = 400", "flat = 200", "quotes.prices.gps.flat", "below quotes.minimum"),
        ("about = 4500", "about = 45000000", "quotes.prices.bac_retention.about", "whole units"),
        ("about = 4500", "about = 4500.5", "quotes.prices.bac_retention.about", "not a number with decimals"),
        ("min = 350\n", "flat = 350\n", "quotes.prices.debouchage", "give one of: min and max"),
        ("covers_feet = 10\n", "", "quotes.prices.gainage", "give one of"),
        (
            "first_visit = \"gainage_premiere_visite\"",
            "first_visit = \"x\"",
            "quotes.prices.gainage.first_visit",
            "has no price; name a service",
        ),
        ("currency = \"CAD\"", "currency = \"dollars\"", "quotes.currency", "write it as \"CAD\""),
        (
            "[quotes.complexity_percent]\n",
            "[quotes.complexity_percent]\nx = 16\n",
            "quotes.complexity_percent",
            "130 is 30 % more",
        ),
        (
            "duration = { min = 2, max = 4",
            "duration = { min = 5, max = 4",
            "quotes.prices.debouchage.duration",
            "from min to max",
        ),
        (
            "taxes = { fr = \"plus taxes\", en = \"plus taxes\" }",
            "taxes = { fr = \"plus taxes\" }",
            "quotes.taxes",
            "no words in `en`",
        ),
        ("add_on = 50", "urgency = 75", "quotes.prices.gps.urgency", "unknown field `urgency`"),
    ] {
        assert!(SHIPPED.contains(good), "{good}");
        let error = Playbook::parse(&SHIPPED.replacen(good, bad, 1), "boreal.toml").map(|_| good).unwrap_err();
        assert_eq!(error.key.as_ref(), key, "{error}");
        assert!(error.to_string().contains(says) && error.line > 1, "{error}");
    }
}

/// The prices of an earlier system; needs `CORDBOARD_CONTRACTS`.
#[test]
fn the_source_systems_prices_are_kept() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
        return;
    };
    let file = std::fs::read_to_string(format!("{contracts}/drain-fortin/rules/pricing.json")).unwrap();
    let rules: Value = serde_json::from_str(&file).unwrap();
    let mut run = 0;
    for item in rules["owner_requirement"].as_array().unwrap() {
        let Some(service) = item["service"].as_str().filter(|service| !["any", "gps_addon"].contains(service)) else {
            continue;
        };
        let (min, max) = amounts(&quote(json!({"serviceType": service})));
        let least = ["min", "flat", "about"].iter().find_map(|key| item[key].as_u64()).unwrap();
        assert_eq!(min, least, "{service}");
        assert!(item["max"].as_u64().is_none_or(|most| most == max) && min <= max, "{service}");
        run += 1;
    }
    assert!(run >= 10, "only {run}");
}
