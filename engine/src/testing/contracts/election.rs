//! Who leads.

use crate::ports::{Election, Term};

/// Asked so often that a store has the time to see who is gone: a question takes it part of a millisecond.
async fn wins(node: &impl Election) -> Box<dyn Term> {
    for _ in 0..20_000 {
        if let Some(term) = node.stand().await.unwrap() {
            return term;
        }
    }
    panic!("nobody leads, and still this node may not");
}

pub async fn one_node_leads_at_a_time(first: &impl Election, second: &impl Election) {
    let mut term = wins(first).await;
    assert!(second.stand().await.unwrap().is_none(), "one leads already");
    term.renew().await.expect("it still leads");
    term.resign().await;
    let mut later = wins(second).await;
    assert!(first.stand().await.unwrap().is_none());
    later.renew().await.expect("it leads now");
}

pub async fn a_term_that_is_dropped_is_over(first: &impl Election, second: &impl Election) {
    let term = wins(first).await;
    drop(term);
    wins(second).await;
}

pub async fn a_term_has_another_number_only_when_another_node_led(first: &impl Election, second: &impl Election) {
    let term = wins(first).await;
    let number = term.number();
    term.resign().await;
    let again = wins(first).await;
    assert_eq!(again.number(), number, "nobody led in between");
    again.resign().await;
    let other = wins(second).await;
    assert!(other.number() > number);
    let number = other.number();
    other.resign().await;
    assert!(wins(first).await.number() > number);
}
