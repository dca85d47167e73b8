//! The shipped playbook, and what is refused with which line and fix.

use engine::playbook::{Destination, Language, Playbook, Reception, Transfer};
use engine::priority::Priority;
use engine::sms::breaker::Audience;

const SHIPPED: &str = include_str!("../../config/playbooks/boreal.toml");

fn shipped() -> Playbook {
    Playbook::parse(SHIPPED, "boreal.toml").unwrap()
}

#[test]
fn the_shipped_playbook_is_complete() {
    let boreal = shipped();
    assert_eq!((boreal.tenant.as_str(), boreal.language), ("boreal", Language::Fr));
    assert!(matches!(&boreal.reception, Reception::Transient(it) if it["model"]["messages"][0]["role"] == "system"));
    assert!(matches!(&boreal.transfer, Some(Transfer { to: Destination::Number { .. }, in_hours: false })));
    assert!(boreal.contacts.iter().all(|contact| contact.phone.as_str().contains("55501")), "fictional numbers only");
    for priority in Priority::ALL {
        assert!(!boreal.recipients(priority).is_empty());
        assert_eq!(boreal.rule(priority).priority, priority);
    }
    let times = boreal.priorities.each_ref().map(|rule| (rule.text_within.as_secs(), rule.text_delay.as_secs()));
    assert_eq!(times, [(0, 0), (120, 0), (3600, 0), (1800, 1800)]);
}

#[test]
fn the_shipped_phrases_know_an_emergency_from_a_price() {
    let boreal = shipped();
    for (said, priority) in [
        ("J'ai une inondation dans le sous-sol!", Priority::P1),
        ("Refoulement d’égout, ca déborde", Priority::P1),
        ("degat d'eau chez le voisin", Priority::P1),
        ("L'EAU PARTOUT", Priority::P1),
        ("There is a sewage backup", Priority::P1),
        ("my basement is flooded", Priority::P1),
        ("c'est pas urgent mais il y a un refoulement", Priority::P1),
        ("Ici la municipalité de Saint-Exemple", Priority::P2),
        ("un contrat pour la ville de Laval", Priority::P2),
        ("des racines dans le drain", Priority::P3),
        ("on m'a parlé de gainage", Priority::P3),
        ("tree roots in the pipe", Priority::P3),
        ("Ce n'est pas une urgence, juste un prix", Priority::P4),
        ("it's not an emergency", Priority::P4),
        ("je suis à Boucherville, évier bouché", Priority::P4),
        ("AI: Dans quelle ville de la région? User: Laval, toilette bouchée", Priority::P4),
        ("AI: Est-ce une urgence? User: non, pas pressé", Priority::P4),
        ("", Priority::P4),
    ] {
        assert_eq!(boreal.classify(said, None).priority, priority, "{said}");
    }
    assert_eq!(boreal.classify("un projet", Some(3_000.0)).priority, Priority::P3);
}

