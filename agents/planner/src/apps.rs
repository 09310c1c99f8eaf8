use protocol::{
    AppName, Code, Problem,
    artifact::Release,
    rest::{App, AppList, ReleaseList},
    tools::coder::{AppSnapshot, INSPECT_APP, InspectAppInput, InspectAppOutput},
};
use runtime::Peer;

/// The apps, as the Coder knows them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Apps {
    coder: Peer,
}

impl Apps {
    pub(crate) fn new(coder: Peer) -> Self {
        Self { coder }
    }

    /// Every app, by name.
    pub(crate) async fn list(&self) -> Result<AppList, Problem> {
        let mut apps: Vec<_> = self.inspect(None).await?.into_iter().map(app).collect();
        apps.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(AppList { apps })
    }

    /// One app.
    pub(crate) async fn get(&self, name: &AppName) -> Result<App, Problem> {
        Ok(app(self.snapshot(name).await?))
    }

    /// The releases of an app that are kept, newest first.
    pub(crate) async fn releases(&self, name: &AppName) -> Result<ReleaseList, Problem> {
        let releases: Vec<Release> = self.snapshot(name).await?.releases;
        Ok(ReleaseList { releases })
    }

    async fn snapshot(&self, name: &AppName) -> Result<AppSnapshot, Problem> {
        let apps = self.inspect(Some(name.clone())).await?;
        let found = apps.into_iter().find(|snapshot| snapshot.app == *name);
        found.ok_or_else(|| Code::NotFound.problem(format!("there is no app {name}; a first task creates it")))
    }

    async fn inspect(&self, app: Option<AppName>) -> Result<Vec<AppSnapshot>, Problem> {
        let output: InspectAppOutput =
            self.coder.call(INSPECT_APP, &InspectAppInput { app, files: Vec::new() }).await?;
        Ok(output.apps)
    }
}

fn app(snapshot: AppSnapshot) -> App {
    App { name: snapshot.app, url: snapshot.url, live: snapshot.live }
}
