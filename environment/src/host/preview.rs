//! Private branches: opened, filled, put back, closed.

use super::{
    Host, HostError, atomic,
    database::MigrateOptions,
    environment::{Missing, Shared, gone, on_files},
    home::Home,
    names::Names,
    releases::{Keeping, Source},
    state::{AppState, Preview, PreviewKind, StagedRelease},
};
use chrono::{TimeDelta, Utc};
use protocol::{
    Code, Digest, PreviewName, Problem, Timestamp,
    artifact::{ChangeSet, Migration, Statement},
    tools::{
        Epoch, PreviewRef,
        host::{ClosePreviewsInput, Done, OpenPreviewInput, Place, PreviewInput, Reset, StageReleaseInput, Staged},
    },
};
use runtime::fail;
use std::{fs, path::PathBuf};

/// A preview ends by itself so many hours after it was last opened.
const HOURS: i64 = 24;

impl Host {
    /// Opens the task's preview for a change-set, or finds it.
    ///
    /// # Errors
    /// [`Code::BaseMoved`], [`Code::StaleEpoch`], or what the world says.
    pub async fn open_preview(&self, input: OpenPreviewInput) -> Result<PreviewRef, Problem> {
        self.open(input, PreviewKind::Change).await
    }

    /// Opens the task's preview of the live release as it is, or finds it.
    ///
    /// # Errors
    /// As [`Host::open_preview`]; [`Code::NoSuchRelease`] when nothing is live.
    pub async fn open_base_preview(&self, input: OpenPreviewInput) -> Result<PreviewRef, Problem> {
        self.open(input, PreviewKind::Base).await
    }

    async fn open(&self, input: OpenPreviewInput, kind: PreviewKind) -> Result<PreviewRef, Problem> {
        let (app, epoch) = (input.app.clone(), input.epoch);
        let act = self.act_on(&app, epoch, Missing::Make, None, move |shared, state| async move {
            shared.open_preview(state, &input, kind).await
        });
        Ok(act.await?)
    }

    /// Puts a change-set into a preview.
    ///
    /// # Errors
    /// [`Code::PreviewGone`], [`Code::BaseMoved`], what is wrong with the change-set, or what the world says.
    pub async fn stage_release(&self, input: StageReleaseInput) -> Result<Staged, Problem> {
        input.change_set.validate()?;
        let app = self.0.state_of_preview(&input.preview)?.app;
        let act =
            self.act(&app, input.epoch, None, move |shared, state| async move { shared.stage(state, input).await });
        Ok(act.await?)
    }

    /// Puts a preview's schema and keys back to what they were right after staging.
    ///
    /// # Errors
    /// [`Code::PreviewGone`], [`Code::StaleEpoch`], or what the world says.
    pub async fn reset_preview(&self, input: PreviewInput) -> Result<Reset, Problem> {
        let app = self.0.state_of_preview(&input.preview)?.app;
        let act = self.act(&app, input.epoch, None, move |shared, state| async move {
            shared.reset(state, &input.preview, input.epoch).await
        });
        Ok(act.await?)
    }

    /// Closes every preview of a task.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`], or what the world says.
    pub async fn close_previews(&self, input: ClosePreviewsInput) -> Result<Done, Problem> {
        if self.0.state(&input.app)?.is_none() {
            return Ok(Done {});
        }
        let app = input.app.clone();
        let act = self.act(&app, input.epoch, None, move |shared, mut state| async move {
            let over = state.end_previews(input.task, Utc::now());
            shared.save(&state)?;
            for name in over {
                shared.close_preview(&mut state, &name).await?;
            }
            Ok(Done {})
        });
        Ok(act.await?)
    }
}

impl Shared {
    async fn open_preview(
        &self,
        mut state: AppState,
        input: &OpenPreviewInput,
        kind: PreviewKind,
    ) -> Result<PreviewRef, HostError> {
        state.expect_live(input.base)?;
        self.make_app(&state).await?;
        let known = |preview: &&Preview| preview.task == input.task && preview.kind == kind;
        let preview = match state.previews.iter().find(known).cloned() {
            Some(known) if known.base == input.base && known.expires_at > Utc::now() => {
                self.renew(&mut state, known)?
            }
            Some(past) => {
                self.close_preview(&mut state, &past.name).await?;
                self.fresh_preview(&mut state, input, kind)?
            }
            None => self.fresh_preview(&mut state, input, kind)?,
        };
        if !preview.ready {
            let caveats = self.make_preview(&state, &preview).await?;
            let ready = Preview { ready: true, fresh: true, caveats, ..preview.clone() };
            replace(&mut state, ready);
            self.save(&state)?;
            fail::point("record.after", "preview");
        }
        Ok(self.preview_ref(&preview))
    }

