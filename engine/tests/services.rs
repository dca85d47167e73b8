//! Which service a caller asks for, what is refused, and what is left to ask: `validateServiceRequest` on the shipped
//! playbook, in the caller's words and under every name of the arguments.

use engine::call::{Answer, Call, Decision, Direction, Fact, ToolAnswer};
use engine::playbook::{Language, Playbook, Status};
use engine::testing::fixtures::{CALLER, call_after, event, key, spoke, tool_call};
use engine::tools;
use serde_json::{Value, json};

const SHIPPED: &str = include_str!("../../config/playbooks/boreal.toml");

fn shipped() -> Playbook {
    Playbook::parse(SHIPPED, "boreal.toml").unwrap()
}

fn decide(playbook: &Playbook, call: &Call, arguments: Value) -> Decision {
    let event = event(tool_call("tc1", "validateServiceRequest", arguments), 1);
    call.decide(&key("c1"), &event, playbook, event.at)
}

/// A call of a caller whose number is seen.
fn calling() -> Call {
    call_after([spoke("bonjour")])
}

fn text(decision: &Decision) -> &str {
    match &decision.answer {
        Answer::Tool(ToolAnswer::Result(text) | ToolAnswer::Error(text)) => text,
        other => panic!("an answer wanted, not {other:?}"),
    }
}

fn ask(arguments: Value) -> Value {
    let decision = decide(&shipped(), &calling(), arguments);
    serde_json::from_str(text(&decision)).unwrap()
}

fn in_english(arguments: Value) -> Value {
    let call = Call { language: Some(Language::En), ..calling() };
    serde_json::from_str(text(&decide(&shipped(), &call, arguments))).unwrap()
}

#[test]
fn a_caller_is_understood_in_their_own_words() {
    let playbook = shipped();
    let services = playbook.services.as_ref().unwrap();
    for (said, wanted) in [
        // accepted
        ("la toilette est bouchée", "debouchage"),
        ("j'arrive pas à déboucher mon évier", "debouchage"),
        ("ça coule pus, l'eau descend pas dans le lavabo", "debouchage"),
        ("REFOULEMENT D'EGOUT", "debouchage"),
        ("y a de l'eau qui sort par le drain de plancher", "debouchage"),
        ("my kitchen sink is completely blocked", "debouchage"),
        ("the plumber told me my toilet is clogged", "debouchage"),
        ("there is a pool of water in the basement", "debouchage"),
        ("mon bac à laver est bouché", "debouchage"),
        ("my toilet won't flush", "debouchage"),
        ("ça sent l'égout dans la cave", "debouchage"),
        ("une inspection par caméra avant d'acheter", "camera_inspection"),
        ("camera inspection please", "camera_inspection"),
        ("des racines dans le drain", "racines_alesage"),
        ("tree roots in the sewer pipe", "racines_alesage"),
        ("je veux faire gainer mon drain", "gainage"),
        ("trenchless relining", "gainage"),
        ("combien pour la première visite de gainage", "gainage_premiere_visite"),
        ("mon drain français est bouché", "drain_francais"),
        ("the french drain is clogged", "drain_francais"),
        ("installer deux cheminées", "installation_cheminee"),
        ("le drain du toit est bouché", "drain_toit"),
        ("localiser mon tuyau par GPS", "gps"),
        // referred
        ("un tuyau cassé sous la dalle", "sous_dalle"),
        ("work under the slab", "sous_dalle"),
        ("changer un robinet", "plomberie_traditionnelle"),
        ("the sump pump is dead", "plomberie_traditionnelle"),
        // refused
        ("vacuum / aspiration", "vacuum_aspiration"),
        ("vidange de fosse septique", "fosses_septiques"),
        ("vidanges de fosses septiques", "fosses_septiques"),
        ("débouchage de fosse septique", "fosses_septiques"),
        ("septic tank", "fosses_septiques"),
        ("nettoyer mes gouttières", "gouttieres"),
        ("can you clean my gutters", "gouttieres"),
        ("pool", "piscines"),
        ("le drain de la piscine", "piscines"),
        ("je veux faire vider mon bac de garage", "vidage_bac_garage"),
        ("nettoyer la fosse de garage", "vidage_bac_garage"),
        ("empty the garage pit", "vidage_bac_garage"),
        ("le champ d'épuration", "champ_epuration"),
        ("un drain de gouttière bouché", "gouttieres"),
        ("vous videz les fosses?", "fosses_septiques"),
        ("un puisard à vider", "puisard"),
        // the exception
        ("le drain qui dessert le bac est bouché", "debouchage"),
        ("nettoyer le drain qui dessert le bac de garage", "debouchage"),
        ("the drain that serves the basin", "debouchage"),
        // mentioned, not asked for
        ("la toilette est bouchée, on est sur une fosse septique", "debouchage"),
        ("drain bouché et on a une piscine", "debouchage"),
        ("le drain est bouché et mes gouttières débordent", "debouchage"),
        ("ce n'est pas la fosse septique, c'est la toilette qui refoule", "debouchage"),
        ("sink clogged, we don't have a septic tank", "debouchage"),
        ("le drain bouché derrière la piscine", "debouchage"),
        ("AI: on ne fait pas les piscines. User: non, un débouchage", "debouchage"),
    ] {
        let found = services.asked_for(&engine::playbook::Request::new("", said));
        assert_eq!(found.map(|found| found.service.id.as_ref()), Some(wanted), "{said}");
    }
    for unknown in ["réparer mon toit", "bonjour", "je voudrais un sapin de Noël", "backyard", "", "pas de piscine"] {
        assert_eq!(services.find(unknown), None, "{unknown}");
    }
}

