//! Secrets that the replicas of an agent share.

use super::{
    Store, StoreError,
    database::{Sql, Value, again},
};
use rand::Rng as _;

/// A secret's length, in bytes.
const LENGTH: usize = 32;

impl Store {
    /// The agent's secret of this name, the same for all its replicas and for as long as the store lasts. Whoever asks first makes
    /// it; of those who ask first together, one does.
    pub(crate) async fn secret(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let known = Sql::new("select secret from secrets where agent = ? and name = ?").bind(&*self.agent).bind(name);
        let mut fresh = vec![0_u8; LENGTH];
        rand::rng().fill_bytes(&mut fresh);
        again(|| async {
            if let Some(row) = self.database.row(&known).await? {
                return row.get("secret");
            }
            let make = Sql::new("insert into secrets (agent, name, secret, made_at) values (?, ?, ?, {now})");
            let make = make.bind(&*self.agent).bind(name).bind(Value::Bytes(Some(fresh.clone())));
            self.database.execute(&make).await?;
            Ok(fresh.clone())
        })
        .await
    }
}