    /// Who opens a preview again begins another round in it, for which it must last.
    fn renew(&self, state: &mut AppState, known: Preview) -> Result<Preview, HostError> {
        let renewed = Preview { expires_at: Utc::now() + TimeDelta::hours(HOURS), ..known };
        replace(state, renewed.clone());
        self.save(state)?;
        Ok(renewed)
    }

    fn fresh_preview(
        &self,
        state: &mut AppState,
        input: &OpenPreviewInput,
        kind: PreviewKind,
    ) -> Result<Preview, HostError> {
        let preview = Preview {
            name: fresh_name(),
            task: input.task,
            kind,
            base: input.base,
            uid: self.fresh_uid(),
            expires_at: Utc::now() + TimeDelta::hours(HOURS),
            ready: false,
            fresh: false,
            caveats: vec![],
            staged: None,
        };
        // Written first: whatever is made from here on has an owner that can be told to remove it.
        state.previews.push(preview.clone());
        self.save(state)?;
        fail::point("name.after", "preview");
        Ok(preview)
    }

    /// Makes all that a preview has. Answers what its data leaves out.
    async fn make_preview(&self, state: &AppState, preview: &Preview) -> Result<Vec<String>, HostError> {
        let (home, names) = (self.preview_home(preview), Names::of_preview(&preview.name));
        let place = home.clone();
        on_files(move || place.make()).await?;
        let caveats = self.branch(state, &names).await?;
        fail::point("schema.after", "preview");
        self.settle(&home, &names).await?;
        if let (PreviewKind::Base, Some(live)) = (preview.kind, state.live_digest()) {
            let (place, source) = (home.clone(), Source { home: self.app_home(state), release: live });
            on_files(move || place.adopt(&source)).await?;
            home.point(Some(live))?;
        }
        self.open_pool(pool_of(&preview.name), &home).await?;
        fail::point("pool.after", "preview");
        Ok(caveats)
    }

    /// Makes a preview's schema a copy of the live one, and its keys none. Answers what the copy leaves out.
    async fn branch(&self, state: &AppState, names: &Names) -> Result<Vec<String>, HostError> {
        let live = Names::of_app(&state.app);
        self.database.drop_schema(names.schema.as_str()).await?;
        self.database.create_schema(names.schema.as_str()).await?;
        let caveats = self.database.clone_schema(live.schema.as_str(), names.schema.as_str()).await?;
        self.cache.clear(&names.prefix).await?;
        Ok(caveats)
    }

    async fn stage(&self, mut state: AppState, input: StageReleaseInput) -> Result<Staged, HostError> {
        let StageReleaseInput { preview: name, change_set, epoch } = input;
        let preview = self.known_preview(&state, &name, Utc::now())?;
        if change_set.app != state.app {
            return Err(Code::BadRequest.problem("the change-set is another app's").into());
        }
        state.expect_live(change_set.base)?;
        let destructive = self.destructive(&state, &change_set.migrations).await?;
        let (home, names) = (self.preview_home(&preview), Names::of_preview(&name));
        let mut caveats = preview.caveats.clone();
        if preview.staged.is_some() || !preview.fresh {
            home.point(None)?;
            caveats = self.branch(&state, &names).await?;
        }
        replace(&mut state, Preview { fresh: false, staged: None, ..preview.clone() });
        self.save(&state)?;
        let digest = change_set.digest();
        let migrations = change_set.migrations.clone();
        let source = change_set.base.map(|release| Source { home: self.app_home(&state), release });
        let place = home.clone();
        let build = on_files(move || {
            write_change_set(&place, &change_set, digest)?;
            place.build(source.as_ref(), &change_set.files, Keeping::Passing)
        });
        let migrate = async {
            let options = MigrateOptions { owner: epoch, pre_images: false };
            Ok::<_, HostError>(self.database.migrate(names.schema.as_str(), &migrations, options).await?)
        };
        // Not `try_join`: a refused migration must not leave the files being written behind it.
        let (release, migrated) = tokio::join!(build, migrate);
        let (release, _) = (release?, migrated?);
        fail::point("files.after", "stage");
        home.point(Some(release))?;
        fail::point("swap.after", "stage");
        let staged = StagedRelease { change_set: digest, release, caveats: caveats.clone() };
        replace(&mut state, Preview { fresh: false, staged: Some(staged), ..preview.clone() });
        self.save(&state)?;
        fail::point("record.after", "stage");
        Ok(Staged { preview: self.preview_ref(&preview), release, destructive, caveats })
    }

