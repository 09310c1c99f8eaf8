//! What an app and a preview are called in MySQL and Redis. No two places ever share a name.

use protocol::{AppName, Digest, PreviewName, tools::host::Place};

/// MySQL and MariaDB cut no name silently, but refuse users longer than this.
const MAX_USER: usize = 32;

/// A MySQL schema that the host made: `app_shop`, `pv_4f...`. Needs back-quotes in SQL, since app names may hold `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaName(String);

impl SchemaName {
    /// The name as text, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The preview whose schema this is, if it is one's; used to find orphans.
    #[must_use]
    pub fn preview(&self) -> Option<PreviewName> {
        self.0.strip_prefix("pv_")?.parse().ok()
    }

    /// `app` or `preview`: whose schema this is.
    pub(crate) fn kind(&self) -> &'static str {
        kind(&self.0)
    }

    /// A schema of this name if the host could have made it.
    #[must_use]
    pub fn recognise(text: &str) -> Option<Self> {
        let known = match text.split_once('_') {
            Some(("app", name)) => name.parse::<AppName>().is_ok(),
            Some(("pv", name)) => name.parse::<PreviewName>().is_ok(),
            _ => false,
        };
        known.then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Display for SchemaName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that one app, or one preview, is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Its schema.
    pub schema: SchemaName,
    /// The MySQL and Redis user that its PHP works as: reads and writes. At most 32 characters.
    pub user: String,
    /// The MySQL and Redis user that only reads. At most 32 characters.
    pub reader: String,
    /// What every key of its starts with, colon included.
    pub prefix: String,
}

impl Names {
    /// Those of the live app.
    #[must_use]
    pub fn of_app(app: &AppName) -> Self {
        Self {
            schema: SchemaName(format!("app_{app}")),
            user: user("app", app.as_str()),
            reader: user("ro", app.as_str()),
            prefix: format!("app:{app}:"),
        }
    }

    /// Those of a preview. The prefix is `pv:...`, since `app:pv-...:` could be an app's.
    #[must_use]
    pub fn of_preview(preview: &PreviewName) -> Self {
        Self {
            schema: SchemaName(format!("pv_{preview}")),
            user: format!("pv_{preview}"),
            reader: format!("pvr_{preview}"),
            prefix: format!("pv:{preview}:"),
        }
    }

    /// Those of a place.
    #[must_use]
    pub fn of(place: &Place) -> Self {
        match place {
            Place::Live(app) => Self::of_app(app),
            Place::Preview(preview) => Self::of_preview(preview),
        }
    }
}

/// `app` or `preview`: whose schema this is.
pub(super) fn kind(schema: &str) -> &'static str {
    if schema.starts_with("pv_") { "preview" } else { "app" }
}

/// `kind_name`, or where that is too long a digest in place of the end. An app's name holds no `_`, so the two forms
/// never meet.
fn user(kind: &str, name: &str) -> String {
    let plain = format!("{kind}_{name}");
    if plain.len() <= MAX_USER {
        return plain;
    }
    let digest = Digest::of_bytes(name.as_bytes()).short();
    let kept = MAX_USER - digest.len() - 1;
    format!("{}_{digest}", &plain[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_fit_and_stay_apart() {
        let long: AppName = "a".repeat(31).parse().expect("a name");
        let twin: AppName = format!("{}b", "a".repeat(30)).parse().expect("a name");
        let (long, twin) = (Names::of_app(&long), Names::of_app(&twin));
        assert!(long.user.len() <= MAX_USER && long.reader.len() <= MAX_USER);
        assert_ne!(long.user, twin.user);
        assert_ne!(long.user, long.reader);
    }

    #[test]
    fn an_app_cannot_be_named_into_a_previews_keys() {
        let preview: PreviewName = "a".repeat(26).parse().expect("a name");
        let app: AppName = format!("pv-{preview}").parse().expect("a name");
        assert!(!Names::of_app(&app).prefix.starts_with(&Names::of_preview(&preview).prefix));
        assert_ne!(Names::of_app(&app).schema, Names::of_preview(&preview).schema);
    }

    #[test]
    fn only_own_schemas_are_recognised() {
        assert!(SchemaName::recognise("app_my-shop").is_some());
        assert!(SchemaName::recognise(&format!("pv_{}", "a".repeat(26))).and_then(|name| name.preview()).is_some());
        for foreign in ["mysql", "app_", "pv_short", "information_schema", "app_Shop"] {
            assert!(SchemaName::recognise(foreign).is_none(), "{foreign}");
        }
    }
}
