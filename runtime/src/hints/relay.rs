//! Hints between processes, over a Redis channel. Nothing is kept there: what is lost while Redis is away, flushed or cut off is
//! made good by the next poll.

use super::{Hint, Hints};
use futures::StreamExt as _;
use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use std::time::Duration;
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, interval, sleep, timeout},
};

/// Where all processes of an installation speak and listen.
const CHANNEL: &str = "yonin.hints";

/// How long Redis has for an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How often a process speaks to itself through Redis, to learn whether it can be heard.
const BEAT: Duration = Duration::from_secs(2);

/// A process that does not hear itself for so long connects anew.
const SILENCE: Duration = Duration::from_secs(7);

/// Pauses between attempts to connect, doubled up to the second one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Hints that are published at once.
const BATCH: usize = 256;

/// Passes hints on, in both directions, for as long as the process lives.
pub(super) async fn run(client: Client, hints: Hints, mut outgoing: Receiver<Hint>) {
    let me = format!("{:016x}", rand::random::<u64>());
    let mut pause = PAUSES.0;
    metrics::gauge!("yonin_hints_connected").set(0.0);
    loop {
        let began = Instant::now();
        let error = match relay(&client, &hints, &mut outgoing, &me).await {
            Ok(()) => return,
            Err(error) => error,
        };
        metrics::gauge!("yonin_hints_connected").set(0.0);
        if began.elapsed() > SILENCE {
            pause = PAUSES.0;
        }
        tracing::warn!(%error, "Hints don't get through: work goes on by polling");
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("Redis closed the connection")]
    Closed,
    #[error("nothing was heard for {} s", SILENCE.as_secs())]
    Silent,
}

/// Ends well when nobody sends any more.
async fn relay(client: &Client, hints: &Hints, outgoing: &mut Receiver<Hint>, me: &str) -> Result<(), Cut> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
    let mut speaker = client.get_multiplexed_async_connection_with_config(&config).await?;
    // A connection of its own, without a limit on how long nothing comes.
    let mut listener = timeout(ANSWER, client.get_async_pubsub()).await.map_err(|_| Cut::Silent)??;
    timeout(ANSWER, listener.subscribe(CHANNEL)).await.map_err(|_| Cut::Silent)??;
    metrics::gauge!("yonin_hints_connected").set(1.0);
    tracing::info!("Hints pass between processes");
    let mut messages = listener.on_message();
    let (mut beats, mut heard) = (interval(BEAT), Instant::now());
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = outgoing.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return Ok(());
                }
                speak(&mut speaker, me, batch.drain(..).map(|hint| hint.to_string())).await?;
            }
            message = messages.next() => {
                let message: String = message.ok_or(Cut::Closed)?.get_payload()?;
                match message.split_once(' ') {
                    Some((from, _)) if from == me => heard = Instant::now(),
                    Some((_, hint)) => hints.hear(hint),
                    None => {}
                }
            }
            _ = beats.tick() => {
                if heard.elapsed() > SILENCE {
                    return Err(Cut::Silent);
                }
                speak(&mut speaker, me, ["beat".to_owned()]).await?;
            }
        }
    }
}

async fn speak(
    speaker: &mut MultiplexedConnection,
    me: &str,
    hints: impl IntoIterator<Item = String>,
) -> Result<(), RedisError> {
    let mut pipeline = redis::pipe();
    for hint in hints {
        pipeline.publish(CHANNEL, format!("{me} {hint}")).ignore();
    }
    pipeline.query_async(speaker).await
}
