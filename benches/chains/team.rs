//! Replicas of the agent that has the tool.

use crate::{
    IN_FLIGHT,
    tool::{Chain, Parts, Steps},
};
use anyhow::Context as _;
use benches::Place;
use runtime::{Hints, Jobs, Running, Service, Store, Toolbox, job::Timing};
use std::{sync::Arc, time::Duration};

/// Replicas at work, each with a pool of its own and hints over Redis. Several share one process: on two cores that changes
/// little, and what they share in a cluster, the store, is what they share here.
pub(crate) struct Team {
    jobs: Vec<Jobs>,
    running: Vec<Running>,
    parts: Arc<Parts>,
}

impl Team {
    pub(crate) async fn start(place: &Place, replicas: usize, steps: Steps) -> anyhow::Result<Self> {
        let mut team = Self { jobs: Vec::new(), running: Vec::new(), parts: Arc::default() };
        let slots = IN_FLIGHT.div_ceil(replicas);
        for _ in 0..replicas {
            let store = Store::open(&place.store(u32::try_from(slots.max(8))?)).await?;
            let hints = if replicas == 1 {
                Hints::in_process()
            } else {
                Hints::over_redis(&std::env::var("YONIN_TEST_REDIS").context("`./dev bench` starts a Redis")?)?
            };
            let service = Service::new("chains", Toolbox::new().long(Chain(steps, Arc::clone(&team.parts))))
                .store(store)
                .hints(hints);
            let bound = service.worker(slots, Timing::default()).bind(([127, 0, 0, 1], 0).into()).await?;
            team.jobs.push(bound.jobs().context("it has a store")?.clone());
            team.running.push(bound.start());
        }
        Ok(team)
    }

    /// The replica that a client talks to.
    pub(crate) fn jobs(&self, client: usize) -> Jobs {
        self.jobs[client % self.jobs.len()].clone()
    }

    /// Where the time went.
    pub(crate) async fn stop(self) -> Arc<Parts> {
        for running in self.running {
            running.stop(Duration::from_secs(5)).await;
        }
        self.parts
    }
}
