//! Whoever waits to hear that all is well hears it while it is, and only then.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use engine::ports::Beacon;

use super::*;

#[derive(Default)]
struct Counting {
    pings: AtomicUsize,
    never_answers: bool,
}

#[async_trait]
impl Beacon for Counting {
    async fn ping(&self) -> Result<(), Failure> {
        self.pings.fetch_add(1, Ordering::SeqCst);
        if self.never_answers {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

fn watched(beacon: Counting) -> (World, Arc<Counting>) {
    let beacon = Arc::new(beacon);
    let watch = Watch { beacon: beacon.clone(), every: Duration::from_secs(60) };
    (World { watch: Some(watch), ..World::new() }, beacon)
}

impl Counting {
    fn pings(&self) -> usize {
        self.pings.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn while_all_is_well_it_is_told_once_per_period_however_slow_the_other_side_is() {
    for never_answers in [false, true] {
        let (world, beacon) = watched(Counting { never_answers, ..Counting::default() });
        let system = world.start().await;
        world.at(5).await;
        assert_eq!(beacon.pings(), 1, "at once");
        world.at(305).await;
        assert_eq!(beacon.pings(), 6);
        system.stop(Instant::now()).await;
        let told = beacon.pings();
        world.at(900).await;
        assert_eq!(beacon.pings(), told, "nothing after the end");
    }
}

#[tokio::test(start_paused = true)]
async fn a_p1_whose_text_does_not_leave_withholds_it_until_somebody_has_it() {
    let (world, beacon) = watched(Counting::default());
    let patient = PLAYBOOK.replace("acknowledge_within_s = 60", "acknowledge_within_s = 600");
    let tenants = Tenants::new([Playbook::parse(&patient, "acme.toml").unwrap()]);
    let world = World { provider: Arc::new(MemoryProvider::silent()), tenants, ..world };
    let system = world.start().await;
    world.at(1).await;
    alarm(&system, 1, "P2", "the city is calling").await;
    world.at(125).await;
    assert_eq!(beacon.pings(), 3, "a P2 is none");
    alarm(&system, 2, "P1", "water").await;
    world.at(181).await;
    assert_eq!(beacon.pings(), 4, "it may still leave");
    world.at(305).await;
    assert_eq!(beacon.pings(), 4);
    system.alerts.acknowledge(world.alert().await.id, "jo", How::Api).await.unwrap();
    world.at(365).await;
    assert_eq!(beacon.pings(), 5);
}

#[tokio::test(start_paused = true)]
async fn without_a_sign_of_life_of_every_part_nothing_is_told() {
    let (world, beacon) = watched(Counting::default());
    let system = world.start().await;
    world.at(5).await;
    assert_eq!(beacon.pings(), 1);
    world.memory.cannot_write(true);
    world.at(125).await;
    assert_eq!(beacon.pings(), 1, "the store takes nothing");
    world.memory.cannot_write(false);
    world.at(185).await;
    assert_eq!(beacon.pings(), 2, "all is well again");
    system.stop_sending().await;
    world.at(365).await;
    assert_eq!(beacon.pings(), 2, "nobody sends");
}
