//! Fair queueing among those who wait: whoever has used least goes next.
//!
//! Use is counted in segments on a common scale. Who comes anew begins where the others are on average, so it neither
//! waits for what they used before it came nor overtakes them for ever. Who has left the queue is forgotten once the
//! others have used as much.

use std::collections::HashMap;
use std::hash::Hash;

#[derive(Clone, Debug)]
pub(super) struct Fair<K> {
    /// What somebody who always waited has been given by now.
    level: f64,
    used: HashMap<K, Used>,
    here: usize,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    segments: f64,
    here: bool,
}

impl<K> Default for Fair<K> {
    fn default() -> Fair<K> {
        Fair { level: 0.0, used: HashMap::new(), here: 0 }
    }
}

impl<K: Clone + Eq + Hash> Fair<K> {
    /// Those who wait now; one may be named twice.
    pub fn meet<'k>(&mut self, waiting: impl Iterator<Item = &'k K>)
    where
        K: 'k,
    {
        let before: Vec<K> = self.used.iter().filter(|(_, used)| used.here).map(|(key, _)| key.clone()).collect();
        self.used.values_mut().for_each(|used| used.here = false);
        for key in waiting {
            match self.used.get_mut(key) {
                Some(used) => used.here = true,
                None => drop(self.used.insert(key.clone(), Used { segments: self.level, here: true })),
            }
        }
        let level = self.level;
        // Away for a while: nothing is saved up.
        for (key, used) in self.used.iter_mut().filter(|(_, used)| used.here && used.segments < level) {
            if !before.contains(key) {
                used.segments = level;
            }
        }
        self.used.retain(|_, used| used.here || used.segments > level);
        self.here = self.used.values().filter(|used| used.here).count();
    }

    /// On the common scale.
    pub fn used(&self, key: &K) -> f64 {
        self.used.get(key).map_or(self.level, |used| used.segments)
    }

    pub fn charge(&mut self, key: &K, segments: u16) {
        if let Some(used) = self.used.get_mut(key) {
            used.segments += f64::from(segments);
            self.level += f64::from(segments) / self.here.max(1) as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who of those waiting is served, the alphabet deciding between equals.
    fn serve(fair: &mut Fair<&'static str>, waiting: &[&'static str], segments: u16) -> &'static str {
        fair.meet(waiting.iter());
        let next = waiting.iter().min_by(|a, b| fair.used(a).total_cmp(&fair.used(b)).then(a.cmp(b))).unwrap();
        fair.charge(next, segments);
        next
    }

    #[test]
    fn those_who_wait_take_turns_and_large_messages_count_for_more() {
        let mut fair = Fair::default();
        let mut sent = HashMap::<&str, u32>::new();
        for _ in 0..900 {
            fair.meet(["a", "b", "c"].iter());
            let next = ["a", "b", "c"].into_iter().min_by(|a, b| fair.used(a).total_cmp(&fair.used(b))).unwrap();
            let segments = if next == "a" { 5 } else { 1 };
            fair.charge(&next, segments);
            *sent.entry(next).or_default() += u32::from(segments);
        }
        let (least, most) = (sent.values().min().unwrap(), sent.values().max().unwrap());
        assert!(most - least <= 5, "{sent:?}");
    }

    #[test]
    fn who_comes_late_is_next_and_does_not_catch_up() {
        let mut fair = Fair::default();
        (0..100).for_each(|_| assert_eq!(serve(&mut fair, &["a"], 1), "a"));
        let order: Vec<&str> = (0..10).map(|_| serve(&mut fair, &["a", "b"], 1)).collect();
        assert_eq!(order.iter().filter(|key| **key == "b").count(), 5, "{order:?}");
    }

    #[test]
    fn an_endless_stream_of_newcomers_starves_nobody() {
        const NEW: [&str; 8] = ["b", "c", "d", "e", "f", "g", "h", "i"];
        let mut fair = Fair::default();
        serve(&mut fair, &["a"], 1);
        let served = (0..20).position(|n| {
            let waiting = [NEW[n % 8], NEW[(n + 1) % 8], "a"];
            fair.used.retain(|key, _| waiting.contains(key));
            serve(&mut fair, &waiting, 1) == "a"
        });
        assert!(served.is_some_and(|turn| turn <= 6), "{served:?}");
    }

    #[test]
    fn those_who_are_gone_are_forgotten() {
        let mut fair: Fair<u32> = Fair::default();
        for key in 0..10_000 {
            fair.meet([key, key + 1].iter());
            fair.charge(&key, 1);
        }
        assert!(fair.used.len() < 10, "{}", fair.used.len());
    }
}
