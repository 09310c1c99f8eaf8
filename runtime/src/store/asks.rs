//! What clients were asked in the middle of a call, and their replies.

use super::{
    Store, StoreError,
    claim::micros,
    database::{Sql, again, alone, places},
    read::unreadable,
};
use crate::Principal;
use protocol::{Digest, JobId};
use std::time::Duration;
use uuid::Uuid;

/// A reply is good for this long after it was asked for, and then forgotten.
const KEPT: Duration = Duration::from_secs(3600);

/// Of what a caller was asked about one subject, this many are remembered: more forms than a person has open.
const MOST_OPEN: u32 = 8;

impl Store {
    /// Notes that this caller's client is asked about the subject. Gives what it replies under, which nobody can guess.
    pub(crate) async fn insert_ask(&self, caller: &Principal, subject: &Digest) -> Result<JobId, StoreError> {
        let id = again(|| async {
            // Another one each time: nobody can tell whether the one before was written.
            let id = JobId::from_bytes(Uuid::new_v4().into_bytes());
            let sql = Sql::new("insert into asks (id, agent, caller, subject, asked_at) values (?, ?, ?, ?, {now})");
            let sql = sql.bind(id.as_bytes().to_vec()).bind_all([&*self.agent, &caller.to_string(), &subject.hex()]);
            self.database.execute(&sql).await.map(|_| id)
        });
        let id = id.await?;
        let oldest = Sql::new(format!(
            "select id from asks where agent = ? and subject = ? and caller = ? and id <> ?
             order by asked_at desc limit 100 offset {}",
            MOST_OPEN - 1
        ));
        let oldest = oldest.bind_all([&*self.agent, &subject.hex(), &caller.to_string()]);
        let oldest = oldest.bind(id.as_bytes().to_vec());
        let oldest = self.database.rows(&oldest).await?;
        self.forget_asks(&oldest.iter().map(|row| row.get("id")).collect::<Result<Vec<_>, _>>()?).await?;
        Ok(id)
    }

    /// Takes a reply down; the same one may come again. False when this caller was asked nothing under this id, or has given another.
    pub(crate) async fn note_reply(&self, id: JobId, caller: &Principal, reply: &str) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "update asks set reply = ? where id = ? and agent = ? and caller = ? and (reply is null or reply = ?)
             and asked_at > {now} - ?",
        );
        let sql = sql.bind(reply).bind(id.as_bytes().to_vec());
        let sql = sql.bind_all([&*self.agent, &caller.to_string(), reply]).bind(micros(KEPT));
        Ok(again(|| self.database.execute(&sql)).await? > 0)
    }

    /// What was replied under this id.
    pub(crate) async fn reply_under(&self, id: JobId) -> Result<Option<String>, StoreError> {
        let sql = Sql::new("select reply from asks where id = ? and agent = ? and reply is not null");
        let row = self.database.row(&sql.bind(id.as_bytes().to_vec()).bind(&*self.agent)).await?;
        row.map(|row| row.get("reply")).transpose()
    }

    /// What this caller replied about the subject and nobody has made use of, the oldest first.
    pub(crate) async fn replies_about(
        &self,
        caller: &Principal,
        subject: &Digest,
    ) -> Result<Vec<(JobId, String)>, StoreError> {
        let sql = Sql::new(
            "select id, reply from asks where agent = ? and subject = ? and caller = ? and reply is not null
             and asked_at > {now} - ? order by asked_at",
        );
        let sql = sql.bind_all([&*self.agent, &subject.hex(), &caller.to_string()]).bind(micros(KEPT));
        let rows = self.database.rows(&sql).await?;
        let reply = |row: &super::database::Row| {
            let id: Vec<u8> = row.get("id")?;
            let id = JobId::from_bytes(id.try_into().map_err(|_| unreadable("an id of what was asked"))?);
            Ok((id, row.get("reply")?))
        };
        rows.iter().map(reply).collect()
    }

    /// Forgets that it was asked, and what was replied.
    pub(crate) async fn forget_ask(&self, id: JobId) -> Result<(), StoreError> {
        self.forget_asks(&[id.as_bytes().to_vec()]).await
    }

    async fn forget_asks(&self, ids: &[Vec<u8>]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = Sql::new(format!("delete from asks where id in ({})", places(ids.len())));
        let sql = sql.bind_all(ids.iter().cloned());
        alone(|| self.database.execute(&sql)).await.map(drop)
    }

    pub(super) async fn remove_asks(&self) -> Result<u64, StoreError> {
        let sql = Sql::new("delete from asks where agent = ? and asked_at < {now} - ?");
        self.database.execute(&sql.bind(&*self.agent).bind(micros(KEPT))).await
    }
}
