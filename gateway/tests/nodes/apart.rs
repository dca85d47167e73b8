//! A node that cannot see Postgres sends its emergencies by itself, and the one that leads may have them as well: because
//! they were committed and only the answer was lost, or because the platform asked twice. What both did comes on one
//! record, whatever becomes of the first.

use super::database;
use super::proxy::{Proxy, Trouble};
use super::server::{alert, client, until_all_is_home};
use super::{Node, World};

/// The lost node sends from here.
const FROM: &str = "+15005550099";

struct Apart {
    world: World,
    leading: Node,
    proxy: Proxy,
    lost: Node,
    /// How many texts the alarm owes.
    owed: usize,
}

impl Apart {
    /// Somebody raises an alarm at a node that has lost sight of Postgres, and the platform repeats it at the node that
    /// leads, or not.
    async fn alarmed(repeated: bool, answered: bool) -> Option<Apart> {
        let world = World::new(database::server()?).await;
        let leading = world.node();
        let proxy = Proxy::before(&world.url).await;
        let (url, data) = (proxy.url_of(&world.url), tempfile::tempdir().expect("a temporary directory"));
        let lost = world.node_with(data, &[("CORDBOARD_STORE__URL", &url), ("CORDBOARD_SMS__TWILIO__FROM", FROM)]);
        if !answered {
            world.carrier.answers_all_but(FROM);
        }
        proxy.set(Trouble::BlackHole).await;
        let alarm = alert("call-apart", "tool-apart", "the cellar is full of water");
        let nodes = if repeated { vec![&lost, &leading] } else { vec![&lost] };
        for node in nodes {
            let answer = world.load.tell(&client(), &node.server.url, &alarm).await.expect("an answer");
            assert_eq!(answer.status, 200);
        }
        let owed = world.load.log.lock().first().map(|told| told.promised());
        let owed = usize::try_from(owed.expect("it was acknowledged")).expect("few");
        Some(Apart { world, leading, proxy, lost, owed })
    }
}

/// Both send it: neither can know of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_nodes_have_told_is_marked_and_both_attempts_are_on_record() {
    let Some(Apart { world, leading, proxy, lost, owed }) = Apart::alarmed(true, true).await else { return };
    world.carrier.was_asked(2 * owed).await;
    proxy.heal().await;
    until_all_is_home(&lost.server.url).await;
    assert_eq!(lost.server.stop(), Some(0), "SIGTERM ends a node cleanly");
    let history = world.ends(leading).await;
    assert_eq!((history.book.texts.len(), history.book.attempts.len()), (owed, 2 * owed));
    assert!(history.book.texts.iter().all(|text| text.possible_duplicate && text.state == "accepted"));
}

/// It is on the disk of a node that was killed while it sent it, and does not lead when it is started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_was_sending_when_it_died_is_known_to_the_others_after_its_next_start() {
    for (repeated, nodes) in [(true, 2), (false, 1)] {
        let Some(Apart { world, leading, proxy, lost, owed }) = Apart::alarmed(repeated, false).await else { return };
        world.carrier.was_asked(nodes * owed).await;
        lost.server.kill();
        drop(proxy);
        let again = world.node_on(lost.data);
        until_all_is_home(&again.server.url).await;
        assert_eq!(again.server.stop(), Some(0), "SIGTERM ends a node cleanly");
        let history = world.ends(leading).await;
        assert_eq!((history.book.texts.len(), history.book.attempts.len()), (owed, nodes * owed), "{repeated}");
    }
}
