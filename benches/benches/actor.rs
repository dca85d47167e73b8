//! What an actor costs beside a raw tokio task with a channel: starting one, and asking one. What a live call weighs
//! is printed by the binary `live_calls`.

use criterion::{Criterion, criterion_group, criterion_main};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::{mpsc, oneshot};

struct Bare;

struct Ask(RpcReplyPort<u64>);

impl Actor for Bare {
    type Msg = Ask;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Ask>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Ask>, Ask(reply): Ask, count: &mut u64) -> Result<(), ActorProcessingErr> {
        *count += 1;
        let _ = reply.send(*count);
        Ok(())
    }
}

type Raw = mpsc::UnboundedSender<oneshot::Sender<u64>>;

fn start_raw() -> Raw {
    let (sender, mut receiver) = mpsc::unbounded_channel::<oneshot::Sender<u64>>();
    tokio::spawn(async move {
        let mut count = 0;
        while let Some(reply) = receiver.recv().await {
            count += 1;
            let _ = reply.send(count);
        }
    });
    sender
}

async fn ask_raw(task: &Raw) -> u64 {
    let (reply, answer) = oneshot::channel();
    task.send(reply).expect("the task lives");
    answer.await.expect("the task answers")
}

async fn start_bare() -> ActorRef<Ask> {
    Actor::spawn(None, Bare, ()).await.expect("an actor starts").0
}

async fn ask_bare(actor: &ActorRef<Ask>) -> u64 {
    ractor::call!(actor, Ask).expect("the actor answers")
}

fn actor(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("actor_spawn_and_first_answer");
    group.bench_function("tokio_task", |bencher| {
        bencher.to_async(&runtime).iter(|| async { ask_raw(&start_raw()).await });
    });
    group.bench_function("ractor", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let actor = start_bare().await;
            let answer = ask_bare(&actor).await;
            actor.stop(None);
            answer
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("actor_ask");
    let task = runtime.block_on(async { start_raw() });
    group.bench_function("tokio_task", |bencher| bencher.to_async(&runtime).iter(|| ask_raw(&task)));
    let bare = runtime.block_on(start_bare());
    group.bench_function("ractor", |bencher| bencher.to_async(&runtime).iter(|| ask_bare(&bare)));
    group.finish();
}

criterion_group!(benches, actor);
criterion_main!(benches);
