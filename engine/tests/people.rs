//! Who is told, in which words: rosters, referrals, calls back and templates, as written and as used.

use std::time::Duration;

use engine::call::{Answer, Call, Decision, Direction, Event, EventKind, Fact, Parties, ToolAnswer};
use engine::playbook::{Channels, Destination, Fallback, Language, Playbook, Retention};
use engine::priority::Priority;
use engine::sms::{Encoding, NewSms};
use engine::testing::fixtures::{CALLER, at, call_after, event, key, tool_call};
use serde_json::{Value, json};

/// Line 1 is `tenant`, so that lines can be counted.
const HARBOUR: &str = r#"tenant = "acme"
name = "Harbour Dental"
language = "en"
languages = ["en", "fr"]
[contacts]
owner = { phone = "+15145550110" }
nurse = { phone = "+15145550111", language = "fr" }
desk = { phone = "+15145550112" }
lab = { phone = "+15145550113" }
[rosters.emergency]
repeat = 2
[[rosters.emergency.steps]]
contacts = ["nurse", "owner"]
by = ["sms", "call"]
[[rosters.emergency.steps]]
contacts = ["desk"]
by = ["call"]
[rosters.outside]
steps = [{ contacts = ["lab"] }]
[referrals.friends]
phrases = ["friend of the dentist", "ami du dentiste"]
text = ["owner"]
[referrals.lab]
services = ["night_guard"]
phrases = ["friend of the lab", "denture"]
roster = "outside"
[callback]
text = ["desk"]
within_s = 7200
confirm = true
[priorities.P1]
reason = "emergency"
phrases = ["bleeding"]
roster = "emergency"
text_within_s = 0
acknowledge_within_s = 300
[priorities.P2]
reason = "pain"
phrases = ["toothache"]
text = ["nurse"]
text_within_s = 120
[priorities.P3]
reason = "large"
value_from = 3000
text = ["owner"]
text_within_s = 3600
[priorities.P4]
reason = "standard"
text = ["desk"]
text_within_s = 1800
[reception]
error = "We are closed."
[fallback]
error = "Please call again."
[retention]
calls_days = 90
transcripts_days = 7
[templates.alert]
en = "{{ business }} {{ priority }}: {{ message }} {{ client }} {{ address }} {{ callback }}"
fr = "{{ business }} {{ priority }} : {{ message }} {{ client }} {{ callback }} (rappeler)"
[templates.callback]
en = "{{ business }}: call {{ client }} {{ callback }} within {{ within }}, {{ when }}: {{ reason }}"
[templates.confirmation]
en = "{{ business }}: we will see to it."
fr = "{{ business }}: nous y voyons."
"#;

fn harbour() -> Playbook {
    Playbook::parse(HARBOUR, "harbour.toml").unwrap()
}

fn changed(good: &str, other: &str) -> Result<Playbook, engine::playbook::PlaybookError> {
    assert!(HARBOUR.contains(good), "{good}");
    Playbook::parse(&HARBOUR.replacen(good, other, 1), "harbour.toml")
}

fn ask_of(playbook: &Playbook, call: &Call, event: &Event) -> Decision {
    call.decide(&key("c1"), event, playbook, event.at)
}

fn asked(tool: &str, arguments: Value) -> Decision {
    ask_of(&harbour(), &call_after([]), &event(tool_call("tc", tool, arguments), 0))
}

fn people(texts: &[NewSms]) -> Vec<&str> {
    texts.iter().map(|sms| sms.contact.as_ref()).collect()
}

fn answer(decision: &Decision) -> &str {
    match &decision.answer {
        Answer::Tool(ToolAnswer::Result(text) | ToolAnswer::Error(text)) => text,
        other => panic!("a tool's answer wanted, not {other:?}"),
    }
}

