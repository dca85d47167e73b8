//! `[[tools]]` and `[lookup]` of a playbook: what is read, and what is refused with which key and fix.

use std::time::Duration;

use engine::playbook::{Language, Playbook};
use engine::testing::fixtures::playbook_with;
use engine::tools;
use serde_json::json;

const SHIPPED: &str = include_str!("../../config/playbooks/boreal.toml");

const TOOL: &str = r#"
[[tools]]
name = "bookVisit"
description = { fr = "Réserve une visite.", en = "Books a visit." }
url = "https://tools.example.com/book"
secret = "a-secret-of-this-tool"
timeout_ms = 2500
on_error = { fr = "Pas réservé.", en = "Not booked." }
[tools.parameters]
type = "object"
required = ["day"]
[tools.parameters.properties]
day = { type = "string", description = "Which day." }
"#;

#[test]
fn a_tool_of_a_business_is_offered_as_it_describes_it() {
    let playbook = playbook_with(TOOL);
    let (tool, definition) = tools::offered(&playbook, Language::Fr).remove(0);
    assert_eq!((tool.name(), definition.description.as_str()), ("bookVisit", "Réserve une visite."));
    assert_eq!(
        definition.parameters(),
        json!({"type": "object", "required": ["day"], "properties": {"day": {"type": "string", "description": "Which day."}}})
    );
    let endpoint = tool.endpoint().unwrap();
    assert_eq!((endpoint.timeout, endpoint.allow_private), (Duration::from_millis(2_500), false));
    assert!(!tool.has_effects());
}

#[test]
fn what_is_left_out_has_a_default() {
    let short = "[[tools]]\nname = \"a\"\ndescription = \"A\"\nurl = \"https://a.example.com\"\nsecret = \"0123456789abcdef\"\n";
    let playbook = playbook_with(short);
    let tool = tools::find("a", &playbook).unwrap();
    assert_eq!(tool.endpoint().unwrap().timeout, Duration::from_secs(4));
    assert_eq!(tools::offered(&playbook, Language::En)[0].1.parameters()["required"], json!([]));
    assert_eq!(playbook.lookup_calls, 3);
}

#[test]
fn the_example_in_the_shipped_playbook_is_one() {
    let lines = SHIPPED.lines().skip_while(|line| *line != "# [[tools]]").take_while(|line| line.starts_with('#'));
    let example: String = lines.map(|line| format!("{}\n", &line[2..])).collect();
    assert!(example.contains("[tools.parameters.properties]"), "{example}");
    let playbook = Playbook::parse(&format!("{SHIPPED}{example}"), "boreal.toml").unwrap();
    assert_eq!(playbook.extra_tools.len(), 1);
}

#[test]
fn what_would_fail_during_a_call_is_refused_with_the_fix() {
    let table = [
        ("\"bookVisit\"", "\"book visit\"", "tools.name", "1 to 64"),
        ("\"bookVisit\"", "\"send_sms_alert\"", "tools.name", "every business has; give it another name"),
        ("\"Books a visit.\"", "\"\"", "tools.description", "on one line"),
        (", en = \"Books a visit.\"", "", "tools.description", "no words in `en`"),
        ("en = \"Not booked.\"", "en = \" \"", "tools.on_error", "on one line"),
        ("https://tools", "http://tools", "tools.url", "use https"),
        ("https://tools", "ftp://tools", "tools.url", "write it like https://"),
        ("https://tools.example.com", "https://", "tools.url", "write it like https://"),
        ("https://tools", "https://user:pass@tools", "tools.url", "write it like https://"),
        ("tools.example.com", "localhost:8080", "tools.url", "allow_private"),
        ("tools.example.com", "127.0.0.1:8080", "tools.url", "allow_private"),
        ("tools.example.com", "[::1]:8080", "tools.url", "allow_private"),
        ("tools.example.com", "169.254.169.254", "tools.url", "allow_private"),
        ("a-secret-of-this-tool", "short", "tools.secret", "openssl rand"),
        ("2500", "99", "tools.timeout_ms", "between 100 and 10000"),
        ("2500", "10001", "tools.timeout_ms", "in silence"),
        ("\"object\"", "\"string\"", "tools.parameters", "arguments are an object"),
        ("required = [\"day\"]", "required = [\"hour\"]", "tools.parameters.required", "no property"),
        ("day = { type", "\"a day\" = { type", "tools.parameters", "not a plain name"),
        ("day = { type = \"string\", description = \"Which day.\" }", "day = 7", "tools.parameters", "with a schema"),
    ];
    for (good, bad, key, says) in table {
        assert!(TOOL.contains(good), "{good}");
        let error = refused(&TOOL.replacen(good, bad, 1));
        assert_eq!(error.key.as_ref(), key, "{bad}: {error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains("a-secret"), "{error}");
    }
    assert!(refused(&format!("{TOOL}{}", TOOL.replace("bookVisit", "Book_Visit"))).problem.contains("two tools"));
    let many = SHIPPED.replacen("calls = 3", "calls = 11", 1);
    let error = Playbook::parse(&many, "boreal.toml").unwrap_err();
    assert_eq!((&*error.key, &*error.fix), ("lookup.calls", "0 switches it off"));
    assert!(refused("[[tools]]\nname = \"a\"\nurll = \"x\"\n").problem.contains("unknown field `urll`"));
    let long = "x".repeat(9_000);
    assert!(refused(&TOOL.replacen("Which day.", &long, 1)).problem.contains("every turn"));
}

#[test]
fn a_private_server_is_reached_when_the_playbook_says_so() {
    for url in ["http://127.0.0.1:9000/x", "http://tools.internal", "https://10.0.0.8"] {
        let allowed = TOOL.replacen("https://tools.example.com/book", url, 1).replacen(
            "timeout",
            "allow_private = true\ntimeout",
            1,
        );
        assert!(playbook_with(&allowed).extra_tools[0].endpoint().unwrap().allow_private, "{url}");
    }
}

fn refused(tables: &str) -> engine::playbook::PlaybookError {
    Playbook::parse(&format!("{SHIPPED}{tables}"), "boreal.toml").expect_err(tables)
}