#[test]
fn another_trade_is_understood_by_the_same_rules() {
    let clinic = Playbook::parse(include_str!("../../config/playbooks/harbour-dental.toml"), "clinic.toml").unwrap();
    let services = clinic.services.as_ref().unwrap();
    for (said, wanted) in [
        ("I'd like a cleaning", Some("cleaning")),
        ("my tooth hurts", Some("filling")),
        ("can you pull a bad tooth", Some("surgery")),
        ("do you do braces for my son", Some("orthodontics")),
        ("my braces just broke", Some("checkup")),
        ("my drain is clogged", None),
    ] {
        assert_eq!(services.find(said).map(|found| found.service.id.as_ref()), wanted, "{said}");
    }
    let answer = decide(&clinic, &calling(), json!({"service": "I'd like a cleaning please", "name": "Ana"}));
    let answer: Value = serde_json::from_str(text(&answer)).unwrap();
    assert_eq!((&answer["missing"], &answer["refer_to"]), (&json!(["phone"]), &Value::Null));
    assert!(tools::offered(&clinic, Language::En).iter().all(|(tool, _)| tool.name() != "calculateQuote"));
}

#[test]
fn a_request_is_understood_in_every_generation_of_arguments() {
    for (arguments, service, reason) in [
        (json!({"service": "debouchage", "nom": "Ana B", "urgence": "P4"}), "debouchage", "service_available"),
        (json!({"serviceType": "camera_inspection", "urgency": false}), "camera_inspection", "service_available"),
        (json!({"serviceType": "debouchage_camera"}), "debouchage", "service_available"),
        (json!({"service_type": "gainage_installation"}), "gainage", "service_available"),
        (json!({"serviceInfo": {"typeService": "racines"}}), "racines_alesage", "service_available"),
        (json!({"customerInfo": {"serviceType": "sous_dalle"}}), "sous_dalle", "referred"),
        (json!({"probleme": "toilette bouchée"}), "debouchage", "service_available"),
        (json!({"serviceType": "goutieres"}), "gouttieres", "service_not_offered"),
        (
            json!({"service": "debouchage", "description": "vider la fosse septique"}),
            "fosses_septiques",
            "service_not_offered",
        ),
        (json!({"service": "vacuum", "description": "toilette bouchée"}), "vacuum_aspiration", "service_not_offered"),
        (json!({"service": "bac de garage", "details": "le drain du bac refoule"}), "debouchage", "service_available"),
    ] {
        let answer = ask(arguments.clone());
        assert_eq!((&answer["service"], &answer["reason"]), (&json!(service), &json!(reason)), "{arguments}");
        assert_eq!(answer["accepted"], json!(reason != "service_not_offered"), "{arguments}");
    }
}

#[test]
fn an_answer_keeps_the_fields_of_older_agents_first_and_in_order() {
    let decision = decide(&shipped(), &calling(), json!({"service": "piscine"}));
    assert_eq!(
        text(&decision),
        r#"{"accepted":false,"reason":"service_not_offered","message":"Désolé, nous n'offrons pas ce service: piscines et spas.","restrictions":["piscines et spas"],"service":"piscines","missing":[]}"#
    );
    let refusals: Vec<&Fact> = decision.facts.iter().filter(|fact| matches!(fact, Fact::Noted(_))).collect();
    assert!(
        matches!(refusals[..], [Fact::Noted(note)] if &*note.what == "service_refused" && note.detail.as_deref() == Some("piscines")),
        "{refusals:?}"
    );
    let english = in_english(json!({"service": "pool"}));
    assert_eq!(english["message"], "I am sorry, we do not offer this service: pools and spas.");
    assert_eq!(english["restrictions"], json!(["pools and spas"]));
}