#[test]
fn what_is_written_of_people_is_what_is_known() {
    let harbour = harbour();
    let emergency = &harbour.rule(Priority::P1).roster;
    assert_eq!((emergency.name.as_ref(), emergency.repeat, emergency.steps.len()), ("emergency", 2, 2));
    assert_eq!(emergency.steps[0].by, Channels { sms: true, call: true, push: false });
    assert_eq!(emergency.steps[1].by, Channels { sms: false, call: true, push: false });
    assert_eq!(harbour.roster("outside").unwrap().steps[0].by, Channels::SMS);
    assert_eq!(harbour.rule(Priority::P1).acknowledge_within, Some(Duration::from_secs(300)));
    let short = harbour.rule(Priority::P2);
    assert_eq!((short.roster.name.as_ref(), short.roster.steps.len(), short.acknowledge_within), ("P2", 1, None));
    assert_eq!(harbour.fallback, Some(Fallback::Error("Please call again.".into())));
    assert_eq!(harbour.retention, Some(Retention { calls_days: 90, transcripts_days: 7 }));
    let sip = changed("error = \"Please call again.\"", "sip = \"sip:desk@example.com\"").unwrap();
    assert!(matches!(sip.fallback, Some(Fallback::Destination(Destination::Sip { .. }))));
    let unsaid = changed("[retention]\ncalls_days = 90\ntranscripts_days = 7\n", "").unwrap();
    assert_eq!(unsaid.retention, None, "the deployment says");
}

#[test]
fn a_playbook_that_would_tell_nobody_is_refused_with_its_line_and_the_fix() {
    let table: [(&str, &str, &str, usize, &str); 26] = [
        ("by = [\"sms\", \"call\"]", "by = [\"call\"]", "rosters.emergency.steps[0].by", 12, "add \"sms\""),
        ("by = [\"sms\", \"call\"]", "by = []", "rosters.emergency.steps[0].by", 14, "tells nobody"),
        ("by = [\"sms\", \"call\"]", "by = [\"fax\"]", "rosters.emergency.steps.by", 14, "unknown variant `fax`"),
        ("[\"nurse\", \"owner\"]", "[]", "rosters.emergency.steps[0].contacts", 13, "name at least one contact"),
        ("[\"nurse\", \"owner\"]", "[\"nurs\"]", "rosters.emergency.steps[0].contacts", 13, "no contact is called"),
        ("[\"nurse\", \"owner\"]", "[\"owner\", \"owner\"]", "rosters.emergency.steps[0].contacts", 13, "named twice"),
        ("repeat = 2", "repeat = 11", "rosters.emergency.repeat", 11, "more than 10"),
        ("steps = [{ contacts = [\"lab\"] }]", "steps = []", "rosters.outside", 19, "1 to 10 steps"),
        (
            "roster = \"outside\"",
            "text = [\"lab\"]",
            "rosters.outside",
            18,
            "no priority, referral or callback uses it",
        ),
        ("roster = \"outside\"", "roster = \"outsid\"", "referrals.lab.roster", 26, "name one of: emergency, outside"),
        ("roster = \"outside\"\n", "", "referrals.lab", 23, "nobody is told"),
        (
            "roster = \"emergency\"\n",
            "roster = \"emergency\"\ntext = [\"owner\"]\n",
            "priorities.P1.roster",
            34,
            "keep one",
        ),
        ("text = [\"nurse\"]\n", "", "priorities.P2", 37, "nobody is told"),
        ("text = [\"nurse\"]\n", "text = []\n", "priorities.P2.text", 40, "name at least one"),
        ("acknowledge_within_s = 300\n", "", "priorities.P1.acknowledge_within_s", 31, "add acknowledge_within_s"),
        (
            "acknowledge_within_s = 300",
            "acknowledge_within_s = 0",
            "priorities.P1.acknowledge_within_s",
            36,
            "larger than",
        ),
        (
            "phrases = [\"friend of the dentist\", \"ami du dentiste\"]\n",
            "",
            "referrals.friends",
            20,
            "list services, or phrases",
        ),
        ("[referrals.friends]", "[referrals.\"5145550110\"]", "referrals", 20, "no number"),
        ("owner = { phone", "caller = { phone", "contacts", 6, "nobody of the team"),
        ("within_s = 7200", "within_s = 0", "callback.within_s", 29, "two hours"),
        ("text = [\"desk\"]\nwithin_s", "text = [\"des\"]\nwithin_s", "callback.text", 28, "no contact is called"),
        ("fr = \"{{ business }}: nous y voyons.\"\n", "", "templates.confirmation.fr", 58, "confirm = false"),
        ("error = \"Please call again.\"", "", "fallback", 53, "give one of: assistant"),
        ("error = \"Please call again.\"", "number = \"5145550110\"", "fallback.number", 54, "country code"),
        ("transcripts_days = 7", "transcripts_days = 91", "retention.transcripts_days", 57, "at most calls_days"),
        ("calls_days = 90", "calls_days = 0", "retention.calls_days", 56, "between 1 and 3650"),
    ];
    for (good, bad, key, line, says) in table {
        let error = changed(good, bad).expect_err(bad);
        let told = error.to_string();
        assert_eq!(error.key.as_ref(), key, "{told}");
        assert!(told.contains(says), "{told}");
        assert_eq!(error.line, line, "{told}");
    }
    let days = changed("calls_days = 90\ntranscripts_days = 7", "calls_days = 20").unwrap_err();
    assert_eq!(days.key.as_ref(), "retention.calls_days", "the one that is written is the one to change: {days}");
}

