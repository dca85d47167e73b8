//! Guaranteed shares: how a queue that serves the urgent first still never starves the rest.

use crate::priority::Priority;

/// The share of the segments that each class gets while all of them wait, P1 first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares([f64; 4]);

impl Shares {
    /// Four weights, P1 first: none negative, their sum above zero.
    pub fn new(weights: [f64; 4]) -> Option<Shares> {
        let sum: f64 = weights.iter().sum();
        let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) && sum > 0.0;
        usable.then(|| Shares(weights.map(|weight| weight / sum)))
    }

    /// At least this part of the segments is of `class` while it waits: 0 to 1.
    pub fn of(&self, class: Priority) -> f64 {
        self.0[class as usize]
    }
}

impl Default for Shares {
    fn default() -> Shares {
        Shares([0.70, 0.20, 0.08, 0.02])
    }
}

/// The most segments a class can be owed: more than the largest message has.
const MOST_OWED: f64 = 64.0;

/// What each class is owed, in segments.
#[derive(Clone, Debug)]
pub(super) struct Debts {
    shares: Shares,
    owed: [f64; 4],
    /// The last slot went to a debt while something more urgent waited: the next one does not.
    overtook: bool,
}

impl Debts {
    pub fn new(shares: Shares) -> Debts {
        Debts { shares, owed: [0.0; 4], overtook: false }
    }

    /// `heads`: the segments of the first message of each class, where one waits.
    pub fn choose(&self, heads: [Option<u16>; 4]) -> Option<Priority> {
        let waiting = || Priority::ALL.into_iter().filter(|class| heads[*class as usize].is_some());
        let urgent = waiting().next()?;
        if self.overtook {
            return Some(urgent);
        }
        let is_owed = |class: &Priority| {
            let cost = heads[*class as usize].map_or(f64::MAX, f64::from);
            *class > urgent && self.owed[*class as usize] >= cost
        };
        let owed = |class: &Priority| self.owed[*class as usize];
        let most = waiting().filter(is_owed).max_by(|a, b| owed(a).total_cmp(&owed(b)).then(b.cmp(a)));
        most.or(Some(urgent))
    }

    /// `segments` of `class` left while the classes in `waiting` had something to send, `class` itself included.
    pub fn served(&mut self, class: Priority, segments: u16, waiting: [bool; 4]) {
        let cost = f64::from(segments);
        self.overtook = Priority::ALL.into_iter().any(|other| other < class && waiting[other as usize]);
        for other in Priority::ALL {
            let owed = &mut self.owed[other as usize];
            let earned = *owed + self.shares.of(other) * cost;
            *owed = match (waiting[other as usize], other == class) {
                (true, false) => earned.min(MOST_OWED),
                (_, true) => (earned - cost).max(0.0),
                (false, false) => 0.0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{P1, P2, P3, P4};

    fn serve(debts: &mut Debts, heads: [Option<u16>; 4]) -> Priority {
        let class = debts.choose(heads).unwrap();
        debts.served(class, heads[class as usize].unwrap(), heads.map(|head| head.is_some()));
        class
    }

    #[test]
    fn while_all_wait_each_gets_its_share_by_segments() {
        let mut debts = Debts::new(Shares::default());
        let heads = [Some(1), Some(2), Some(1), Some(3)];
        let mut sent = [0_u32; 4];
        for _ in 0..20_000 {
            let class = serve(&mut debts, heads) as usize;
            sent[class] += u32::from(heads[class].unwrap());
        }
        let all: u32 = sent.iter().sum();
        for (class, share) in [0.70, 0.20, 0.08, 0.02].into_iter().enumerate() {
            let got = f64::from(sent[class]) / f64::from(all);
            assert!((got - share).abs() < 0.005, "{class}: {got}");
        }
    }

    #[test]
    fn nobody_is_owed_anything_for_a_time_in_which_it_did_not_wait() {
        let mut debts = Debts::new(Shares::default());
        (0..1000).for_each(|_| assert_eq!(serve(&mut debts, [Some(1), None, None, None]), P1));
        assert_eq!(serve(&mut debts, [Some(1), None, None, Some(1)]), P1);
    }

    #[test]
    fn who_served_itself_alone_owes_nobody() {
        let mut debts = Debts::new(Shares::default());
        (0..1000).for_each(|_| assert_eq!(serve(&mut debts, [None, None, None, Some(1)]), P4));
        let order: Vec<Priority> = (0..60).map(|_| serve(&mut debts, [None, None, Some(1), Some(1)])).collect();
        assert_eq!(order.iter().filter(|class| **class == P4).count(), 1, "one in fifty");
    }

    #[test]
    fn the_urgent_never_wait_for_two_slots_in_a_row() {
        let mut debts = Debts::new(Shares::new([1.0, 1.0, 1.0, 1.0]).unwrap());
        let order: Vec<Priority> = (0..400).map(|_| serve(&mut debts, [Some(1), Some(1), Some(1), Some(1)])).collect();
        assert!(order.windows(2).all(|two| two.contains(&P1)), "{order:?}");
        assert!([P2, P3, P4].iter().all(|class| order.contains(class)));
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        for weights in [[0.0; 4], [-1.0, 1.0, 1.0, 1.0], [f64::NAN, 1.0, 1.0, 1.0]] {
            assert_eq!(Shares::new(weights), None, "{weights:?}");
        }
        assert_eq!(Shares::new([70.0, 20.0, 8.0, 2.0]), Some(Shares::default()));
    }
}
