use super::{
    Durability, LocalError, directory, ports,
    process::{Daemon, Launch, Owner, Spawner},
    programs::Programs,
    secrets::Secrets,
    write,
};
use nix::sys::signal::Signal;
use std::{path::Path, time::Duration};

/// Starts Redis on `dir` and `port`, and waits until it answers.
pub(crate) async fn start(
    spawner: &Spawner,
    programs: &Programs,
    dir: &Path,
    port: u16,
    secrets: &Secrets,
    durability: Durability,
) -> Result<Daemon, LocalError> {
    let owner = Owner::named("redis");
    directory(dir, owner, 0o700)?;
    let users = dir.join("users.acl");
    if !users.exists() {
        // Redis writes the file anew whenever the host saves a user, so the two fixed ones are only written once.
        write(&users, users_acl(secrets).as_bytes(), owner, 0o600)?;
    }
    let file = dir.join("redis.conf");
    write(&file, configuration(dir, port, durability).as_bytes(), owner, 0o600)?;
    let launch = Launch {
        name: "redis",
        program: &programs.redis,
        args: vec![file.into()],
        env: Vec::new(),
        owner,
        on_death: Signal::SIGTERM,
        log: dir.join("redis.log"),
    };
    let daemon = spawner.start(launch).await?;
    daemon.ready(Duration::from_secs(30), || ports::answers(port)).await
}

fn configuration(dir: &Path, port: u16, durability: Durability) -> String {
    // A log of every write, on the disk before the answer, rather than snapshots: versions of cached lists must not fall
    // back behind the rows in MySQL when Redis is killed.
    let log = match durability {
        Durability::Durable => "yes",
        Durability::Fast => "no",
    };
    let dir = dir.display();
    format!(
        "bind 127.0.0.1\nport {port}\ndir \"{dir}\"\naclfile \"{dir}/users.acl\"\nsave \"\"\nappendonly {log}\n\
         appendfsync everysec\nmaxmemory 256mb\nmaxmemory-policy volatile-lru\ndaemonize no\nlogfile \"\"\n\
         enable-debug-command no\nenable-module-command no\n"
    )
}

fn users_acl(secrets: &Secrets) -> String {
    let (admin, reader) = (&secrets.admin, &secrets.reader);
    format!(
        "user default off\n\
         user {ADMIN} on >{admin} ~* &* +@all\n\
         user {READER} on >{reader} resetchannels %R~* +@read +@connection +info +dbsize -@dangerous +keys +info\n"
    )
}

/// The host's account.
pub(crate) const ADMIN: &str = super::mariadb::ADMIN;
/// The account that reads everything.
pub(crate) const READER: &str = super::mariadb::READER;