#[test]
fn an_unknown_service_is_neither_accepted_nor_refused() {
    let answer = ask(json!({"service": "réparer mon toit"}));
    assert_eq!((&answer["accepted"], &answer["reason"]), (&json!(false), &json!("service_unknown")));
    assert!(answer["message"].as_str().unwrap().contains("vous rappeler"), "{answer}");
    assert!(in_english(json!({"service": "zzz"}))["message"].as_str().unwrap().contains("call you back"));
}

#[test]
fn what_is_refused_beside_an_accepted_service_is_said() {
    let answer = ask(json!({"service": "La toilette est bouchée. On a aussi les gouttières à faire."}));
    assert_eq!((&answer["accepted"], &answer["service"]), (&json!(true), &json!("debouchage")));
    assert_eq!(answer["restrictions"], json!(["gouttières"]));
    assert!(answer["message"].as_str().unwrap().contains("nous n'offrons pas ceci: gouttières"), "{answer}");
}

#[test]
fn a_specialists_service_names_a_role_and_no_number() {
    let answer = ask(json!({"service": "sous_dalle", "phone": "438-555-0199"}));
    assert_eq!((&answer["refer_to"], &answer["accepted"]), (&json!("specialist"), &json!(true)));
    for number in ["555", "0113", "0199"] {
        assert!(!answer.to_string().contains(number), "{answer}");
    }
}

#[test]
fn what_must_be_said_is_said_when_it_concerns_the_caller() {
    let said = |arguments: Value| in_english(arguments)["must_say"].to_string();
    assert!(said(json!({"service": "gainage"})).contains("two visits"));
    assert!(!said(json!({"service": "gainage"})).contains("slope"));
    assert!(said(json!({"service": "gainage", "description": "the pipe has a bad slope"})).contains("slope"));
    assert!(said(json!({"service": "debouchage", "description": "I live in a condo"})).contains("writing"));
    assert_eq!(said(json!({"service": "debouchage"})), "null");
    assert!(said(json!({"service": "drain_toit"})).contains("20 feet"));
}

#[test]
fn a_warranty_is_said_only_to_those_who_ask() {
    assert_eq!(ask(json!({"service": "gainage"}))["warranty"], Value::Null);
    for arguments in [
        json!({"service": "gainage", "includeGuarantee": true}),
        json!({"service": "gainage", "description": "quelle est la garantie?"}),
    ] {
        assert!(ask(arguments)["warranty"].as_str().unwrap().contains("25 ans"));
    }
}

fn all_fields() -> Value {
    json!({
        "service": "debouchage", "description": "la toilette est bouchée", "name": "Ana Exemple",
        "phone": "514-555-0142", "address": "10 rue Exemple, Brossard J4Z 1A1", "email": "ana@example.com",
        "source": "un voisin",
    })
}

#[test]
fn what_is_missing_is_asked_for_one_question_at_a_time() {
    let answer = ask(all_fields());
    assert_eq!((&answer["missing"], &answer["next_question"]), (&json!([]), &Value::Null));
    for (gone, field, question) in [
        ("description", "problem", "décrire le problème"),
        ("name", "name", "nom complet"),
        ("phone", "phone", "numéro d'où vous appelez"),
        ("email", "email", "courriel"),
        ("source", "source", "entendu parler"),
    ] {
        let mut arguments = all_fields();
        arguments.as_object_mut().unwrap().remove(gone);
        let answer = ask(arguments);
        assert_eq!((&answer["missing"], &answer["invalid"]), (&json!([field]), &Value::Null), "{gone}");
        let asked = answer["next_question"].as_str().unwrap();
        assert!(asked.contains(question) && asked.matches('?').count() == 1, "{asked}");
    }
    let everything = ask(json!({"service": "debouchage"}));
    assert_eq!(everything["missing"], json!(["problem", "name", "phone", "address", "postal_code", "email", "source"]));
    assert!(everything["next_question"].as_str().unwrap().contains("problème"));
    assert_eq!(in_english(json!({"service": "my sink is clogged"}))["next_question"], "What is your full name?");
}

