//! Segments of a text, against what a carrier's own calculator makes of it. Needs `CORDBOARD_CONTRACTS`.

use engine::sms::{Encoding, segments};

#[test]
fn the_carriers_own_calculator_agrees() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
        return;
    };
    // This crate names no carrier: any file of this name counts.
    let folders = std::fs::read_dir(contracts).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = folders.map(|folder| folder.join("segment-vectors.json")).filter(|f| f.exists()).collect();
    assert!(!files.is_empty());
    for file in files {
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for vector in vectors["vectors"].as_array().unwrap() {
            let got = segments(vector["text"].as_str().unwrap());
            let name = if got.encoding == Encoding::Gsm7 { "GSM-7" } else { "UCS-2" };
            assert_eq!(name, vector["plain"]["encoding"], "{}", vector["name"]);
            assert_eq!(u64::from(got.count), vector["plain"]["segments"], "{}", vector["name"]);
        }
    }
}
