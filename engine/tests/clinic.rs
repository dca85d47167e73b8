//! The shipped playbook of a dental clinic: what cannot wait until morning there, and what it does.

use engine::playbook::{Playbook, Status};
use engine::priority::Priority::{self, *};

fn clinic() -> Playbook {
    Playbook::parse(include_str!("../../config/playbooks/harbour-dental.toml"), "harbour-dental.toml").unwrap()
}

#[test]
fn what_cannot_wait_is_told_from_what_can() {
    let clinic = clinic();
    let wrong: Vec<String> = URGENT
        .iter()
        .map(|said| (*said, P1))
        .chain(OTHERS.iter().copied())
        .map(|(said, wanted)| (said, wanted, clinic.recognise(said, None)))
        .filter(|(_, wanted, heard)| heard.rule.priority != *wanted)
        .map(|(said, wanted, heard)| format!("{said}: {wanted}, not {}: {}", heard.rule.priority, heard.because))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const URGENT: [&str; 20] = [
    "it's been bleeding for three hours and it won't stop",
    "his front tooth is gone after a hockey puck",
    "I can't swallow and my neck is swollen",
    "my face is so swollen my eye is closing",
    "my daughter fell off her bike and knocked out two teeth",
    "her tooth came out when she hit the curb, I have it in milk",
    "the socket is still bleeding, I had it pulled this morning",
    "I can hardly breathe with this swelling",
    "there's swelling under my tongue and it's getting bigger",
    "the swelling is spreading down to my throat",
    "I have an abscess and now a fever and chills",
    "I think my jaw is broken",
    "my jaw is locked, I can't open my mouth",
    "he took an elbow in hockey and his tooth got pushed back",
    "blood is pouring out of my mouth since the extraction",
    "the gauze is soaked again and it doesn't stop",
    "my son got hit in the mouth with a baseball and his tooth is hanging",
    "I'm having an allergic reaction to the freezing",
    "she couldn't swallow her supper and now she drools",
    "this is an emergency, my tooth fell out",
];

const OTHERS: [(&str, Priority); 20] = [
    ("I have trouble breathing through my nose because of a cold, I need to cancel my cleaning", P4),
    ("I'd like to book a check-up for my two kids", P4),
    ("my gums bleed a little when I brush", P4),
    ("no swelling, no pain, just a regular cleaning", P4),
    ("do you take direct billing from my insurance", P4),
    ("my son's baby tooth is loose, is that normal", P4),
    ("can I change my emergency contact on file", P4),
    ("no trouble breathing or anything, I just want a check-up", P4),
    ("what are your hours on Saturday", P4),
    ("I have a toothache since yesterday", P2),
    ("my crown came off while eating", P2),
    ("I chipped a tooth on a nut", P2),
    ("my cheek is a bit swollen and it throbs", P2),
    ("the wire of my braces is poking my cheek", P2),
    ("I lost a filling", P2),
    ("it hurts when I bite on the left", P2),
    ("how much would an implant be for a tooth that's been missing for years", P3),
    ("I want to be knocked out for my wisdom teeth", P3),
    ("I was told that I need a root canal", P3),
    ("I'm interested in veneers for my front teeth", P3),
];

#[test]
fn what_its_waits_name_is_a_service_too() {
    let clinic = clinic();
    let services = clinic.services.as_ref().unwrap();
    for (named, wanted, status) in [
        ("root canal", "root_canal", Status::Accepted),
        ("I need two root canals", "root_canal", Status::Accepted),
        ("a crown", "crown", Status::Accepted),
        ("a new denture", "crown", Status::Accepted),
        ("wisdom teeth", "surgery", Status::Referred),
        ("braces", "orthodontics", Status::Refused),
    ] {
        let found = services.find(named).unwrap_or_else(|| panic!("{named} is unknown"));
        assert_eq!((&*found.service.id, found.service.status), (wanted, status), "{named}");
    }
}