    async fn reset(&self, state: AppState, name: &PreviewName, epoch: Epoch) -> Result<Reset, HostError> {
        let preview = self.known_preview(&state, name, Utc::now())?;
        // Also right after staging: a preview has an address, and somebody may have looked at it since.
        let names = Names::of_preview(name);
        let caveats = self.branch(&state, &names).await?;
        fail::point("schema.after", "reset");
        if let Some(staged) = &preview.staged {
            let change_set = self.change_set(&preview, staged.change_set)?;
            let options = MigrateOptions { owner: epoch, pre_images: false };
            self.database.migrate(names.schema.as_str(), &change_set.migrations, options).await?;
        }
        fail::point("migrate.after", "reset");
        Ok(Reset { caveats })
    }

    /// Removes all there is of a preview.
    pub(super) async fn close_preview(&self, state: &mut AppState, name: &PreviewName) -> Result<(), HostError> {
        self.remove_preview(name).await?;
        state.previews.retain(|preview| preview.name != *name);
        self.save(state)?;
        fail::point("record.after", "close");
        Ok(())
    }

    /// Removes what a preview of this name has, whether or not anybody knows of it.
    pub(super) async fn remove_preview(&self, name: &PreviewName) -> Result<(), HostError> {
        let names = Names::of_preview(name);
        self.pools.close(&pool_of(name)).await?;
        fail::point("pool.after", "close");
        self.database.drop_account(&names.user).await?;
        self.database.drop_account(&names.reader).await?;
        fail::point("account.after", "close");
        self.database.drop_schema(names.schema.as_str()).await?;
        fail::point("schema.after", "close");
        self.cache.drop_user(&names.user).await?;
        self.cache.drop_user(&names.reader).await?;
        fail::point("acl.after", "close");
        self.cache.clear(&names.prefix).await?;
        let dir = self.preview_dir(name);
        on_files(move || gone(atomic::remove_tree(&dir)).map_err(HostError::file("cannot remove", dir))).await?;
        fail::point("files.after", "close");
        Ok(())
    }

    /// A preview that is all there, and was not over at that moment.
    pub(super) fn known_preview(
        &self,
        state: &AppState,
        name: &PreviewName,
        at: Timestamp,
    ) -> Result<Preview, HostError> {
        let found = state.preview(name).filter(|preview| preview.ready && preview.expires_at > at);
        found.cloned().ok_or_else(|| Code::PreviewGone.problem("the preview was closed, or has expired").into())
    }

    /// The change-set that was put into a preview.
    pub(super) fn change_set(&self, preview: &Preview, digest: Digest) -> Result<ChangeSet, HostError> {
        let file = change_set_file(&self.preview_home(preview), digest);
        let bytes = fs::read(&file).map_err(HostError::file("cannot read", &file))?;
        let change_set: ChangeSet = serde_json::from_slice(&bytes)
            .map_err(|error| HostError::file("cannot understand", &file)(std::io::Error::other(error)))?;
        if change_set.digest() == digest {
            return Ok(change_set);
        }
        Err(Code::Internal.problem("the staged change-set is not what it was").into())
    }

    /// Those of an app's next migrations that can lose data or break the code that runs.
    pub(super) async fn destructive(
        &self,
        state: &AppState,
        migrations: &[Migration],
    ) -> Result<Vec<Statement>, HostError> {
        let schema = Names::of_app(&state.app).schema;
        let dangers = self.database.dangers(schema.as_str(), migrations).await?;
        let statement = |(migration, danger): (&Migration, Option<String>)| {
            danger.map(|danger| Statement {
                id: migration.id.clone(),
                sql: migration.sql.clone(),
                checksum: migration.checksum(),
                danger,
            })
        };
        Ok(migrations.iter().zip(dangers).filter_map(statement).collect())
    }

    pub(super) fn preview_home(&self, preview: &Preview) -> Home {
        Home { dir: self.preview_dir(&preview.name), uid: preview.uid }
    }

    fn preview_ref(&self, preview: &Preview) -> PreviewRef {
        PreviewRef {
            name: preview.name.clone(),
            url: self.url(&Place::Preview(preview.name.clone())),
            expires_at: preview.expires_at,
        }
    }
}

/// The name of a preview's pool.
pub(super) fn pool_of(name: &PreviewName) -> String {
    format!("pv-{name}")
}

fn replace(state: &mut AppState, preview: Preview) {
    if let Some(known) = state.preview_mut(&preview.name) {
        *known = preview;
    }
}

fn change_set_file(home: &Home, digest: Digest) -> PathBuf {
    home.dir.join(format!("{}.changes.json", digest.hex()))
}

fn write_change_set(home: &Home, change_set: &ChangeSet, digest: Digest) -> Result<(), HostError> {
    let file = change_set_file(home, digest);
    let text = serde_json::to_vec(change_set).expect("a change-set is JSON");
    atomic::write(&file, &text, 0o600).map_err(HostError::file("cannot write", file))
}

fn fresh_name() -> PreviewName {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let text: String = (0..26).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect();
    text.parse().expect("26 letters and digits are a preview's name")
}
