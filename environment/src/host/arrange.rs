//! Rows of a preview, changed for a check.

use super::{
    Host, HostError,
    database::{Account, Rights},
    environment::Shared,
    names::Names,
    state::AppState,
};
use crate::client::changes_rows;
use chrono::Utc;
use protocol::{
    Code, Problem,
    tools::host::{ArrangeInput, Arranged},
};

impl Host {
    /// Changes rows of a preview with one statement, under the account of the preview's own PHP. A writer that another one has
    /// followed is refused, as everywhere.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when the statement is none that only changes rows of one of the app's tables, or the server refuses it;
    /// [`Code::PreviewGone`], [`Code::StaleEpoch`], or what the world says.
    pub async fn arrange(&self, input: ArrangeInput) -> Result<Arranged, Problem> {
        changes_rows(&input.statement).map_err(|why| Code::BadRequest.problem(why))?;
        let app = self.0.state_of_preview(&input.preview)?.app;
        let act =
            self.act(&app, input.epoch, None, move |shared, state| async move { shared.arrange(&state, input).await });
        Ok(act.await?)
    }
}

impl Shared {
    async fn arrange(&self, state: &AppState, input: ArrangeInput) -> Result<Arranged, HostError> {
        let preview = self.known_preview(state, &input.preview, Utc::now())?;
        let names = Names::of_preview(&preview.name);
        let account = Account {
            user: names.user,
            password: self.preview_home(&preview).accounts()?.user,
            schema: names.schema.as_str().to_owned(),
            rights: Rights::ReadWrite,
        };
        Ok(self.database.arrange(&account, &input.statement, &input.params).await?)
    }
}
