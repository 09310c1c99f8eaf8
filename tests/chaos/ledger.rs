//! Looks at the store from the side, with the server's own client.

use crate::history::{History, JobSeen};
use runtime::store::StoreLocation;
use std::{sync::Arc, time::Duration};
use tests::cluster::look;
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};

const LOOK: &str =
    "select hex(id), state, fence, events, md5(concat(coalesce(outcome, ''), coalesce(checkpoint, ''))) from jobs";

/// Looks again and again until told to stop, and once more.
pub(crate) fn watch(store: StoreLocation, history: Arc<History>, stopping: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let is_last = *stopping.borrow();
            // While the server is down there is nothing to see.
            let store = store.clone();
            if let Some(rows) = spawn_blocking(move || look(&store, LOOK)).await.expect("it does not panic") {
                history.looked(rows.iter().map(|row| job(row).expect("five cells")).collect());
            }
            if is_last && history.open().is_empty() {
                return;
            }
            sleep(Duration::from_millis(250)).await;
        }
    })
}

fn job(line: &str) -> Option<(String, JobSeen)> {
    let mut cells = line.split('\t');
    let id = cells.next()?.to_owned();
    let state = cells.next()?.to_owned();
    let (fence, events) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    Some((id, JobSeen { state, fence, events, outcome: cells.next()?.to_owned() }))
}