#[test]
fn what_would_fail_during_a_call_is_refused_with_its_line_and_the_fix() {
    let table: [(&str, &str, &str, &str); 26] = [
        ("language = \"fr\"", "langage = \"fr\"", "langage", "unknown field `langage`"),
        ("language = \"fr\"", "language = \"de\"", "language", "unknown variant `de`"),
        ("tenant = \"boreal\"", "tenant = \"Boréal\"", "tenant", "a tenant id is"),
        ("name = \"Drains Boréal\"", "name = \" \"", "name", "a business has a name"),
        ("secrets = []", "secrets = [\"short\"]", "routing.secrets", "openssl rand"),
        ("\"+14505550112\"", "\"450 555-0112\"", "contacts.estimator.phone", "without spaces"),
        ("[contacts.owner]", "[contacts.\"5145550110\"]", "contacts", "name the role"),
        ("[priorities.P2]", "[priorities.P5]", "priorities.P5", "unknown field `P5`"),
        (
            "text = [\"owner\"]\n",
            "text = [\"ownr\"]\n",
            "priorities.P2.text",
            "no contact is called \"ownr\"; name one of: ",
        ),
        ("text = [\"estimator\"]\n", "text = []\n", "priorities.P4.text", "name at least one contact"),
        ("escalate_to = [\"owner\"", "escalate_to = [\"boss\"", "priorities.P1.escalate_to", "no contact is called"),
        ("\"au secours\"", "\" ! \"", "priorities.P1.phrases", "a phrase without a word"),
        ("\"inond*\", ", "\"in*\", ", "priorities.P1.hints", "begins too many words"),
        ("\"inond*\", ", "\"in*ond\", ", "priorities.P1.hints", "\"in*ond\" has a * inside"),
        ("<water> + <below>\",", "<watr> + <below>\",", "priorities.P1.hints", "no list of words is called <watr>"),
        ("model = \"drains\"", "model = \"pipes\"", "recognition.model", "take one of: drains"),
        ("value_from = 3000", "value_from = -3", "priorities.P3.value_from", "not an amount above 0"),
        ("text_within_s = 120", "text_within_s = \"soon\"", "priorities.P2.text_within_s", "not a text"),
        ("text_within_s = 120", "text_within_s = -1", "priorities.P2.text_within_s", "0 or more"),
        ("text_delay_s = 1800", "text_delay_s = 1801", "priorities.P4.text_delay_s", "text_within_s larger"),
        ("reason = \"municipal\"", "reason = \"\"", "priorities.P2.reason", "one line"),
        ("per_call = 6", "per_call = 0", "sms.per_call", "between 1 and 50"),
        ("expires_after_s = 14400", "expires_after_s = 5", "sms.expires_after_s", "a minute"),
        ("[transfer]\nnumber = \"+15145550120\"\n", "[transfer]\n", "transfer", "give one of: number, sip, assistant"),
        (
            "{% if message %}{{ message }}",
            "{% if message %}{{ mesage }}",
            "templates.alert.fr",
            "unknown variable `mesage`; use only: business",
        ),
        ("{% if message %}{{ message }}", "{% if message %}{{ message }", "templates.alert.fr", "cannot be rendered"),
    ];
    for (good, bad, key, says) in table {
        assert!(SHIPPED.contains(good), "{good}");
        let error = Playbook::parse(&SHIPPED.replacen(good, bad, 1), "boreal.toml").unwrap_err();
        assert_eq!(error.key.as_ref(), key, "{error}");
        let told = error.to_string();
        assert!(told.starts_with(&format!("boreal.toml:{}: ", error.line)) && told.contains(says), "{told}");
    }
}

#[test]
fn the_line_is_the_one_to_change() {
    let line_of = |text: &str| SHIPPED.lines().position(|line| line.contains(text)).unwrap() + 1;
    for (good, bad) in [
        ("phone = \"+14505550112\"", "phone = \"0\""),
        ("per_call = 6", "per_call = 99"),
        ("text_within_s = 120", "text_within = 120"),
        ("text = [\"owner\", \"estimator\"]", "text = [\"nobody\"]"),
        ("%}Client: {{ client }}", "%}Client: {{ clent }}"),
        ("%}Address: {{ address }}", "%}Address: {{ address }"),
        ("%}Address: {{ address }}", "%}Address: {{ address | nothing }}"),
        ("fr = \"{{ business }}: nous", "fr = \"{{ business: nous"),
    ] {
        let error = Playbook::parse(&SHIPPED.replacen(good, bad, 1), "boreal.toml").unwrap_err();
        assert_eq!(error.line, line_of(good), "{error}");
        assert!(!error.to_string().contains("<string>"), "{error}");
    }
}

#[test]
fn an_unrouted_priority_is_refused() {
    let start = SHIPPED.find("[priorities.P2]").unwrap();
    let end = SHIPPED.find("[priorities.P3]").unwrap();
    let without = format!("{}{}", &SHIPPED[..start], &SHIPPED[end..]);
    let error = Playbook::parse(&without, "boreal.toml").unwrap_err();
    assert_eq!(error.key.as_ref(), "priorities.P2");
    assert!(error.to_string().contains("add [priorities.P2]"), "{error}");
}

#[test]
fn a_contact_without_a_template_in_their_language_is_refused() {
    let error = Playbook::parse(&SHIPPED[..SHIPPED.find("en = \"\"\"").unwrap()], "boreal.toml").unwrap_err();
    assert_eq!(error.key.as_ref(), "templates.alert.en");
}

#[test]
fn reception_is_exactly_one_thing() {
    let start = SHIPPED.find("[reception.transient]").unwrap();
    let end = SHIPPED.find("# Where the agent may transfer").unwrap();
    let with = |reception: &str| {
        Playbook::parse(&format!("{}[reception]\n{reception}\n{}", &SHIPPED[..start], &SHIPPED[end..]), "boreal.toml")
    };
    assert!(matches!(with("assistant = 'a'\noverrides = { x = 1 }").unwrap().reception, Reception::Assistant { .. }));
    assert!(matches!(with("error = 'Closed.'").unwrap().reception, Reception::Error(_)));
    assert!(matches!(with("destination = { sip = 'sip:a@b.example' }").unwrap().reception, Reception::Destination(_)));
    for unclear in ["", "assistant = 'a'\nerror = 'b'", "overrides = { x = 1 }", "destination = { }"] {
        assert!(with(unclear).is_err(), "{unclear}");
    }
}

