//! What nobody needs any more goes: previews that have expired, and what a host that was killed left of others.

use super::{Host, HostError, environment::Shared, names::SchemaName};
use chrono::Utc;
use protocol::{AppName, PreviewName};
use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Weak},
    time::Duration,
};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);

impl Host {
    /// Looks after the previews for as long as the host lives.
    pub(super) fn keep_tidy(&self) {
        let shared = Arc::downgrade(&self.0);
        tokio::spawn(look_after(shared));
    }
}

async fn look_after(host: Weak<Shared>) {
    let mut clock = tokio::time::interval(EVERY);
    loop {
        clock.tick().await;
        let Some(shared) = host.upgrade() else { return };
        if let Err(error) = shared.reap().await {
            tracing::warn!(error = %error, "Previews that are over stay behind; it is tried again in a minute");
        }
    }
}

impl Shared {
    async fn reap(&self) -> Result<(), HostError> {
        let states = self.states()?;
        for state in &states {
            if state.previews.iter().any(|preview| preview.expires_at <= Utc::now())
                && let Err(error) = self.reap_app(&state.app).await
            {
                tracing::warn!(app.name = %state.app, error = %error, "A preview that has expired stays behind");
            }
        }
        // Listed before the states are read: a preview is in its app's state before anything of it is made, so none that is being
        // opened now can look like a leftover.
        let made = self.made().await?;
        let known: BTreeSet<_> =
            self.states()?.into_iter().flat_map(|state| state.previews).map(|one| one.name).collect();
        for name in made.into_iter().filter(|name| !known.contains(name)) {
            tracing::info!(preview.name = %name, "Removing what is left of a preview");
            self.remove_preview(&name).await?;
        }
        Ok(())
    }

    async fn reap_app(&self, app: &AppName) -> Result<(), HostError> {
        let _quiet = self.turns.quiet(app).await;
        let Some(mut state) = self.state(app)? else { return Ok(()) };
        // Whoever began it has had a day to go on with it, and can no more without the preview.
        self.recover(&mut state).await?;
        let over: Vec<PreviewName> =
            state.previews.iter().filter(|one| one.expires_at <= Utc::now()).map(|one| one.name.clone()).collect();
        for name in over {
            self.close_preview(&mut state, &name).await?;
        }
        Ok(())
    }

    /// Previews that have a directory, a pool or a schema.
    async fn made(&self) -> Result<BTreeSet<PreviewName>, HostError> {
        let dir = self.config.root.join("previews");
        let entries = fs::read_dir(&dir).map_err(HostError::file("cannot list", &dir))?;
        let directories = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let pools = self.pools.names()?.into_iter().filter_map(|name| name.strip_prefix("pv-")?.parse().ok());
        let schemas = self.database.schemas().await?;
        let schemas = schemas.iter().filter_map(|name| SchemaName::recognise(name)?.preview());
        Ok(directories.chain(pools).chain(schemas).collect())
    }
}
