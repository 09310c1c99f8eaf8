//! API keys of people. The keys themselves are nowhere: a row has a key's hash.

use super::{
    Store, StoreError,
    claim::micros,
    database::{Row, Sql, again, alone},
    read::{moment, unreadable},
};
use crate::credentials::Fingerprint;
use protocol::{
    KeyId, KeyName, Role,
    keys::{KeyRecord, KeySource, KeyState},
};
use std::time::Duration;

/// A key is noted as used once in this time.
const NOTED: Duration = Duration::from_secs(60);

/// A key that is about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewApiKey {
    pub(crate) id: KeyId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: KeyName,
    pub(crate) role: Role,
    pub(crate) created_by: String,
    pub(crate) lives: Option<Duration>,
}

/// A key that opens something at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveKey {
    pub(crate) id: KeyId,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// For how long it still does.
    pub(crate) lives: Option<Duration>,
    /// It was not noted as used within the last minute.
    pub(crate) unnoted: bool,
}

/// Which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    One(KeyId),
    AllOf(String),
}

impl Store {
    /// Writes a key.
    pub(crate) async fn insert_api_key(&self, key: &NewApiKey) -> Result<(), StoreError> {
        self.database.execute(&key.insertion(&self.agent)).await.map(drop)
    }

    /// Writes a key whose name has none. `false` when it has some: of any number that are made at once, one is the first.
    pub(crate) async fn insert_first_api_key(&self, key: &NewApiKey) -> Result<bool, StoreError> {
        let of_name = Sql::new("select 1 from api_keys where agent = ? and name = ? limit 1");
        let of_name = of_name.bind(&*self.agent).bind(key.name.as_str());
        alone(|| async {
            let mut tx = self.database.begin().await?;
            tx.one_at_a_time().await?;
            if tx.row(&of_name).await?.is_some() {
                return Ok(false);
            }
            tx.execute(&key.insertion(&self.agent)).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// The key with this fingerprint, if it has neither ended nor been revoked.
    pub(crate) async fn live_api_key(&self, fingerprint: &Fingerprint) -> Result<Option<LiveKey>, StoreError> {
        let sql = Sql::new(
            "select id, name, role, expires_at - {now} as lives, case when last_used_at >= {now} - ? then 0 else 1 end as unnoted
             from api_keys where agent = ? and fingerprint = ? and revoked_at is null
             and (expires_at is null or expires_at > {now})",
        );
        let sql = sql.bind(micros(NOTED)).bind(&*self.agent).bind(fingerprint.as_bytes().to_vec());
        let row = self.database.row(&sql).await?;
        row.map(|row| {
            let lives: Option<i64> = row.get("lives")?;
            Ok(LiveKey {
                id: id(&row)?,
                name: row.get("name")?,
                role: role(&row)?,
                lives: lives.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))),
                unnoted: row.get::<i64>("unnoted")? != 0,
            })
        })
        .transpose()
    }

    /// Notes that a key was used, once a minute however many say so.
    pub(crate) async fn note_use(&self, key: KeyId) -> Result<(), StoreError> {
        let sql = Sql::new(
            "update api_keys set last_used_at = {now}
             where id = ? and agent = ? and (last_used_at is null or last_used_at < {now} - ?)",
        );
        let sql = sql.bind(key.as_bytes().to_vec()).bind(&*self.agent).bind(micros(NOTED));
        self.database.execute(&sql).await.map(drop)
    }

    /// Revokes keys. Those that were revoked before stay as they are.
    pub(crate) async fn revoke_api_keys(&self, which: &Which) -> Result<(), StoreError> {
        let sql = Sql::new(format!(
            "update api_keys set revoked_at = {{now}} where agent = ? and revoked_at is null and {} = ?",
            which.column()
        ));
        let sql = which.bind(sql.bind(&*self.agent));
        again(|| self.database.execute(&sql)).await.map(drop)
    }

    /// What is known of these keys, or of all, the newest first.
    pub(crate) async fn api_keys(&self, which: Option<&Which>) -> Result<Vec<KeyRecord>, StoreError> {
        let condition = which.map_or(String::new(), |which| format!("and {} = ?", which.column()));
        let sql = Sql::new(format!(
            "select *, case when expires_at <= {{now}} then 1 else 0 end as expired from api_keys where agent = ? {condition}
             order by id desc"
        ));
        let sql = sql.bind(&*self.agent);
        let sql = match which {
            Some(which) => which.bind(sql),
            None => sql,
        };
        self.database.rows(&sql).await?.iter().map(record).collect()
    }

    /// Forgets keys that opened nothing any more for this long.
    pub(super) async fn remove_api_keys(&self, retention: Duration) -> Result<u64, StoreError> {
        let sql =
            Sql::new("delete from api_keys where agent = ? and (revoked_at < {now} - ? or expires_at < {now} - ?)");
        self.database.execute(&sql.bind(&*self.agent).bind(micros(retention)).bind(micros(retention))).await
    }
}

impl NewApiKey {
    fn insertion(&self, agent: &str) -> Sql {
        let sql = Sql::new(
            "insert into api_keys (id, agent, fingerprint, name, role, created_by, created_at, expires_at)
             values (?, ?, ?, ?, ?, ?, {now}, {now} + ?)",
        );
        sql.bind(self.id.as_bytes().to_vec())
            .bind(agent)
            .bind(self.fingerprint.as_bytes().to_vec())
            .bind_all([self.name.as_str(), self.role.as_str(), &self.created_by])
            // Something and null is null: it never expires.
            .bind(self.lives.map(micros))
    }
}

impl Which {
    fn column(&self) -> &'static str {
        match self {
            Self::One(_) => "id",
            Self::AllOf(_) => "name",
        }
    }

    fn bind(&self, sql: Sql) -> Sql {
        match self {
            Self::One(id) => sql.bind(id.as_bytes().to_vec()),
            Self::AllOf(name) => sql.bind(name.as_str()),
        }
    }
}

fn record(row: &Row) -> Result<KeyRecord, StoreError> {
    let at = |column| row.get::<Option<i64>>(column)?.map(moment).transpose();
    let revoked_at = at("revoked_at")?;
    let state = match (revoked_at, row.get::<i64>("expired")? != 0) {
        (Some(_), _) => KeyState::Revoked,
        (None, true) => KeyState::Expired,
        (None, false) => KeyState::Active,
    };
    Ok(KeyRecord {
        id: Some(id(row)?),
        name: row.get("name")?,
        role: role(row)?,
        state,
        source: KeySource::Store,
        created_by: Some(row.get("created_by")?),
        created_at: at("created_at")?,
        expires_at: at("expires_at")?,
        last_used_at: at("last_used_at")?,
        revoked_at,
    })
}

fn id(row: &Row) -> Result<KeyId, StoreError> {
    let bytes: Vec<u8> = row.get("id")?;
    Ok(KeyId::from_bytes(bytes.try_into().map_err(|_| unreadable("a key's id"))?))
}

fn role(row: &Row) -> Result<Role, StoreError> {
    row.get::<String>("role")?.parse().map_err(|_| unreadable("a role"))
}