#[test]
fn what_cannot_be_right_is_asked_again_and_never_echoed() {
    for (field, value, missing) in [
        ("phone", "555-0142", json!(["phone"])),
        ("phone", "000 000 0000", json!(["phone"])),
        ("email", "ana@example", json!(["email"])),
        ("address", "Brossard J4Z 1A1", json!(["address"])),
        ("address", "10 rue Exemple, J4Z", json!(["postal_code"])),
        ("name", "5145550142", json!(["name"])),
    ] {
        let mut arguments = all_fields();
        arguments[field] = json!(value);
        let answer = ask(arguments);
        assert_eq!(answer["missing"], missing, "{field} {value}");
        assert!(!answer.to_string().contains("0142") && !answer.to_string().contains(value), "{answer}");
    }
    for (field, value) in [
        ("phone", json!(5145550142_u64)),
        ("phone", json!("+1 (514) 555-0142")),
        ("phone", json!("oui, le même numéro")),
        ("email", json!("ana arobase example point com")),
    ] {
        let mut arguments = all_fields();
        arguments[field] = value.clone();
        assert_eq!(ask(arguments)["missing"], json!([]), "{field} {value}");
    }
}

#[test]
fn required_fields_are_found_under_every_generation_of_names() {
    for arguments in [
        json!({"service": "la toilette refoule", "nom": "Ana Exemple", "telephone": "5145550142",
            "adresse": "10 rue Exemple H2X 1Y4", "courriel": "a@example.com", "source": "Google"}),
        json!({"serviceType": "debouchage", "description": "bouché", "postalCode": "h2x1y4",
            "customerInfo": {"name": "Ana", "phone": "(514) 555-0142", "address": "10 Example St", "email": "a@b.example"},
            "leadSource": "ad"}),
        json!({"serviceType": "debouchage", "problemDescription": "bouché", "clientName": "Ana",
            "clientPhone": "1-514-555-0142", "clientAddress": "10 Example St", "clientPostalCode": "H2X 1Y4",
            "clientEmail": "a@example.com", "referral": "a neighbour"}),
    ] {
        assert_eq!(ask(arguments.clone())["missing"], json!([]), "{arguments}");
    }
}

#[test]
fn a_hidden_number_is_asked_for() {
    let mut call = calling();
    assert_eq!(call.from.as_deref(), Some(CALLER));
    let mut arguments = all_fields();
    arguments["phone"] = json!("the same number");
    for hidden in ["anonymous", "+266696687"] {
        call.from = Some(hidden.into());
        let answer: Value = serde_json::from_str(text(&decide(&shipped(), &call, arguments.clone()))).unwrap();
        assert_eq!((&answer["missing"], &answer["invalid"]), (&json!(["phone"]), &json!(["phone"])), "{hidden}");
    }
}

/// The business's own number is the same in every call it makes, whoever it calls.
#[test]
fn the_number_of_a_call_we_make_is_the_one_we_call() {
    let mut arguments = all_fields();
    arguments["phone"] = json!("the same number");
    for (to, missing) in [(CALLER, json!([])), ("anonymous", json!(["phone"]))] {
        let (from, to) = (Some("+15145550100".into()), Some(to.into()));
        let call = Call { direction: Some(Direction::Outbound), from, to, ..calling() };
        let answer: Value = serde_json::from_str(text(&decide(&shipped(), &call, arguments.clone()))).unwrap();
        assert_eq!(answer["missing"], missing);
    }
}

#[test]
fn without_a_service_or_a_list_of_them_the_answer_is_a_sentence() {
    for arguments in [json!({}), json!({"service": null}), json!({"service": ["x"]}), json!({"phone": "5145550142"})] {
        let decision = decide(&shipped(), &calling(), arguments);
        assert!(matches!(&decision.answer, Answer::Tool(ToolAnswer::Error(text)) if text.contains("De quel service")));
    }
    let bare = engine::testing::fixtures::playbook();
    let decision = decide(&bare, &calling(), json!({"service": "x"}));
    assert!(matches!(&decision.answer, Answer::Tool(ToolAnswer::Error(text)) if text.contains("call you back")));
    let offered = tools::offered(&bare, Language::En);
    assert!(offered.iter().all(|(tool, _)| !["validateServiceRequest", "calculateQuote"].contains(&tool.name())));
    assert!(tools::offered(&shipped(), Language::Fr).iter().any(|(tool, _)| tool.name() == "validateServiceRequest"));
}