#[test]
fn an_alert_texts_the_first_step_of_its_roster() {
    let decision = asked("sendSMSAlert", json!({"priority": "P1", "message": "bleeding", "recipient": "specialist"}));
    assert_eq!(people(&decision.texts), ["nurse", "owner"]);
    assert!(decision.texts[0].body.ends_with("(rappeler)") && !decision.texts[1].body.contains("rappeler"));
}

#[test]
fn a_referral_decides_who_is_told_and_an_emergency_reaches_those_it_always_reaches() {
    let said = |message: &str| json!({"priority": "P4", "message": message});
    for (arguments, told) in [
        (said("A broken denture"), &["lab"][..]),
        (said("a cleaning; he is a friend of the dentist"), &["owner"]),
        (said("friend of the dentist, and of the lab: friend of the lab"), &["owner"]),
        (said("not a friend of the dentist"), &["desk"]),
        (said("AI: Is it about a denture? User: no, a cleaning"), &["desk"]),
        (json!({"priority": "P4", "serviceType": "Night-Guard", "message": "x"}), &["lab"]),
        (json!({"priority": "P4", "serviceType": "whitening", "message": "x"}), &["desk"]),
        (json!({"priority": "P4", "name": "Ana, ami du dentiste", "message": "x"}), &["owner"]),
        (json!({"priority": "P4", "address": "1 Friend of the dentist Street", "message": "x"}), &["desk"]),
        (json!({"priority": "P2", "recipient": "specialist", "serviceType": "crown", "message": "x"}), &["nurse"]),
        (json!({"priority": "P1", "message": "bleeding under the denture"}), &["lab", "nurse", "owner"]),
    ] {
        let decision = asked("sendSMSAlert", arguments.clone());
        let mut people = people(&decision.texts);
        people.sort_unstable();
        assert_eq!(people, told, "{arguments}");
    }
    let referred = asked("sendSMSAlert", said("A broken denture"));
    let noted = |fact: &Fact| matches!(fact, Fact::Noted(note) if note.what.as_ref() == "referred" && note.detail.as_deref() == Some("lab"));
    assert!(referred.facts.iter().any(noted), "{:?}", referred.facts);
}

