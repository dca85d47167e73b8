//! Positions of frames while some are at home and some in the spool: whoever follows them goes on with one number, and
//! never takes a place in one for a place in the other.
//!
//! ```text
//! at home        0 | the database's own position
//! in the spool   0 | 1 | how far was read at home, 38 bits | place in the spool, its lowest 24 bits
//! ```
//! What was read at home stands in the number itself: so it means the same after a restart, and on a node that has
//! another spool.

use engine::ports::Position;

const IN_SPOOL: Position = 1 << 62;
const PLACE_BITS: u32 = 24;
const PLACES: Position = 1 << PLACE_BITS;
/// Nobody could be asked how far home was.
const UNKNOWN: Position = (1 << (62 - PLACE_BITS)) - 1;

/// Where somebody who follows the frames stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Everything up to here was read at home; `None`: nobody knows, home was away from the start.
    pub home: Option<Position>,
    /// The lowest bits of the place up to which the spool was read; `None`: it was not looked at.
    place: Option<Position>,
}

impl Cursor {
    pub fn read(position: Position) -> Cursor {
        if position & IN_SPOOL == 0 {
            return Cursor { home: Some(position), place: None };
        }
        let home = (position >> PLACE_BITS) & UNKNOWN;
        Cursor { home: (home != UNKNOWN).then_some(home), place: Some(position & (PLACES - 1)) }
    }

    /// The place in the spool up to which was read, when its newest one is `newest`. Places are given once, and a spool
    /// never holds as many as there are numbers for: so it is the last one with these bits.
    pub fn place(self, newest: Position) -> Position {
        let Some(bits) = self.place else { return 0 };
        let behind = (newest.wrapping_sub(bits)) & (PLACES - 1);
        newest.saturating_sub(behind)
    }
}

/// The position of a frame at this place of the spool, for somebody who has read home so far.
pub(super) fn in_spool(home: Option<Position>, place: Position) -> Position {
    let home = home.map_or(UNKNOWN, |home| home.min(UNKNOWN - 1));
    IN_SPOOL | home << PLACE_BITS | place & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_says_where_to_go_on_at_home_and_in_the_spool() {
        for (home, place, newest) in [
            (Some(0), 1, 1),
            (Some(12_345), 7, 9),
            (None, 3, 3),
            (Some(UNKNOWN - 1), PLACES - 1, PLACES + 5),
            (Some(1), PLACES + 2, PLACES + 5),
            (Some(1), 5 * PLACES, 5 * PLACES),
        ] {
            let position = in_spool(home, place);
            let cursor = Cursor::read(position);
            assert_eq!((cursor.home, cursor.place(newest)), (home, place), "{home:?} {place} {newest}");
            assert!(i64::try_from(position).is_ok(), "databases count with a sign");
        }
    }

    #[test]
    fn a_position_at_home_is_as_it_is_and_has_read_nothing_of_the_spool() {
        for position in [0, 1, 1 << 61] {
            let cursor = Cursor::read(position);
            assert_eq!((cursor.home, cursor.place(99)), (Some(position), 0));
        }
    }

    #[test]
    fn a_place_of_another_spool_is_never_beyond_this_one() {
        let cursor = Cursor::read(in_spool(Some(5), 900));
        assert_eq!(cursor.place(3), 0, "a new file begins again: everything in it is shown");
    }

    #[test]
    fn positions_in_the_spool_grow_with_their_places() {
        assert!(in_spool(Some(5), 1) < in_spool(Some(5), 2));
        assert!(Position::MAX > in_spool(Some(5), 2) && in_spool(Some(5), 2) > 1 << 61);
    }
}
