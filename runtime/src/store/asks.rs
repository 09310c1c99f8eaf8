//! What clients were asked in the middle of a call, and their replies.

use super::{
    Store, StoreError,
    claim::micros,
    database::{Sql, again, alone},
};
use crate::Principal;
use protocol::{Digest, JobId};
use std::time::Duration;

/// A reply is good for this long after it was asked for, and then forgotten.
const KEPT: Duration = Duration::from_secs(3600);

impl Store {
    /// Notes that this caller's client is asked about the subject.
    pub(crate) async fn insert_ask(&self, id: JobId, caller: &Principal, subject: &Digest) -> Result<(), StoreError> {
        let sql = Sql::new("insert into asks (id, agent, caller, subject, asked_at) values (?, ?, ?, ?, {now})");
        let sql = sql.bind(id.as_bytes().to_vec()).bind_all([&*self.agent, &caller.to_string(), &subject.hex()]);
        again(|| self.database.execute(&sql)).await.map(drop)
    }

    /// Takes a reply down. False when this caller was asked nothing under this id, or has replied.
    pub(crate) async fn note_reply(&self, id: JobId, caller: &Principal, reply: &str) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "update asks set reply = ? where id = ? and agent = ? and caller = ? and reply is null and asked_at > {now} - ?",
        );
        let sql = sql.bind(reply).bind(id.as_bytes().to_vec());
        let sql = sql.bind_all([&*self.agent, &caller.to_string()]).bind(micros(KEPT));
        Ok(self.database.execute(&sql).await? > 0)
    }

    /// The oldest reply of this caller about the subject. Whoever takes it is the only one who does.
    pub(crate) async fn take_reply(&self, caller: &Principal, subject: &Digest) -> Result<Option<String>, StoreError> {
        let replied = Sql::new(
            "select id, reply from asks where agent = ? and subject = ? and caller = ? and reply is not null
             and asked_at > {now} - ? order by asked_at limit 1",
        );
        let replied = replied.bind_all([&*self.agent, &subject.hex(), &caller.to_string()]).bind(micros(KEPT));
        let Some(row) = self.database.row(&replied).await? else { return Ok(None) };
        let take = Sql::new("delete from asks where id = ?").bind(row.get::<Vec<u8>>("id")?);
        let taken = alone(|| self.database.execute(&take)).await? > 0;
        Ok(if taken { row.get("reply")? } else { None })
    }

    pub(super) async fn remove_asks(&self) -> Result<u64, StoreError> {
        let sql = Sql::new("delete from asks where agent = ? and asked_at < {now} - ?");
        self.database.execute(&sql.bind(&*self.agent).bind(micros(KEPT))).await
    }
}