#[test]
fn what_would_fail_during_a_call_is_refused_with_its_line_and_the_fix() {
    for (good, bad, key, says) in [
        ("status = \"refused\"", "status = \"maybe\"", "services.vacuum_aspiration.status", "unknown variant `maybe`"),
        (
            "refer_to = \"specialist\"",
            "refer_to = \"nobody\"",
            "services.sous_dalle.refer_to",
            "no contact is called \"nobody\"",
        ),
        ("refer_to = \"specialist\"\n", "", "services.sous_dalle.refer_to", "add refer_to"),
        (
            "accepted_as = \"debouchage\"",
            "accepted_as = \"puisard\"",
            "services.vidage_bac_garage.exception.accepted_as",
            "not accepted itself",
        ),
        (
            "accepted_as = \"debouchage\"",
            "accepted_as = \"x\"",
            "services.vidage_bac_garage.exception.accepted_as",
            "no service is called \"x\"; name one of: bac_retention",
        ),
        ("\"chemisage\", \"chemiser\"", "\"inspection\"", "services.gainage", "already a name of camera_inspection"),
        ("\"chemisage\", \"chemiser\"", "\"de la\"", "services.gainage.known_as", "a name without a word"),
        ("[services.gps]", "[services.GPS]", "services", "a-z, 0-9 and _"),
        ("en = \"roof drain\" }", "}", "services.drain_toit.name", "there are no words in `en`"),
        ("services = [\"drain_toit\"]", "services = [\"toit\"]", "limits.services", "no service is called \"toit\""),
        ("\"email\", \"source\"]", "\"email\", \"email\"]", "required.ask", "asked for twice"),
        ("\"email\", \"source\"]", "\"email\"]", "required.questions", "add it to required.ask"),
        ("\"email\", \"source\"]", "\"shoe_size\"]", "required.ask", "unknown variant"),
    ] {
        assert!(SHIPPED.contains(good), "{good}");
        let error = Playbook::parse(&SHIPPED.replacen(good, bad, 1), "boreal.toml").unwrap_err();
        assert_eq!(error.key.as_ref(), key, "{error}");
        let told = error.to_string();
        assert!(told.contains(says) && error.line > 1, "{told}");
    }
}

#[test]
fn every_shipped_name_leads_to_its_own_service() {
    let playbook = shipped();
    let services = playbook.services.as_ref().unwrap();
    assert!(services.iter().count() >= 18);
    let lines = SHIPPED
        .lines()
        .skip_while(|line| !line.starts_with("[services."))
        .take_while(|line| !line.starts_with("[[limits"));
    let mut id = String::new();
    for line in lines {
        if let Some(header) = line.strip_prefix("[services.") {
            id = header.trim_end_matches(']').to_owned();
            if id.ends_with(".exception") {
                continue;
            }
            assert_eq!(services.find(&id).map(|found| found.service.id.to_string()), Some(id.clone()));
        }
        let is_names = line.starts_with("known_as") || line.starts_with("  \"");
        for name in line.split('"').skip(1).step_by(2).filter(|_| is_names && !id.ends_with(".exception")) {
            let found = services.find(&name.replace('…', "le")).expect(name);
            assert_eq!(found.service.id.as_ref(), id, "{name}");
        }
    }
}

#[test]
fn hostile_text_is_answered_like_any_other() {
    for service in
        ["x".repeat(200_000), "piscine ".repeat(30_000), "\u{202e}\0".repeat(50), "… … …".into(), "''\"{}[]".into()]
    {
        let decision = decide(&shipped(), &calling(), json!({"service": service}));
        assert!(text(&decision).len() < 8_000 && !text(&decision).contains('\n'));
    }
}

/// The rules of an earlier system; needs `CORDBOARD_CONTRACTS`.
#[test]
fn the_source_systems_rules_are_kept() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
        return;
    };
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(format!("{contracts}/drain-fortin/{name}")).unwrap()).unwrap()
    };
    let rules = read("rules/services.json");
    let playbook = shipped();
    let services = playbook.services.as_ref().unwrap();
    let status = |text: &str| services.find(text).map(|found| found.service.status);
    let mut run = 0;
    let mut check = |text: &Value, wanted: &[Status]| {
        let text = text.as_str().unwrap();
        assert!(status(text).is_some_and(|status| wanted.contains(&status)), "{text}: {:?}", status(text));
        run += 1;
    };
    for item in rules["accepted"].as_array().unwrap() {
        check(&item["id"], &[Status::Accepted, Status::Referred]);
        check(&item["fr"], &[Status::Accepted, Status::Referred]);
    }
    for item in rules["refused"].as_array().unwrap() {
        check(&item["id"], &[Status::Refused]);
        check(&item["fr"], &[Status::Refused]);
    }
    for item in rules["redirected"].as_array().unwrap() {
        check(&item["id"], &[Status::Referred]);
    }
    for id in rules["code_live_refused_ids"].as_array().unwrap() {
        check(&json!(id.as_str().unwrap().replace(" (sic)", "")), &[Status::Refused]);
    }
    for case in read("scenarios/regression-cases.json").as_array().unwrap() {
        if case["wanted"] == "refused" {
            check(&case["text"], &[Status::Refused]);
        }
    }
    assert!(run >= 40, "only {run}");
}