#[test]
fn a_service_that_is_passed_on_is_told_to_whom_it_is_passed() {
    let services = r#"
[services.night_guard]
name = { en = "night guard", fr = "plaque occlusale" }
status = "accepted"
known_as = ["night guard"]
[services.crown]
name = { en = "crown", fr = "couronne" }
status = "referred"
refer_to = "lab"
known_as = ["crown", "cap"]
"#;
    let text = HARBOUR.replacen("[reception]", &format!("{services}[reception]"), 1);
    let playbook = Playbook::parse(&text, "harbour.toml").unwrap();
    for (arguments, told) in [
        (json!({"priority": "P4", "serviceType": "crown", "message": "x"}), &["lab"][..]),
        (json!({"priority": "P4", "message": "my cap came off"}), &["lab"]),
        (json!({"priority": "P4", "message": "a crown, and I am a friend of the dentist"}), &["owner"]),
        (json!({"priority": "P4", "message": "a cleaning"}), &["desk"]),
        (json!({"priority": "P1", "message": "bleeding, the crown came off"}), &["nurse", "owner", "lab"]),
    ] {
        let event = event(tool_call("tc", "sendSMSAlert", arguments.clone()), 0);
        assert_eq!(people(&ask_of(&playbook, &call_after([]), &event).texts), told, "{arguments}");
    }
    let unknown = text.replacen("services = [\"night_guard\"]", "services = [\"nightguard\"]", 1);
    let error = Playbook::parse(&unknown, "harbour.toml").unwrap_err();
    assert!(error.to_string().contains("no service is called \"nightguard\"; name one of: "), "{error}");
}

#[test]
fn a_referral_without_anybody_to_text_falls_back_on_those_of_the_priority() {
    let mut broken = harbour();
    broken.referrals[0].roster = std::sync::Arc::new(engine::playbook::Roster::of_texts("nobody", vec!["gone".into()]));
    let asked = tool_call("tc", "sendSMSAlert", json!({"priority": "P4", "message": "friend of the dentist"}));
    let decision = ask_of(&broken, &call_after([]), &event(asked, 0));
    assert_eq!(people(&decision.texts), ["desk"]);
}

#[test]
fn a_call_back_is_passed_on_in_words_and_promises_nothing() {
    let decision = asked(
        "requestCallback",
        json!({"name": "Ana", "phone": "438-555-0199", "when": "demain matin", "reason": "la facture"}),
    );
    assert_eq!(people(&decision.texts), ["desk", "caller"]);
    assert_eq!(
        decision.texts[0].body.as_ref(),
        format!("Harbour Dental: call Ana {CALLER} within 2 h, demain matin: la facture"),
        "they are called back where the call came from"
    );
    assert_eq!(decision.texts[0].due_at, at(0));
    assert_eq!(decision.texts[1].body.as_ref(), "Harbour Dental: we will see to it.");
    assert_eq!(decision.texts[1].to.as_str(), CALLER);
    let answer: Value = serde_json::from_str(answer(&decision)).unwrap();
    assert_eq!(answer["requested"], true);
    assert_eq!(answer["confirmation"], true);
    let said = answer["message"].as_str().unwrap();
    assert!(said.starts_with("It is noted") && !said.contains(char::is_numeric), "{said}");
}

#[test]
fn a_call_back_goes_to_those_it_concerns() {
    let call = |priority: Option<Priority>| Call { priority, ..call_after([]) };
    for (priority, reason, told) in [
        (None, "the invoice", &["caller", "desk"][..]),
        (Some(Priority::P3), "the invoice", &["caller", "desk"]),
        (None, "my denture", &["caller", "lab"]),
        (Some(Priority::P1), "nobody called yet", &["caller", "desk", "nurse", "owner"]),
    ] {
        let event = event(tool_call("tc", "request_callback", json!({ "reason": reason })), 0);
        let decision = ask_of(&harbour(), &call(priority), &event);
        let mut people = people(&decision.texts);
        people.sort_unstable();
        assert_eq!(people, told, "{reason}");
        assert_eq!(decision.texts[0].priority, priority.unwrap_or(Priority::P4));
    }
    let unsaid = changed("[callback]\ntext = [\"desk\"]\nwithin_s = 7200\nconfirm = true\n", "").unwrap();
    let event = event(tool_call("tc", "requestCallback", json!({})), 0);
    let decision = ask_of(&unsaid, &call_after([]), &event);
    assert_eq!(people(&decision.texts), ["desk"], "those of P4, and no text to the caller");
}

