//! Carries a plan out.

use crate::plan::{Blow, Plan};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::SocketAddr,
    time::Duration,
};
use tests::{Cluster, cluster::Role, proxy::Proxy};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, sleep_until},
};

/// What a storm can strike.
pub(crate) struct Storm<'a> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) hints: Proxy,
    /// Behind that.
    pub(crate) redis: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hurt {
    Down,
    Paused,
}

impl Storm<'_> {
    /// Strikes as planned. Afterwards everything is up.
    pub(crate) async fn rage(&mut self, plan: &Plan) {
        let start = Instant::now();
        let mut hurt = BTreeMap::new();
        for (at, blow) in &plan.blows {
            sleep_until(start + *at).await;
            println!("{:6.1} s: {blow:?}", start.elapsed().as_secs_f64());
            self.strike(*blow, &mut hurt).await;
        }
        sleep_until(start + plan.time).await;
        self.hints.admit();
        for (role, index) in hurt.keys().copied().collect::<Vec<_>>() {
            self.strike(Blow::Heal(role, index), &mut hurt).await;
        }
        println!("{:6.1} s: calm", start.elapsed().as_secs_f64());
    }

    async fn strike(&mut self, blow: Blow, hurt: &mut BTreeMap<(Role, usize), Hurt>) {
        match blow {
            Blow::Kill(role, index) | Blow::Stop(role, index) | Blow::Pause(role, index) => {
                // One that is down already can't be hurt more.
                let Entry::Vacant(entry) = hurt.entry((role, index)) else { return };
                let replica = self.cluster.replica(role, index);
                entry.insert(match blow {
                    Blow::Pause(..) => {
                        replica.pause();
                        Hurt::Paused
                    }
                    Blow::Stop(..) => {
                        replica.stop().await;
                        Hurt::Down
                    }
                    _ => {
                        replica.kill();
                        Hurt::Down
                    }
                });
            }
            Blow::Heal(role, index) => match hurt.remove(&(role, index)) {
                Some(Hurt::Down) => self.cluster.replica(role, index).restart(&[]).await,
                Some(Hurt::Paused) => self.cluster.replica(role, index).resume(),
                None => {}
            },
            Blow::CutHints => self.hints.refuse(),
            Blow::MendHints => self.hints.admit(),
            Blow::FlushHints => self.flush().await,
            Blow::CrashStore(time) => {
                self.cluster.store_server().kill();
                sleep(time).await;
                self.cluster.store_server().restart();
            }
            Blow::RestartStore => {
                self.cluster.store_server().stop();
                sleep(Duration::from_millis(100)).await;
                self.cluster.store_server().restart();
            }
        }
    }

    async fn flush(&self) {
        let mut redis = TcpStream::connect(self.redis).await.expect("Redis is there");
        redis.write_all(b"FLUSHALL\r\n").await.expect("it listens");
        let mut answer = [0; 5];
        redis.read_exact(&mut answer).await.expect("it answers");
        assert_eq!(&answer, b"+OK\r\n");
        self.hints.cut();
    }
}
