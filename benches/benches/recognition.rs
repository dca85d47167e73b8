//! CPU of recognising one turn of a caller, with the shipped playbook: a greeting, an emergency in one word, one without
//! the word, and a long story.

use criterion::{Criterion, criterion_group, criterion_main};

const TURNS: [(&str, &str); 4] = [
    ("greeting", "oui bonjour comment ça va"),
    ("keyword", "j'ai un refoulement d'égout dans le sous-sol"),
    (
        "no_keyword",
        "chaque fois que quelqu'un tire la chaîne en haut ça ressort dans mon bain pis ça s'en va sur les tuiles",
    ),
    (
        "story",
        "hi, so last spring we had some water in the basement and my brother in law fixed it, he put a new pump in, and \
         since then it has been fine, but my insurance is asking for a certificate that says the drain was inspected, so \
         I would like to know how much you charge for a camera inspection and whether you could come next week",
    ),
];

fn recognition(criterion: &mut Criterion) {
    let playbook = gateway::playbooks::shipped().expect("the shipped playbooks are valid").remove(0);
    let mut group = criterion.benchmark_group("recognition");
    for (name, turn) in TURNS {
        group.bench_function(name, |bencher| bencher.iter(|| playbook.recognise(std::hint::black_box(turn), None)));
    }
    group.finish();
}

criterion_group!(benches, recognition);
criterion_main!(benches);