#[test]
fn a_hidden_caller_is_called_back_where_they_say_and_texted_nowhere() {
    let hidden = |arguments: Value| {
        let mut event = event(tool_call("tc", "requestCallback", arguments), 0);
        event.parties =
            Parties { direction: Some(Direction::Inbound), from: Some("anonymous".into()), ..Parties::default() };
        ask_of(&harbour(), &call_after([]), &event)
    };
    let dictated = hidden(json!({"phone": "514-555-0143", "reason": "x"}));
    assert_eq!(people(&dictated.texts), ["desk"]);
    assert!(dictated.texts[0].body.contains("5145550143"));
    let silent = hidden(json!({"reason": "x"}));
    assert!(silent.texts.is_empty() && answer(&silent).starts_with("Which number"), "{silent:?}");
}

/// Networks spell on a keypad what they withhold: `+266696687` is ANONYMOUS.
#[test]
fn a_number_withheld_in_digits_is_nobodys_to_call_back_or_to_text() {
    let hidden = |arguments: Value| {
        let mut event = event(tool_call("tc", "requestCallback", arguments), 0);
        event.parties = Parties { from: Some("+266696687".into()), ..Parties::default() };
        ask_of(&harbour(), &call_after([]), &event)
    };
    let dictated = hidden(json!({"phone": "514-555-0143", "reason": "x"}));
    assert_eq!(people(&dictated.texts), ["desk"], "no stranger is texted");
    assert!(dictated.texts[0].body.contains("5145550143"), "{}", dictated.texts[0].body);
    for silent in [hidden(json!({"reason": "x"})), hidden(json!({"reason": "x", "phone": "+266696687"}))] {
        assert!(silent.texts.is_empty() && answer(&silent).starts_with("Which number"), "{silent:?}");
    }
}

#[test]
fn a_caller_is_sent_the_confirmation_however_the_network_writes_their_number() {
    for (from, to) in [("5145550142", CALLER), ("1 514 555-0142", CALLER), ("+442079460999", "+442079460999")] {
        let mut event = event(tool_call("tc", "requestCallback", json!({"reason": "x"})), 0);
        event.parties = Parties { from: Some(from.into()), ..Parties::default() };
        let decision = ask_of(&harbour(), &call_after([]), &event);
        assert_eq!(people(&decision.texts), ["desk", "caller"], "{from}");
        assert_eq!(decision.texts[1].to.as_str(), to, "{from}");
    }
}

#[test]
fn calls_back_count_against_the_cap_and_a_repetition_is_one() {
    let playbook = changed("[reception]", "[sms]\nper_call = 1\n[reception]").unwrap();
    let first = event(tool_call("tc1", "requestCallback", json!({"reason": "x"})), 0);
    let mut call = call_after([]);
    let decision = ask_of(&playbook, &call, &first);
    assert_eq!(people(&decision.texts), ["desk"], "the team before the caller");
    call.advance(&decision.facts, at(0), at(0));
    let again = ask_of(&playbook, &call, &event(tool_call("tc2", "requestCallback", json!({"reason": "x"})), 1));
    assert_eq!((&again.answer, again.texts.len()), (&decision.answer, 0));
    let other = ask_of(&playbook, &call, &event(tool_call("tc3", "requestCallback", json!({"reason": "y"})), 2));
    assert!(other.texts.is_empty() && answer(&other).starts_with("I cannot pass anything more on"), "{other:?}");
    let flooded = Call { priority: Some(Priority::P1), ..call };
    let urgent = ask_of(&playbook, &flooded, &event(tool_call("tc4", "requestCallback", json!({"reason": "z"})), 3));
    assert_eq!(people(&urgent.texts), ["nurse", "owner", "desk"], "those of an emergency, and no text to the caller");
}

#[test]
fn a_caller_is_transferred_only_while_somebody_is_there() {
    let transfer = "[transfer]\nnumber = \"+15145550120\"\nin_hours = true\n";
    let hours = "[hours]\nfriday = [\"09:00-17:00\"]\n";
    let without = changed("[fallback]", &format!("{transfer}[fallback]")).unwrap_err();
    assert_eq!((without.key.as_ref(), without.line), ("transfer.in_hours", 55), "{without}");
    let zone = HARBOUR.replacen("[contacts]", "time_zone = \"UTC\"\n[contacts]", 1);
    let text = zone.replacen("[fallback]", &format!("{transfer}{hours}[fallback]"), 1);
    let playbook = Playbook::parse(&text, "harbour.toml").unwrap();
    // The fixture's clock begins on Friday, 15 January 2027, 08:00 UTC.
    for (hour, there) in [(0, false), (1, true), (8, true), (9, false), (25, false)] {
        let now = at(hour * 3600);
        let asked = event(EventKind::TransferAsked, 0);
        let decision = call_after([]).decide(&key("c1"), &asked, &playbook, now);
        assert_eq!(matches!(decision.answer, Answer::Transfer(Some(_))), there, "hour {hour}");
    }
    let always = Playbook::parse(&text.replace("in_hours = true", "in_hours = false"), "harbour.toml").unwrap();
    assert!(always.transfer_at(at(0)).is_some());
}