#[test]
fn a_debugged_playbook_shows_no_secret() {
    let text = SHIPPED.replacen("secrets = []", "secrets = [\"a-long-enough-secret\"]", 1);
    let shown = format!("{:?}", Playbook::parse(&text, "boreal.toml").unwrap());
    assert!(!shown.contains("a-long-enough-secret") && !shown.contains("+15145550110"), "{shown}");
}

#[test]
fn how_much_a_business_texts_and_to_whom_is_read_or_refused_with_its_fix() {
    let with = |keys: &str| {
        let toml = SHIPPED.replace("per_call = 6\n", &format!("per_call = 6\n{keys}\n"));
        assert_ne!(toml, SHIPPED);
        Playbook::parse(&toml, "boreal.toml")
    };
    let sms = with(
        "allow = [\"+1514\"]\nspend_per_day = 10.0\nprice_per_segment = 0.01\nreserve = 0.5\nper_caller_per_day = 3",
    )
    .unwrap()
    .sms;
    assert_eq!((sms.caps.segments, sms.caps.reserve, sms.caps.per_caller), (Some(1000), 0.5, Some(3)));
    assert!(sms.destinations.allow(&"+15145550142".parse().unwrap()));
    assert!(!sms.destinations.allow(&"+14165550142".parse().unwrap()));
    for (keys, key, problem) in [
        ("allow = [\"514\"]", "sms.allow", "not the beginning"),
        ("spend_per_day = 10.0", "sms.spend_per_day", "what a segment costs"),
        ("price_per_segment = -1.0", "sms.price_per_segment", "above 0"),
        ("reserve = 1.5", "sms.reserve", "between 0 and 1"),
        ("per_caller_per_day = 0", "sms.per_caller_per_day", "is 0"),
        ("callers_between = \"late\"", "sms.callers_between", "no span"),
        ("carrier = { account = \"\", secret = \"s\", senders = [\"+15145550100\"] }", "sms.carrier.account", "empty"),
        ("carrier = { account = \"a\", secret = \"s\", senders = [] }", "sms.carrier.senders", "not 1 to"),
        (
            "carrier = { account = \"a\", secret = \"s\", senders = [\"x\"], per_second = 0.0 }",
            "sms.carrier.per_second",
            "0.01",
        ),
        (
            "carrier = { account = \"a\", secret = \"s\", senders = [\"x\"], account_per_second = 2000 }",
            "sms.carrier.account_per_second",
            "1000",
        ),
        ("per_second = 0.0", "sms.per_second", "0.01"),
        ("per_second = nan", "sms.per_second", "0.01"),
    ] {
        let error = with(keys).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(problem), "{keys}: {error}");
    }
}

#[test]
fn the_secret_of_an_account_is_never_shown() {
    let carrier = "carrier = { account = \"acct-1\", secret = \"hush-hush\", senders = [\"+15145550100\"] }\n";
    let toml = SHIPPED.replace("per_call = 6\n", &format!("per_call = 6\n{carrier}"));
    let playbook = Playbook::parse(&toml, "boreal.toml").unwrap();
    assert_eq!(playbook.sms.carrier.as_ref().unwrap().secret.as_ref(), "hush-hush");
    assert!(!format!("{playbook:?}").contains("hush-hush"));
}

#[test]
fn callers_are_texted_in_their_hours_and_the_team_at_any_time() {
    let toml = SHIPPED.replace("per_call = 6\n", "per_call = 6\ncallers_between = \"08:00-21:00\"\n");
    let playbook = Playbook::parse(&toml, "boreal.toml").unwrap();
    let night = "2026-11-25T04:00:00Z".parse().unwrap();
    let leaves = |audience| playbook.sms.leaves_at(audience, night, &playbook.time_zone).to_string();
    assert_eq!(leaves(Audience::Staff), "2026-11-25T04:00:00.000Z");
    assert_eq!(leaves(Audience::Callers), "2026-11-25T13:00:00.000Z", "eight in Montréal");
}
