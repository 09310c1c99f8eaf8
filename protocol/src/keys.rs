//! Bodies of `/v1/keys`: API keys, without the keys themselves.

use crate::{Code, KeyId, KeyName, Problem, Role, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/keys`: a new key for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Whom it is for. Tasks belong to the name, whichever of its keys submitted them.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    pub name: KeyName,
    /// What its holder may do.
    #[serde(default)]
    pub role: Role,
    /// Seconds after which it opens nothing any more, 60 to 315,360,000 (ten years); never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// The name has keys already, and this is one more of the same caller. Without it such a name is refused, so that nobody gets
    /// somebody else's tasks by accident.
    #[serde(default)]
    pub another: bool,
}

impl CreateKey {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`Code::BadRequest`].
    pub fn validate(&self) -> Result<(), Problem> {
        match self.expires_in_seconds {
            Some(seconds) if !(60..=315_360_000).contains(&seconds) => {
                Err(Code::BadRequest.problem("expires_in_seconds is 60 to 315360000"))
            }
            _ => Ok(()),
        }
    }
}

/// A key that was just made. The only answer that ever holds the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct NewKey {
    /// The key, for `Authorization: Bearer KEY`. Nobody can show it again.
    pub key: String,
    /// What is known of it.
    #[serde(flatten)]
    pub about: KeyRecord,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct KeyRecord {
    /// Its id; a key from the configuration has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<KeyId>,
    /// Whom it belongs to.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Whether it opens anything.
    pub state: KeyState,
    /// Where it comes from, and so where it can be taken back.
    pub source: KeySource,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last seen at work, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// Whether a key opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

impl KeyState {
    /// As it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// Made with `POST /v1/keys`, kept by its hash.
    Store,
    /// Given in the configuration (`YONIN_API_KEYS`), and taken back there.
    Configuration,
}

/// `GET /v1/keys`, and the keys that `DELETE /v1/keys/{name or id}` was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct KeyList {
    /// Those of the configuration first, then the newest.
    pub keys: Vec<KeyRecord>,
}