#[test]
fn letters_that_make_a_text_cost_more_are_named_with_their_place_and_price() {
    assert_eq!(harbour().warnings, []);
    let costly = changed(
        "en = \"{{ business }}: we will see to it.\"",
        "en = \"{# 🚨 no matter #}{{ business }}: we’ll see to it, forêt 🚨 é – ’ \\u00ab\"",
    )
    .unwrap();
    let told: Vec<String> = costly.warnings.iter().map(ToString::to_string).collect();
    let line = HARBOUR.lines().position(|line| line.contains("we will see")).unwrap() + 1;
    for (letter, fix) in
        [("'’' (U+2019, column 42)", "write \"'\""), ("'ê' (U+00EA", "write \"e\""), ("'–' (U+2013", "write \"-\"")]
    {
        let found = told.iter().find(|told| told.contains(letter)).unwrap_or_else(|| panic!("{letter} in {told:#?}"));
        assert!(found.starts_with(&format!("harbour.toml:{line}: templates.confirmation.en: ")), "{found}");
        assert!(found.contains("67 instead of 153 characters a segment; "), "{found}");
        assert!(found.ends_with(fix), "{found}");
    }
    assert!(
        told.iter().any(|told| told.contains("'🚨' (U+1F6A8, column 63)") && told.ends_with("accept the cost")),
        "{told:#?}"
    );
    assert!(told.iter().any(|told| told.contains("'«'") && told.contains("written as an escape")), "{told:#?}");
    assert_eq!(told.len(), 5, "é is in the alphabet, and each letter is named once: {told:#?}");
}

#[test]
fn the_cost_of_every_template_is_known() {
    let costs = harbour().templates.costs("Harbour Dental");
    let keys: Vec<&str> = costs.iter().map(|cost| cost.key.as_str()).collect();
    let all = ["alert.fr", "alert.en", "callback.en", "confirmation.fr", "confirmation.en"];
    assert_eq!(keys, all.map(|key| format!("templates.{key}")));
    assert!(costs.iter().all(|cost| cost.segments.encoding == Encoding::Gsm7));
    let long =
        changed("fr = \"{{ business }} {{ priority }} :", "fr = \"forêt {{ business }} {{ priority }} :").unwrap();
    assert_eq!(long.templates.costs("Harbour Dental")[0].segments.encoding, Encoding::Ucs2);
    assert!(long.warnings[0].problem.contains("2 segments instead of 1"), "{}", long.warnings[0]);
}

#[test]
fn the_shipped_texts_are_written_in_letters_of_the_small_alphabet() {
    let shipped = Playbook::parse(include_str!("../../config/playbooks/boreal.toml"), "boreal.toml").unwrap();
    assert_eq!(shipped.warnings, []);
    assert_eq!(shipped.templates.costs(&shipped.name).len(), 6);
    for (said, told) in [
        ("je suis un ami du patron, évier bouché", &["owner"][..]),
        ("réparation sous la dalle", &["specialist"]),
        ("a free on-site estimate", &["specialist"]),
        ("gainage", &["estimator"]),
    ] {
        let rule = shipped.rule(Priority::P4);
        let route = shipped.route(Priority::P4, &rule.roster, "", said);
        let people: Vec<&str> = shipped.texted([route.roster]).iter().map(|contact| contact.name.as_ref()).collect();
        assert_eq!(people, told, "{said}");
    }
    assert_eq!(shipped.language, Language::Fr);
}
