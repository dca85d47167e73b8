//! What the shipped playbook recognises of turns its model was not trained on.

use engine::playbook::Playbook;
use engine::priority::Priority;
use engine::recognition::evaluation::{Tally, cross_validated, threshold};
use engine::recognition::training::{Turn, read};
use engine::recognition::{concepts, language_of};

const TRAIN: &str = include_str!("../corpus/train.tsv");
const HELD_OUT: &str = include_str!("../corpus/held_out.tsv");
const BOREAL: &str = include_str!("../../config/playbooks/boreal.toml");

fn boreal(model: bool) -> Playbook {
    let text = if model { BOREAL.to_owned() } else { BOREAL.replace("model = \"drains\"", "") };
    Playbook::parse(&text, "boreal.toml").unwrap()
}

fn tally(playbook: &Playbook, turns: &[Turn]) -> Tally {
    Tally::of(turns.iter().map(|turn| (turn, playbook.classify(&turn.text, None).priority)))
}

#[test]
fn emergencies_of_an_author_never_trained_on_are_recognised() {
    let turns = read(HELD_OUT);
    println!("held out, phrases alone\n{}", tally(&boreal(false), &turns));
    let both = tally(&boreal(true), &turns);
    println!("held out, phrases and model\n{both}");
    assert!(both.recall(Priority::P1, "all") >= 99.0, "{both}");
    assert!(both.false_alarms(Priority::P1, "all") <= 3.0, "{both}");
    assert!(both.recall(Priority::P2, "all") >= 90.0 && both.recall(Priority::P3, "all") >= 90.0, "{both}");
}

#[test]
fn emergencies_left_out_of_training_are_recognised() {
    let concepts = concepts(include_str!("../models/drains.toml")).unwrap();
    let turns = read(TRAIN);
    let judged = cross_validated(&turns, &concepts, &boreal(false).recogniser, 3);
    let threshold = threshold(&turns, &judged, 0.03);
    let both = Tally::of(turns.iter().zip(&judged).map(|(turn, it)| (turn, it.at(threshold))));
    println!("cross-validated, phrases and model\n{both}");
    assert!(both.recall(Priority::P1, "all") >= 98.5, "{both}");
}

#[test]
fn the_language_of_a_turn_is_told_by_its_small_words() {
    let turns: Vec<Turn> = read(TRAIN).into_iter().filter(|turn| turn.language != "mix").collect();
    let told = |turn: &Turn| language_of(&turn.text).map(|language| language.as_str());
    let wrong = turns.iter().filter(|turn| told(turn).is_some_and(|told| told != turn.language)).count();
    let unclear = turns.iter().filter(|turn| told(turn).is_none()).count();
    println!("{} turns: {wrong} in the other language, {unclear} unclear", turns.len());
    assert!(wrong * 100 <= turns.len() && unclear * 20 <= turns.len());
}
