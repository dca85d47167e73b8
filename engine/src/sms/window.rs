//! How many requests an account may have under way at once.
//!
//! Carriers do not publish the number, so it is found: one more for every window full of answers, half of it for a
//! refusal. Requests that were refused together count once. What the carrier says of its own count tells how many of
//! them are somebody else's, of the same account. A part of it is kept for emergencies, which would else wait until a
//! carrier that hangs has answered everybody.

use super::pace::Moment;
use super::room::{Room, kept_of};

/// As long as a number of the carrier's is believed.
const BELIEVED: Moment = Moment::from_secs(10);

#[derive(Clone, Debug)]
pub struct Window {
    size: f64,
    /// As configured.
    largest: usize,
    /// Of these for emergencies alone, as configured.
    kept: usize,
    /// The carrier's requests of this account that are not ours, and when it told.
    others: (usize, Moment),
    /// When it was last halved: what left before then says nothing new.
    halved_at: Option<Moment>,
}

impl Window {
    /// Begins with `largest`, at least 1: the configured number is somebody's experience. `kept`: of these for
    /// emergencies alone.
    pub fn new(largest: usize, kept: usize) -> Window {
        let largest = largest.max(1);
        Window { size: largest as f64, largest, kept, others: (0, Moment::ZERO), halved_at: None }
    }

    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// Which messages may leave now beside `under_way`. One may always try when none is.
    pub fn room(&self, under_way: usize, now: Moment) -> Room {
        match self.size().saturating_sub(under_way + self.others_at(now)) {
            _ if under_way == 0 => Room::Any,
            0 => Room::Nobody,
            left if left <= self.kept() => Room::Emergencies,
            _ => Room::Any,
        }
    }

    /// Half of a window at most.
    fn kept(&self) -> usize {
        kept_of(self.size(), self.kept)
    }

    /// An answer to what left at `left`. `concurrent`: requests of the account under way, as the carrier counts them;
    /// `under_way`: ours, this one included.
    pub fn answered(&mut self, concurrent: Option<u32>, under_way: usize, now: Moment) {
        if let Some(concurrent) = concurrent {
            self.others = ((concurrent as usize).saturating_sub(under_way), now);
        }
        // Only a window that is full shows that it could be larger: full of all but emergencies.
        if under_way + self.others_at(now) + self.kept() >= self.size() {
            self.size = (self.size + 1.0 / self.size).min(self.largest as f64);
        }
    }

    /// Refused as too many: what left at `left`.
    pub fn refused(&mut self, left: Moment, now: Moment) {
        if self.halved_at.is_none_or(|at| left > at) {
            self.size = (self.size / 2.0).max(1.0);
            self.halved_at = Some(now);
        }
    }

    fn others_at(&self, now: Moment) -> usize {
        let (others, told) = self.others;
        if now.saturating_sub(told) <= BELIEVED { others } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    #[test]
    fn refusals_halve_it_once_per_window_and_full_windows_win_it_back() {
        let mut window = Window::new(32, 0);
        (0..8).for_each(|_| window.refused(seconds(1), seconds(2)));
        assert_eq!(window.size(), 16, "they had left together");
        window.refused(seconds(3), seconds(4));
        assert_eq!(window.size(), 8);
        (0..100).for_each(|_| window.answered(None, 3, seconds(5)));
        assert_eq!(window.size(), 8, "a window that is not full proves nothing");
        (0..9).for_each(|_| window.answered(None, 8, seconds(5)));
        assert_eq!(window.size(), 9, "one more for a window full of answers");
        (0..10_000).for_each(|_| window.answered(None, 32, seconds(5)));
        assert_eq!(window.size(), 32, "never more than configured");
        (0..100).for_each(|n| window.refused(seconds(10 + n), seconds(10 + n)));
        assert_eq!(window.size(), 1, "never nothing");
    }

    #[test]
    fn requests_of_others_with_the_same_account_leave_less_room() {
        let mut window = Window::new(20, 0);
        window.answered(Some(15), 5, seconds(1));
        assert_eq!((window.room(9, seconds(1)), window.room(10, seconds(1))), (Room::Any, Room::Nobody));
        assert_eq!(window.room(19, seconds(12)), Room::Any, "that was long ago");
        window.answered(Some(200), 1, seconds(20));
        let room = |under_way| window.room(under_way, seconds(20));
        assert_eq!((room(1), room(0)), (Room::Nobody, Room::Any), "one may always try");
    }

    #[test]
    fn emergencies_have_a_few_for_themselves_half_at_most_and_never_the_only_one() {
        for (size, kept, any, emergencies) in
            [(32, 4, 28, 4), (8, 4, 4, 4), (3, 4, 2, 1), (2, 4, 1, 1), (1, 4, 1, 0), (32, 0, 32, 0)]
        {
            let window = Window::new(size, kept);
            let rooms = |room| (0..40).filter(|under_way| window.room(*under_way, seconds(1)) == room).count();
            assert_eq!((rooms(Room::Any), rooms(Room::Emergencies)), (any, emergencies), "{size} {kept}");
        }
    }

    #[test]
    fn what_is_kept_for_emergencies_does_not_keep_a_window_small() {
        let mut window = Window::new(32, 4);
        (0..3).for_each(|n| window.refused(seconds(2 * n + 1), seconds(2 * n + 2)));
        assert_eq!(window.size(), 4);
        (0..10_000).for_each(|_| {
            let fit = (0..40).filter(|under_way| window.room(*under_way, seconds(9)) == Room::Any).count();
            window.answered(None, fit, seconds(9));
        });
        assert_eq!(window.size(), 32);
    }
}
