//! Trains the model "drains" from `engine/corpus/train.tsv` and writes `engine/models/drains.weights`. From the root of
//! the repository: `cargo run --release -p engine --example train_recognition`. The same corpus makes the same file.
//!
//! Prints what the phrases, the model and both recognise of turns the model was not trained on.

use std::path::Path;

use engine::playbook::Playbook;
use engine::priority::Priority;
use engine::recognition::concepts;
use engine::recognition::evaluation::{Tally, cross_validated, threshold};
use engine::recognition::training::{Trained, read};

/// Share of the other turns that may be taken for emergencies in cross-validation; the threshold follows.
const FALSE_ALARMS: f32 = 0.03;
const FOLDS: usize = 10;

fn main() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file =
        |path: &str| std::fs::read_to_string(engine.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let turns = read(&file("corpus/train.tsv"));
    let concepts = concepts(&file("models/drains.toml")).expect("lists of words");
    let playbook = file("../config/playbooks/boreal.toml").replace("model = \"drains\"", "");
    let playbook = Playbook::parse(&playbook, "boreal.toml").expect("the shipped playbook");

    let judged = cross_validated(&turns, &concepts, &playbook.recogniser, FOLDS);
    let threshold = threshold(&turns, &judged, FALSE_ALARMS);
    let phrases = turns.iter().map(|turn| (turn, playbook.classify(&turn.text, None).priority));
    println!("phrases alone\n{}", Tally::of(phrases));
    let model = |score: f32| if score >= threshold { Priority::P1 } else { Priority::P4 };
    println!(
        "model alone, not trained on them\n{}",
        Tally::of(turns.iter().zip(&judged).map(|(turn, it)| (turn, model(it.score))))
    );
    println!("both\n{}", Tally::of(turns.iter().zip(&judged).map(|(turn, it)| (turn, it.at(threshold)))));

    let weights = engine.join("models/drains.weights");
    std::fs::write(&weights, Trained::on(&turns, &concepts).file(threshold)).expect("the folder of models is writable");
    println!("{} turns, threshold {threshold:.2}: {}", turns.len(), weights.display());
}
